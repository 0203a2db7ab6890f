"""Market quotes in (行情导入): CSV or Parquet, Chinese or English, to one basis: CNY, per t or per kWh, without VAT."""

from __future__ import annotations

import difflib
import hashlib
import io
import os
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from valuation.columns import FloatArray, IntArray
from valuation.errors import UnreadableQuotes
from valuation.instruments import ALIASES, INSTRUMENTS, VAT_RATE, in_range
from valuation.intake.quote_units import EXAMPLES, QuoteUnit, find_unit, tidy
from valuation.market import HOME_REGION, MarketHistory

REQUIRED: Final = ("quoted_on", "instrument", "price", "unit", "vat_included")
_HEADERS = {
    "quoted_on": ("quoted_on", "date", "日期", "报价日期", "报价日"),
    "instrument": ("instrument", "品种", "品名", "产品"),
    "price": ("price", "价格", "报价", "均价"),
    "unit": ("unit", "单位"),
    "vat_included": ("vat_included", "含税", "是否含税"),
    "region": ("region", "地区", "区域"),
    "source": ("source", "来源", "数据来源"),
}
_HEADER_OF = {spelled: name for name, names in _HEADERS.items() for spelled in names}
_YES = {"true", "1", "yes", "y", "是", "含税", "含"}
_NO = {"false", "0", "no", "n", "否", "不含税", "不含", "未税"}
_REGIONS = {"中国": "CN", "china": "CN", "欧洲": "EU", "europe": "EU", "美国": "US", "韩国": "KR"}
_EPOCH = date(1970, 1, 1).toordinal()
_PARQUET_MARK = b"PAR1"

Source = str | os.PathLike[str] | bytes | pa.Table
Parsed = TypeVar("Parsed")


def read_market(source: Source) -> MarketHistory:
    """Return the quotes of a file or table (行情读取), all on one basis.

    Columns ``quoted_on, instrument, price, unit, vat_included`` and, if there, ``region`` (else China) and ``source``.
    Quotes in dollars or euros are converted by the exchange rate quoted by their own day in the same file. Where
    several sources quote one thing on one day the middle quote counts; one source must not contradict itself.

    Parameters
    ----------
    source : path, bytes of a CSV (UTF-8) or Parquet file, or an Arrow table

    Raises
    ------
    UnreadableQuotes
        If the source cannot be read or a row cannot be used; the message names row, field and value.

    >>> market = read_market('''日期,品种,价格,单位,含税,来源
    ... 2026-11-02,电池级碳酸锂,11.3,万元/吨,是,example'''.encode())
    >>> market.on(np.array([20759.0, 20758.0])).price["lithium_carbonate"].round(6).tolist()  # 2026-11-02 and the day before
    [100000.0, nan]
    """
    table = _open(source)
    columns = {_HEADER_OF[tidy(name)]: name for name in table.column_names if tidy(name) in _HEADER_OF}
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise UnreadableQuotes(
            f"the quotes have no column {', '.join(missing)}",
            hint="write the columns quoted_on,instrument,price,unit,vat_included,region,source",
            field=missing[0],
        )
    return _history(_Rows(table, columns))


def _open(source: Source) -> pa.Table:
    """Return the source as a table in which every column is text."""
    if isinstance(source, pa.Table):
        return source
    try:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        if content.startswith(_PARQUET_MARK):
            return pq.read_table(io.BytesIO(content))
        names = pa_csv.open_csv(io.BytesIO(content)).schema.names
        options = pa_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
        return pa_csv.read_csv(io.BytesIO(content), convert_options=options)
    except (OSError, pa.ArrowException, ValueError) as error:
        name = "the bytes given" if isinstance(source, bytes) else str(source)
        raise UnreadableQuotes(
            f"no quotes can be read from {name}: {' '.join(str(error).split())}",
            hint="give a CSV file in UTF-8 or a Parquet file",
            field="market",
        ) from error


