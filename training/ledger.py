"""The sales ledger (成交台账): what packs fetched, read from CSV or Parquet, checked row by row.

A row that cannot be used is set aside with its reason; nothing is dropped without a word.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from valuation.columns import BoolArray, FloatArray
from valuation.errors import UnreadableLedger

VAT_RATE = 0.13
"""Value-added tax on goods in China since 2019-04-01 (State Taxation Administration, Announcement 39 of 2019)."""

REQUIRED = ("sale_id", "battery_code", "sold_on", "price_cny")
_TEXTS = ("sale_id", "battery_code", "region", "lot_id", "route", "vat_included")
_YES, _NO = {"true", "1", "yes", "y", "是", "含税"}, {"false", "0", "no", "n", "否", "不含税", "none"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Sales, one row a sold pack.

    `price_cny` is without VAT; where a lot was sold for one sum, `lot_price_cny` holds it and `price_cny` is not
    known. `set_aside` counts the rows that could not be used, by reason.
    """

    sale_id: tuple[str, ...]
    battery_code: tuple[str, ...]
    sold_day: FloatArray
    price_cny: FloatArray
    lot_id: tuple[str | None, ...]
    lot_price_cny: FloatArray
    region: tuple[str | None, ...]
    route: tuple[str | None, ...]
    set_aside: dict[str, int]

    def __len__(self) -> int:
        """Return the number of sales."""
        return len(self.sale_id)

    def where(self, keep: BoolArray, reason: str) -> Ledger:
        """Return the sales that are kept, counting the others under a reason."""
        chosen = np.flatnonzero(keep)
        dropped = len(self) - len(chosen)
        counts = Counter(self.set_aside)
        if dropped:
            counts[reason] += dropped
        return Ledger(
            sale_id=tuple(self.sale_id[i] for i in chosen),
            battery_code=tuple(self.battery_code[i] for i in chosen),
            sold_day=self.sold_day[chosen],
            price_cny=self.price_cny[chosen],
            lot_id=tuple(self.lot_id[i] for i in chosen),
            lot_price_cny=self.lot_price_cny[chosen],
            region=tuple(self.region[i] for i in chosen),
            route=tuple(self.route[i] for i in chosen),
            set_aside=dict(counts),
        )


def read_ledger(path: Path) -> Ledger:
    """Return the sales of a CSV or Parquet file.

    Raises
    ------
    UnreadableLedger
        If the file cannot be read or lacks a column without which no sale can be used.
    """
    table = _read_table(path)
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise UnreadableLedger(
            f"the ledger {path.name} has no column {', '.join(missing)}",
            hint=f"a ledger needs at least {', '.join(REQUIRED)}",
            field=missing[0],
        )
    ledger = Ledger(
        sale_id=tuple(text or "" for text in _texts(table, "sale_id")),
        battery_code=tuple(text or "" for text in _texts(table, "battery_code")),
        sold_day=_days(table["sold_on"], path),
        price_cny=_without_vat(table, _numbers(table, "price_cny")),
        lot_id=_texts(table, "lot_id"),
        lot_price_cny=_without_vat(table, _numbers(table, "lot_price_cny")),
        region=_texts(table, "region"),
        route=_texts(table, "route"),
        set_aside={},
    )
    return _usable(ledger)


def _read_table(path: Path) -> pa.Table:
    """Return the file as a table, whatever of the two formats it has."""
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pq.read_table(path)
        as_text = pa_csv.ConvertOptions(  # a code of digits alone is no number, an empty cell no text
            column_types=dict.fromkeys(_TEXTS, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        return pa_csv.read_csv(path, convert_options=as_text)
    except (OSError, pa.ArrowInvalid) as error:
        raise UnreadableLedger(
            f"the ledger {path} cannot be read: {error}", hint="give a CSV (UTF-8) or Parquet file", field="ledger"
        ) from error


def _days(column: pa.ChunkedArray, path: Path) -> FloatArray:
    """Return a date column as days since 1970-01-01, not known where empty."""
    try:
        days = pc.cast(pc.cast(column, pa.date32()), pa.int32())
    except pa.ArrowInvalid as error:
        raise UnreadableLedger(
            f"sold_on in {path.name} holds something that is no ISO date: {error}",
            hint="write dates as 2026-11-20",
            field="sold_on",
        ) from error
    return np.asarray(pc.cast(days, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)


def _numbers(table: pa.Table, name: str) -> FloatArray:
    """Return a number column, all not known where it is absent."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    try:
        return np.asarray(pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid as error:
        raise UnreadableLedger(
            f"{name} holds something that is no number: {error}", hint="write plain numbers in CNY", field=name
        ) from error


def _texts(table: pa.Table, name: str) -> tuple[str | None, ...]:
    """Return a text column, all absent where the column is."""
    if name not in table.column_names:
        return (None,) * int(table.num_rows)
    values: list[object] = table[name].to_pylist()
    return tuple(None if value is None else str(value) for value in values)


def _without_vat(table: pa.Table, price_cny: FloatArray) -> FloatArray:
    """Return prices without VAT; where the ledger does not say, prices are taken as they stand.

    Raises
    ------
    UnreadableLedger
        If a cell is neither yes nor no.
    """
    if "vat_included" not in table.column_names:
        return price_cny
    said = [str(value).strip().lower() for value in table["vat_included"].to_pylist()]
    for answer in set(said) - _YES - _NO:
        raise UnreadableLedger(
            f"vat_included is {answer!r}, neither yes nor no", hint="write true or false", field="vat_included"
        )
    return np.where([answer in _YES for answer in said], price_cny / (1.0 + VAT_RATE), price_cny)


def _usable(ledger: Ledger) -> Ledger:
    """Set aside, one reason after the other, what cannot teach a price."""
    for name, texts in (("sale_id", ledger.sale_id), ("battery code", ledger.battery_code)):
        if "" in texts:
            return _usable(ledger.where(np.array([text != "" for text in texts]), f"no {name}"))
    ledger = ledger.where(~np.isnan(ledger.sold_day), "no day of sale")
    priced = np.isfinite(ledger.price_cny) | np.isfinite(ledger.lot_price_cny)
    ledger = ledger.where(priced, "no price")
    first = dict(reversed([(sale, row) for row, sale in enumerate(ledger.sale_id)]))
    fresh = np.array([first[sale] == row for row, sale in enumerate(ledger.sale_id)], dtype=np.bool_)
    return ledger.where(fresh, "sale_id given twice")
