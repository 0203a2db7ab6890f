"""Market quotes (行情导入) from CSV or Parquet, converted to one basis: CNY, per t or per kWh, without VAT."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from valuation.errors import FieldError
from valuation.ingest.fields.numbers import read_number
from valuation.ingest.fields.price_units import EXAMPLES, find_unit, tidy
from valuation.ingest.quotes.quote_table import QuoteSource, QuoteTable, open_quotes
from valuation.market.instruments import ALIASES, INSTRUMENTS, VAT_RATES, vat_period_of
from valuation.market.snapshot import HOME_REGION, MarketHistory
from valuation.messages import Message
from valuation.numeric.columns import FloatArray, IntArray
from valuation.record.fields import Field

_YES = {"true", "1", "yes", "y", "是", "含税", "含"}
_NO = {"false", "0", "no", "n", "否", "不含税", "不含", "未税"}
_REGIONS = {"中国": "CN", "china": "CN", "欧洲": "EU", "europe": "EU", "美国": "US", "韩国": "KR"}
_PRICE = Field("price", "number")
_EPOCH = date(1970, 1, 1).toordinal()
_NAMES = tuple(INSTRUMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quotes:
    """Quotes, one per row: codes of instrument, region and source, day, and price in base units without VAT."""

    instrument: IntArray
    region: IntArray
    region_names: tuple[str, ...]
    source: IntArray
    day: FloatArray
    price: FloatArray


def read_market(source: QuoteSource) -> MarketHistory:
    """Return the quotes of a file or table (行情读取), all on one basis.

    Columns ``quoted_on, instrument, price, unit, vat_included`` and, if there, ``region`` (else China) and ``source``.
    Quotes in dollars or euros are converted by the exchange rate quoted by their own day in the same file. Where
    several sources quote one thing on one day the middle quote counts; one source must not contradict itself.

    Parameters
    ----------
    source : path, bytes of a CSV or Parquet file, or an Arrow table

    Raises
    ------
    UnreadableQuotes
        If the source cannot be read or a row cannot be used; the message names line, field and value.

    >>> market = read_market('''日期,品种,价格,单位,含税,来源
    ... 2026-11-02,电池级碳酸锂,11.3,万元/吨,是,example'''.encode())
    >>> market.on(np.array([20759.0, 20758.0])).price["lithium_carbonate"].round(6).tolist()  # that day, the day before
    [100000.0, nan]
    """
    table = open_quotes(source)
    quotes = _on_one_basis(table)
    sources = table.texts("source")
    synthetic = table.rows > 0 and all(_says_synthetic(text) for text in sources)
    series = _by_instrument(table, quotes)
    return MarketHistory(series=series, digest=_digest(series, synthetic=synthetic), synthetic=synthetic)


def _on_one_basis(table: QuoteTable) -> _Quotes:
    """Return the rows as numbers, all prices in base units without VAT."""
    days, day = table.parse("quoted_on", _day, "quotes.write_day")
    names, name = table.parse("instrument", _instrument, _nearest_name(table))
    prices, price = table.parse("price", _number, "quotes.write_number")
    regions, region = table.parse("region", _region, "quotes.write_region")
    sources, source = table.parse("source", str, "")
    region_names = tuple(sorted(set(regions)))
    source_names = sorted(set(sources))
    instrument = _codes([_NAMES.index(one) for one in names])[name]
    day_number = np.array(days, dtype=np.float64)[day]
    written = np.array(prices, dtype=np.float64)[price]
    quotes = _Quotes(
        instrument=instrument,
        region=_codes([region_names.index(one) for one in regions])[region],
        region_names=region_names,
        source=_codes([source_names.index(one) for one in sources])[source],
        day=day_number,
        price=_base_price(table, instrument, day_number, written),
    )
    _check_range(table, quotes)
    return quotes


def _codes(values: list[int]) -> IntArray:
    return np.array(values, dtype=np.int64)


def _base_price(table: QuoteTable, instrument: IntArray, day: FloatArray, written: FloatArray) -> FloatArray:
    """Return prices in base units without VAT, foreign ones at the exchange rate quoted by their own day."""
    first, which = table.combinations(("instrument", "unit", "vat_included", "region"))
    units = [_unit_and_tax(table, row) for row in first.tolist()]
    factor = np.array([factors for factors, _ in units], dtype=np.float64).reshape(-1, len(VAT_RATES))
    price = written * factor[which, vat_period_of(day)]
    for currency in sorted({currency for _, currency in units if currency}):
        foreign = np.flatnonzero(np.array([found == currency for _, found in units])[which])
        rate = np.flatnonzero(instrument == _NAMES.index(currency))
        rate = rate[np.argsort(day[rate], kind="stable")]
        position = np.searchsorted(day[rate], day[foreign], side="right") - 1
        if (position < 0).any():
            row = int(foreign[position < 0][0])
            raise table.error(row, "unit", Message("quotes.quote_currency", currency=currency))
        price[foreign] = price[foreign] * price[rate][position]
    return price


def _unit_and_tax(table: QuoteTable, row: int) -> tuple[tuple[float, ...], str | None]:
    """Return the factor to base units of each row for each tax rate, and the exchange rate it needs."""
    instrument = _instrument(table.text(row, "instrument").strip()) or ""
    base = INSTRUMENTS[instrument].unit
    unit = find_unit(base, table.text(row, "unit"))
    if unit is None:
        raise table.error(row, "unit", Message("quotes.write_unit", units=Message(EXAMPLES[base])))
    if base not in {"CNY/t", "CNY/kWh"}:
        return (unit.factor,) * len(VAT_RATES), unit.currency
    answer, region = tidy(table.text(row, "vat_included")), _region(table.text(row, "region").strip())
    if answer in _NO:
        return (unit.factor,) * len(VAT_RATES), unit.currency
    if answer not in _YES:
        raise table.error(row, "vat_included", "quotes.write_vat")
    if region != HOME_REGION:
        raise table.error(row, "vat_included", Message("quotes.foreign_vat", region=region))
    return tuple(unit.factor / (1.0 + rate) for _, rate in VAT_RATES), unit.currency


def _check_range(table: QuoteTable, quotes: _Quotes) -> None:
    """Raise if a price is impossible."""
    low = np.array([instrument.low for instrument in INSTRUMENTS.values()])[quotes.instrument]
    high = np.array([instrument.high for instrument in INSTRUMENTS.values()])[quotes.instrument]
    wrong = np.flatnonzero(~((quotes.price >= low) & (quotes.price <= high)))
    if len(wrong):
        row = int(wrong[0])
        entry = INSTRUMENTS[_NAMES[int(quotes.instrument[row])]]
        price = float(quotes.price[row])
        hint = Message("quotes.price_outside", price=price, unit=entry.unit, low=entry.low, high=entry.high)
        raise table.error(row, "price", hint)


def _by_instrument(table: QuoteTable, quotes: _Quotes) -> dict[str, dict[str, tuple[FloatArray, FloatArray]]]:
    """Return quotes by instrument and region, in order of day, one per day."""
    order = np.lexsort((quotes.price, quotes.source, quotes.day, quotes.region, quotes.instrument))
    kind = quotes.instrument[order] * len(quotes.region_names) + quotes.region[order]
    series: dict[str, dict[str, tuple[FloatArray, FloatArray]]] = {}
    for block in np.split(order, np.flatnonzero(kind[1:] != kind[:-1]) + 1):
        if len(block):
            name = _NAMES[int(quotes.instrument[block[0]])]
            region = quotes.region_names[int(quotes.region[block[0]])]
            series.setdefault(name, {})[region] = _one_a_day(table, quotes, block)
    return series


def _one_a_day(table: QuoteTable, quotes: _Quotes, block: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return one quote per day: the median of several sources; raise if one source contradicts itself."""
    days, prices, source = quotes.day[block], quotes.price[block], quotes.source[block]
    clash = (days[1:] == days[:-1]) & (source[1:] == source[:-1]) & (prices[1:] != prices[:-1])
    if clash.any():
        row = int(block[1:][clash][0])
        raise table.error(row, "price", "quotes.contradiction")
    starts = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))
    if len(starts) == len(days):
        return days, prices
    middle = [float(np.median(np.unique(part))) for part in np.split(prices, starts[1:])]
    return days[starts], np.array(middle)