class _Rows:
    """Columns of the table as distinct texts and, for each row, which of them it holds."""

    def __init__(self, table: pa.Table, columns: Mapping[str, str]) -> None:
        self.count = table.num_rows
        self._texts: dict[str, list[str]] = {}
        self._code: dict[str, IntArray] = {}
        for name in _HEADERS:
            texts, code = _encoded(table[columns[name]]) if name in columns else ([""], np.zeros(self.count, np.int64))
            self._texts[name], self._code[name] = texts, code

    def parsed(self, name: str, parse: Callable[[str], Parsed | None], hint: str) -> list[Parsed]:
        """Return the column with each distinct text parsed once; raise where one cannot be."""
        values = []
        for position, text in enumerate(self._texts[name]):
            value = parse(text.strip())
            if value is None:
                row = int(np.flatnonzero(self._code[name] == position)[0])
                raise self.error(row, name, hint)
            values.append(value)
        return [values[position] for position in self._code[name].tolist()]

    def text(self, row: int, name: str) -> str:
        """Return what stands in a row, as it was written."""
        return self._texts[name][int(self._code[name][row])]

    def error(self, row: int, name: str, hint: str) -> UnreadableQuotes:
        """Return the error that names row, instrument, field and value; the header is line 1."""
        value = self.text(row, name)
        return UnreadableQuotes(
            f"line {row + 2} ({self.text(row, 'instrument') or 'no instrument'}): {name} is {value!r}",
            hint=hint,
            field=name,
            value=value,
        )


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], IntArray]:
    """Return the distinct texts of a column and each row's position among them; nothing becomes an empty text."""
    texts = pc.fill_null(pc.cast(column, pa.string()), "")
    encoded = pc.dictionary_encode(texts).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # an empty table has no chunk to combine
        return [""], np.zeros(0, dtype=np.int64)
    return encoded.dictionary.to_pylist(), np.asarray(encoded.indices.to_numpy(zero_copy_only=False), dtype=np.int64)


def _history(rows: _Rows) -> MarketHistory:
    """Return the rows as quotes by instrument and region, on one basis."""
    day = np.array(rows.parsed("quoted_on", _day, "write the day as 2026-11-20"), dtype=np.float64)
    instrument = np.array(rows.parsed("instrument", _instrument, _instrument_hint(rows)), dtype=str)
    price = np.array(rows.parsed("price", _number, "write a plain number; leave out a day without a quote"))
    region = np.array(rows.parsed("region", _region, "write a short region such as CN"), dtype=str)
    synthetic = rows.parsed("source", _is_synthetic, "")
    price = _converted(rows, instrument, day, price * _factors(rows, instrument, region))
    _check_range(rows, instrument, price)
    source = np.array(rows.parsed("source", str, ""), dtype=str)
    series: dict[str, dict[str, tuple[FloatArray, FloatArray]]] = {}
    order = np.lexsort((price, source, day, region, instrument))
    keys = np.char.add(np.char.add(instrument[order], "\n"), region[order]) if rows.count else np.array([], dtype=str)
    edges = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    for block in np.split(order, edges):
        if len(block):
            first = block[0]
            series.setdefault(str(instrument[first]), {})[str(region[first])] = _thinned(
                rows, block, day, price, source
            )
    is_synthetic = rows.count > 0 and all(synthetic)
    return MarketHistory(series=series, digest=_digest(series, is_synthetic=is_synthetic), synthetic=is_synthetic)


def _thinned(
    rows: _Rows, block: IntArray, day: FloatArray, price: FloatArray, source: np.ndarray[tuple[int], np.dtype[np.str_]]
) -> tuple[FloatArray, FloatArray]:
    """Return one quote a day: the middle one of several sources; raise where one source says two things."""
    days, prices = day[block], price[block]
    clash = (days[1:] == days[:-1]) & (source[block][1:] == source[block][:-1]) & (prices[1:] != prices[:-1])
    if clash.any():
        later = int(block[1:][clash][0])
        raise rows.error(later, "price", "the same source quotes another price for that day: keep the right one")
    starts = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))
    if len(starts) == len(days):
        return days, prices
    middle = [float(np.median(np.unique(part))) for part in np.split(prices, starts[1:])]
    return days[starts], np.array(middle)


def _factors(
    rows: _Rows,
    instrument: np.ndarray[tuple[int], np.dtype[np.str_]],
    region: np.ndarray[tuple[int], np.dtype[np.str_]],
) -> FloatArray:
    """Return what each quote is multiplied by to come to its base unit without VAT, currency aside."""
    factor = np.ones(rows.count)
    seen: dict[tuple[str, str, str, str], float] = {}
    for row, (name, place) in enumerate(zip(instrument.tolist(), region.tolist(), strict=True)):
        key = (name, place, rows.text(row, "unit"), rows.text(row, "vat_included"))
        if key not in seen:
            seen[key] = _unit(rows, row, name).factor / _vat(rows, row, name, place)
        factor[row] = seen[key]
    return factor


def _unit(rows: _Rows, row: int, instrument: str) -> QuoteUnit:
    """Return the unit of a row, or raise."""
    base = INSTRUMENTS[instrument].unit
    unit = find_unit(base, rows.text(row, "unit"))
    if unit is None:
        raise rows.error(row, "unit", f"give the quote in {EXAMPLES[base]}")
    return unit


