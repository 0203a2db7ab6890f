"""Read a sales ledger (台账读取) into columns; every cell that cannot be read is reported."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.sales_ledger import cells
from training.sales_ledger.column_mapping import as_ledger_error, find_headings
from training.sales_ledger.dedupe import resolve_duplicates
from training.sales_ledger.ledger_columns import ColumnReader, VatBasis
from training.sales_ledger.money import Money, read_money_columns
from training.sales_ledger.sales_table import RowError, SalesLedger
from valuation.errors import FieldError, UnreadableLedger, UnreadableRecord
from valuation.ingest.decode_bytes import Limits
from valuation.ingest.fields.aliases import SALE_SCOPE, choice_name
from valuation.ingest.fields.headings import Heading
from valuation.ingest.fields.normalise_code import normalise_code
from valuation.ingest.tables.open_table import open_table
from valuation.ingest.tables.opened_table import OpenTable, is_total
from valuation.numeric.columns import FloatArray
from valuation.record.fields import REGIONS

_ROUNDED = re.compile(r"\d(\.\d+)?e\+\d+", re.IGNORECASE)
_LARGEST = 2 << 30
_ROUTES = ("recycling", "second_life", "reuse")


def read_ledger(path: Path, vat: VatBasis | None = None) -> SalesLedger:
    """Read the sales of a CSV, Excel or Parquet file; rejected rows are returned as row errors.

    Parameters
    ----------
    path : Path
        The ledger; headings in English or Chinese.
    vat : "included" or "excluded", optional
        Tax basis of the prices if the ledger does not state it.

    Raises
    ------
    UnreadableLedger
        If the file is not a table, a required column is missing, or the tax basis of the prices is not stated.
    """
    sheet = _opened(path)
    found, unused = find_headings([str(name) for name in sheet.table.column_names], sheet.name)
    sheet, blank = _without_blank_rows(sheet, found)
    reader = ColumnReader(sheet=sheet, found=found)
    reader.notes["blank"] = sheet.blank + blank
    _leave_totals(reader)
    codes = _codes(reader)
    days = _days(reader)
    regions = _regions(reader)
    money = read_money_columns(reader, vat, [region is None or region.startswith("CN") for region in regions])
    ledger = SalesLedger(
        name=sheet.name,
        row=sheet.row,
        sale_id=_names(reader),
        battery_code=tuple(codes),
        sold_day=days,
        price_cny=money.price,
        lot_id=tuple(reader.texts("lot_id")),
        lot_price_cny=money.lot_price,
        tax=money.tax,
        region=tuple(regions),
        route=_routes(reader),
        buyer_kind=tuple(reader.texts("buyer_kind")),
        seller_kind=tuple(reader.texts("seller_kind")),
        currency=money.currency,
        price_heading=money.heading,
        price_per=money.per,
        rows_read=reader.rows + len(sheet.broken),
        unused_columns=unused,
    )
    return resolve_duplicates(_without_wrong(reader, ledger, money))


def _opened(path: Path) -> OpenTable:
    """Return the table of a ledger.

    Raises
    ------
    UnreadableLedger
        If the file cannot be read as a table.
    """
    try:
        return open_table(path, path.name, SALE_SCOPE, Limits(source_bytes=_LARGEST))
    except (UnreadableRecord, FieldError) as error:
        raise as_ledger_error(error) from error


def _without_blank_rows(sheet: OpenTable, found: Mapping[str, Heading]) -> tuple[OpenTable, int]:
    """Return the sheet without rows that are empty in all known columns, and their number."""
    filled = np.zeros(sheet.table.num_rows, dtype=np.bool_)
    for heading in found.values():
        column = sheet.table[heading.spelled]
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            known = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(pc.fill_null(column, ""))), 0)
        else:
            known = pc.is_valid(column)
        filled |= np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.bool_)
    if not filled.any():
        raise UnreadableLedger("ledger.no_rows", field="ledger", name=sheet.name)
    blank = int((~filled).sum())
    if not blank:
        return sheet, 0
    return sheet.rows_where(filled), blank


def _leave_totals(reader: ColumnReader) -> None:
    """Reject rows that contain totals."""
    mask = np.zeros(reader.rows, dtype=np.bool_)
    for name in ("sale_id", "battery_code", "sold_on", "lot_id"):
        mask |= np.array([is_total(text) for text in reader.texts(name)], dtype=bool)
    reader.mark_invalid(mask, "total", "sale_id" if "sale_id" in reader.found else "battery_code")


def _codes(reader: ColumnReader) -> list[str]:
    """Return normalised battery codes."""
    column = reader.column("battery_code")
    texts: list[str | None] = cells.read_distinct(column, lambda text: text.strip(), None)[0]
    reader.mark_invalid(np.array([text is None for text in texts], dtype=np.bool_), "no code", "battery_code")
    rounded = np.array([text is not None and bool(_ROUNDED.fullmatch(text)) for text in texts], dtype=np.bool_)
    reader.mark_invalid(rounded, "code rounded", "battery_code")
    spelled = [normalise_code(text) or "" for text in texts]
    reader.notes["odd code"] = sum(text is not None and text != one for text, one in zip(texts, spelled, strict=True))
    return spelled


def _days(reader: ColumnReader) -> FloatArray:
    """Return days of sale."""
    column = reader.column("sold_on")
    days = cells.days_of(column)
    if days is None:
        before = len(reader.wrong)
        days = reader.read("sold_on", cells.read_day)
        known = ~np.isnan(days)
        for mask, _, _ in reader.wrong[before:]:
            known |= mask
    else:
        known = ~np.isnan(days)
        reader.mark_invalid(known & ~cells.possible(days), "impossible day", "sold_on")
    reader.mark_invalid(~known, "no day", "sold_on")
    return days


def _names(reader: ColumnReader) -> tuple[str, ...]:
    """Return the id of each sale; a sale without an id gets one from its row number."""
    ids = reader.texts("sale_id")
    reader.notes["unnamed"] = sum(text is None for text in ids)
    return tuple(text or f"row {row}" for text, row in zip(ids, reader.sheet.row.tolist(), strict=True))


def _regions(reader: ColumnReader) -> list[str | None]:
    """Return provinces as ISO 3166-2 codes and other regions as written."""
    column = reader.column("region")
    if column is None:
        return [None] * reader.rows
    return cells.read_distinct(column, _region, None)[0]


def _region(text: str) -> str:
    """Return the code of a region.

    >>> _region("广东省"), _region("上海市"), _region("cn-gd"), _region("中国")
    ('CN-GD', 'CN-SH', 'CN-GD', 'CN')
    """
    bare = re.sub(r"(省|市|(壮族|回族|维吾尔)?自治区|特别行政区)$", "", text.strip())
    if bare in {"中国", "China", "china"}:
        return "CN"
    return choice_name(bare, "region", REGIONS) or bare.upper()[:32]


def _routes(reader: ColumnReader) -> tuple[str | None, ...]:
    """Return known routes by their canonical names and other texts unchanged."""
    column = reader.column("route")
    if column is None:
        return (None,) * reader.rows
    return tuple(cells.read_distinct(column, lambda text: choice_name(text.strip(), "route", _ROUTES) or text, None)[0])


def _without_wrong(reader: ColumnReader, ledger: SalesLedger, money: Money) -> SalesLedger:
    """Return the sales without invalid rows; every invalid cell becomes a row error."""
    total = next((mask for mask, reason, _ in reader.wrong if reason == "total"), np.zeros(len(ledger), dtype=np.bool_))
    bad = np.zeros(len(ledger), dtype=np.bool_)
    row_errors = [
        RowError(row=row, sale_id="", battery_code="", field="", value=f"{count} cells", reason="line")
        for row, count in reader.sheet.broken
    ]
    for mask, reason, name in reader.wrong:
        heading = reader.found.get(name)
        shown = None if heading is None else reader.sheet.table[heading.spelled]
        for at in np.flatnonzero(mask if reason == "total" else mask & ~total).tolist():
            value = None if shown is None else shown[at].as_py()
            row_errors.append(
                RowError(
                    row=int(ledger.row[at]),
                    sale_id=ledger.sale_id[at],
                    battery_code=ledger.battery_code[at],
                    field=name,
                    value="" if value is None else str(value),
                    reason=reason,
                )
            )
        bad |= mask
    notes = {name: count for name, count in (reader.notes + money.notes).items() if count}
    row_errors.sort(key=lambda error: error.row)
    whole = replace(ledger, row_errors=tuple(row_errors), notes=notes)
    kept = whole.take(np.flatnonzero(~bad))
    lots = {ledger.lot_id[at] for at in np.flatnonzero(bad & ~total).tolist()} - {None}
    broken = np.isnan(kept.price_cny) & np.array([lot in lots for lot in kept.lot_id], dtype=np.bool_)
    return kept.drop(~broken, "lot broken", "lot_id")
