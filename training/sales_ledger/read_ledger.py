"""From a recycler's file to sales in columns: every cell read as it is meant, every bad one named (台账读取)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.sales_ledger import cells
from training.sales_ledger.column_mapping import Heading, find_headings, how_many_ours
from training.sales_ledger.dedupe import settled
from training.sales_ledger.ledger_columns import Reading, VatBasis
from training.sales_ledger.money import Money, read_money_columns
from training.sales_ledger.open_workbook import Sheet, round_batch
from training.sales_ledger.sales_table import Ledger, RowError
from valuation.errors import UnreadableLedger
from valuation.ingest.aliases import choice_name
from valuation.ingest.normalise_code import normalise_code
from valuation.numeric.columns import FloatArray
from valuation.record.fields import REGIONS

_TOTALS = frozenset({"合计", "总计", "小计", "合 计", "total", "totals", "sum", "grand total", "subtotal"})
_ROUNDED = re.compile(r"\d(\.\d+)?e\+\d+", re.IGNORECASE)
_ROUTES = ("recycling", "second_life", "reuse")


def read_ledger(path: Path, vat: VatBasis | None = None) -> Ledger:
    """Return the sales of a CSV, Excel or Parquet file; rows that cannot be used are kept as faults.

    Parameters
    ----------
    path : Path
        The ledger; headings in English or Chinese.
    vat : "included" or "excluded", optional
        What prices are where the ledger itself does not say.

    Raises
    ------
    UnreadableLedger
        If the file is no table, lacks a column without which no sale can be used, or nothing says whether its prices
        hold VAT.
    """
    sheet = round_batch(path, how_many_ours)
    found, unused = find_headings([str(name) for name in sheet.table.column_names], sheet.name)
    sheet, blank = _without_blank_rows(sheet, found)
    reading = Reading(sheet=sheet, found=found)
    reading.notes["blank"] = blank
    _leave_totals(reading)
    codes = _codes(reading)
    days = _days(reading)
    regions = _regions(reading)
    money = read_money_columns(reading, vat, [region is None or region.startswith("CN") for region in regions])
    ledger = Ledger(
        name=sheet.name,
        row=sheet.row,
        sale_id=_names(reading),
        battery_code=tuple(codes),
        sold_day=days,
        price_cny=money.price,
        lot_id=tuple(reading.texts("lot_id")),
        lot_price_cny=money.lot_price,
        tax=money.tax,
        region=tuple(regions),
        route=_routes(reading),
        buyer_kind=tuple(reading.texts("buyer_kind")),
        seller_kind=tuple(reading.texts("seller_kind")),
        currency=money.currency,
        rows_read=reading.rows + len(sheet.broken),
        unused_columns=unused,
    )
    return settled(_without_wrong(reading, ledger, money))


def _without_blank_rows(sheet: Sheet, found: Mapping[str, Heading]) -> tuple[Sheet, int]:
    """Return a sheet without the rows that hold nothing of ours."""
    filled = np.zeros(sheet.table.num_rows, dtype=np.bool_)
    for heading in found.values():
        column = sheet.table[heading.column]
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            known = pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(pc.fill_null(column, ""))), 0)
        else:
            known = pc.is_valid(column)
        filled |= np.asarray(known.to_numpy(zero_copy_only=False), dtype=np.bool_)
    if not filled.any():
        raise UnreadableLedger(
            f"the ledger {sheet.name} has headings and no rows", hint="give a ledger with sales in it", field="ledger"
        )
    blank = int((~filled).sum())
    if not blank:
        return sheet, 0
    return replace(sheet, table=sheet.table.filter(pa.array(filled)), row=sheet.row[filled]), blank


def _leave_totals(reading: Reading) -> None:
    """Leave out rows that add the others up."""
    mask = np.zeros(reading.rows, dtype=np.bool_)
    for name in ("sale_id", "battery_code", "sold_on", "lot_id"):
        mask |= np.array([text is not None and cells.tidy(text) in _TOTALS for text in reading.texts(name)], dtype=bool)
    reading.mark_invalid(mask, "total", "sale_id" if "sale_id" in reading.found else "battery_code")


def _codes(reading: Reading) -> list[str]:
    """Return battery codes under their one spelling."""
    column = reading.column("battery_code")
    texts: list[str | None] = cells.each_once(column, lambda text: text.strip(), None)[0]
    reading.mark_invalid(np.array([text is None for text in texts], dtype=np.bool_), "no code", "battery_code")
    rounded = np.array([text is not None and bool(_ROUNDED.fullmatch(text)) for text in texts], dtype=np.bool_)
    reading.mark_invalid(rounded, "code rounded", "battery_code")
    spelled = [normalise_code(text) or "" for text in texts]
    reading.notes["odd code"] = sum(text is not None and text != one for text, one in zip(texts, spelled, strict=True))
    return spelled


def _days(reading: Reading) -> FloatArray:
    """Return days of sale."""
    column = reading.column("sold_on")
    days = cells.days_of(column)
    if days is None:
        before = len(reading.wrong)
        days = reading.read("sold_on", cells.read_day)
        known = ~np.isnan(days)
        for mask, _, _ in reading.wrong[before:]:
            known |= mask
    else:
        known = ~np.isnan(days)
        reading.mark_invalid(known & ~cells.possible(days), "impossible day", "sold_on")
    reading.mark_invalid(~known, "no day", "sold_on")
    return days


def _names(reading: Reading) -> tuple[str, ...]:
    """Return the id of each sale; a sale without one is named by its row."""
    told = reading.texts("sale_id")
    reading.notes["unnamed"] = sum(text is None for text in told)
    return tuple(text or f"row {row}" for text, row in zip(told, reading.sheet.row.tolist(), strict=True))


def _regions(reading: Reading) -> list[str | None]:
    """Return regions as ISO 3166-2 where they are provinces; others as they are written."""
    column = reading.column("region")
    if column is None:
        return [None] * reading.rows
    return cells.each_once(column, _region, None)[0]


def _region(text: str) -> str:
    """Return the short name of a region.

    >>> _region("广东省"), _region("上海市"), _region("cn-gd"), _region("中国")
    ('CN-GD', 'CN-SH', 'CN-GD', 'CN')
    """
    bare = re.sub(r"(省|市|(壮族|回族|维吾尔)?自治区|特别行政区)$", "", text.strip())
    if bare in {"中国", "China", "china"}:
        return "CN"
    return choice_name(bare, "region", REGIONS) or bare.upper()[:32]


def _routes(reading: Reading) -> tuple[str | None, ...]:
    """Return routes by our names where they are ours."""
    column = reading.column("route")
    if column is None:
        return (None,) * reading.rows
    return tuple(cells.each_once(column, lambda text: choice_name(text.strip(), "route", _ROUTES) or text, None)[0])


def _without_wrong(reading: Reading, ledger: Ledger, money: Money) -> Ledger:
    """Return the sales without the rows that have a wrong cell; every wrong cell of a row is a fault."""
    total = next(
        (mask for mask, reason, _ in reading.wrong if reason == "total"), np.zeros(len(ledger), dtype=np.bool_)
    )
    bad = np.zeros(len(ledger), dtype=np.bool_)
    faults = [
        RowError(row=row, sale_id="", battery_code="", field="", value=said, reason="line")
        for row, said in reading.sheet.broken
    ]
    for mask, reason, name in reading.wrong:
        heading = reading.found.get(name)
        shown = None if heading is None else reading.sheet.table[heading.column]
        for at in np.flatnonzero(mask if reason == "total" else mask & ~total).tolist():
            value = None if shown is None else shown[at].as_py()
            faults.append(
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
    notes = {name: count for name, count in (reading.notes + money.notes).items() if count}
    faults.sort(key=lambda fault: fault.row)
    whole = replace(ledger, faults=tuple(faults), notes=notes)
    kept = whole.take(np.flatnonzero(~bad))
    lots = {ledger.lot_id[at] for at in np.flatnonzero(bad & ~total).tolist()} - {None}
    broken = np.isnan(kept.price_cny) & np.array([lot in lots for lot in kept.lot_id], dtype=np.bool_)
    return kept.drop(~broken, "lot broken", "lot_id")