def _digest(series: Mapping[str, Mapping[str, tuple[FloatArray, FloatArray]]], *, synthetic: bool) -> str:
    """Return the SHA-256 digest of the converted quotes, independent of file, order and unit."""
    sha = hashlib.sha256(b"synthetic\n" if synthetic else b"")
    for name in sorted(series):
        for region in sorted(series[name]):
            days, prices = series[name][region]
            sha.update(f"{name}\t{region}\t{len(days)}\n".encode())
            sha.update(np.ascontiguousarray(days, dtype="<f8").tobytes())
            sha.update(np.ascontiguousarray(prices, dtype="<f8").tobytes())
    return f"sha256:{sha.hexdigest()}"


def _day(text: str) -> float | None:
    """Return a day as days since 1970-01-01; a time of day is ignored."""
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


def _nearest_name(table: QuoteTable) -> str:
    """Return the hint for the first unknown instrument: the nearest name."""
    unknown = next((text for text in table.texts("instrument") if _instrument(text.strip()) is None), "")
    near = difflib.get_close_matches(tidy(unknown), [*INSTRUMENTS, *ALIASES], n=1)
    return Message("record.did_you_mean", close=near[0]) if near else "quotes.write_instrument"


def _number(text: str) -> float | None:
    """Return a number as in a record: commas separate thousands, so `11,3` is none."""
    try:
        return read_number(_PRICE, text, _PRICE.name)
    except FieldError:
        return None


def _region(text: str) -> str | None:
    """Return a region's short name, China by default."""
    if len(text) > 16:
        return None
    return _REGIONS.get(tidy(text), text.upper() or HOME_REGION)


def _says_synthetic(text: str) -> bool:
    """Return whether the name of a source marks its quotes as synthetic."""
    return any(mark in text.lower() for mark in ("synthetic", "simulat", "模拟", "合成"))