def _vat(rows: _Rows, row: int, instrument: str, region: str) -> float:
    """Return what a price is divided by to leave the tax out; fractions and exchange rates carry none."""
    if INSTRUMENTS[instrument].unit not in {"CNY/t", "CNY/kWh"}:
        return 1.0
    answer = tidy(rows.text(row, "vat_included"))
    if answer in _NO:
        return 1.0
    if answer not in _YES:
        raise rows.error(row, "vat_included", "say true or false: the 13 % tax is part of the price, or it is not")
    if region != HOME_REGION:
        raise rows.error(
            row, "vat_included", f"the tax of region {region} is not known here: give the price without it"
        )
    return 1.0 + VAT_RATE


def _converted(
    rows: _Rows, instrument: np.ndarray[tuple[int], np.dtype[np.str_]], day: FloatArray, price: FloatArray
) -> FloatArray:
    """Return prices in CNY, converted by the exchange rate quoted by their own day."""
    foreign: dict[str, list[int]] = {}
    for row, name in enumerate(instrument.tolist()):
        unit = _unit(rows, row, name) if rows.text(row, "unit") else None
        if unit is not None and unit.currency:
            foreign.setdefault(unit.currency, []).append(row)
    for currency, places in foreign.items():
        mine = np.flatnonzero(instrument == currency)
        mine = mine[np.argsort(day[mine], kind="stable")]
        position = np.searchsorted(day[mine], day[places], side="right") - 1
        if (position < 0).any():
            row = places[int(np.flatnonzero(position < 0)[0])]
            raise rows.error(row, "unit", f"add a quote of {currency} made on or before that day")
        price[places] = price[places] * price[mine][position]
    return price


def _check_range(rows: _Rows, instrument: np.ndarray[tuple[int], np.dtype[np.str_]], price: FloatArray) -> None:
    """Raise where a price cannot be meant."""
    for name in np.unique(instrument).tolist():
        entry = INSTRUMENTS[name]
        bad = np.flatnonzero((instrument == name) & ~((price >= entry.low) & (price <= entry.high)))
        if len(bad):
            row = int(bad[0])
            raise rows.error(
                row,
                "price",
                f"that is {price[row]:g} {entry.unit} without tax, outside {entry.low:g} to {entry.high:g}: "
                "check unit and decimal point",
            )


def _digest(series: Mapping[str, Mapping[str, tuple[FloatArray, FloatArray]]], *, is_synthetic: bool) -> str:
    """Return the SHA-256 name of the quotes as they are used."""
    sha = hashlib.sha256(b"synthetic\n" if is_synthetic else b"")
    for name in sorted(series):
        for region in sorted(series[name]):
            days, prices = series[name][region]
            sha.update(f"{name}\t{region}\t{len(days)}\n".encode())
            sha.update(np.ascontiguousarray(days, dtype="<f8").tobytes())
            sha.update(np.ascontiguousarray(prices, dtype="<f8").tobytes())
    return f"sha256:{sha.hexdigest()}"


def _day(text: str) -> float | None:
    """Return a day as days since 1970-01-01; a time of day is left aside."""
    parts = text.replace("/", "-").replace("年", "-").replace("月", "-").replace("日", "").split("T")[0].split()
    try:
        year, month, day = (int(part) for part in parts[0].split("-"))
        return float(date(year, month, day).toordinal() - _EPOCH)
    except (IndexError, ValueError):
        return None


def _instrument(text: str) -> str | None:
    """Return the public name of an instrument."""
    name = tidy(text)
    return name if name in INSTRUMENTS else ALIASES.get(name)


def _instrument_hint(rows: _Rows) -> str:
    """Return the way out for the first unknown instrument: the nearest name."""
    unknown = next((text for text in rows._texts["instrument"] if _instrument(text.strip()) is None), "")  # noqa: SLF001 - same module
    near = difflib.get_close_matches(tidy(unknown), [*INSTRUMENTS, *ALIASES], n=1)
    return f"did you mean {near[0]}?" if near else "see the list of instruments in the reference"


def _number(text: str) -> float | None:
    """Return a finite number; thousands may be set off by commas."""
    try:
        value = float(text.replace(",", "").replace("，", ""))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def _region(text: str) -> str | None:
    """Return a region's short name; China where none is given."""
    if len(text) > 16:
        return None
    return _REGIONS.get(tidy(text), text.upper() or HOME_REGION)


def _is_synthetic(text: str) -> bool:
    """Tell whether a source says that its quotes are synthetic."""
    return any(mark in text.lower() for mark in ("synthetic", "simulat", "模拟", "合成"))
