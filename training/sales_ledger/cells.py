"""Parse the cells of a ledger (单元格解析): days, money, rates, yes and no.

An ambiguous cell (03/05/2026, 12,5) is rejected with the name of a reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from valuation.ingest.fields.days import FIRST_DAY, LAST_DAY, find_day
from valuation.ingest.fields.price_units import CURRENCIES
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.record.to_columns import day_number

NOT_KNOWN = frozenset(
    {"", "-", "--", "/", "\\", "无", "未知", "n/a", "#n/a", "na", "nan", "none", "null", "nil", "?", "？"}
)
_YES = frozenset({"true", "1", "1.0", "yes", "y", "t", "是", "含税", "含", "√", "对", "included", "incl"})
_NO = frozenset({"false", "0", "0.0", "no", "n", "f", "否", "不含税", "不含", "未税", "×", "x", "excluded", "excl"})
_NUMBER = re.compile(r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+|\d+)?(?:\.\d*)?(?:e[+-]?\d{1,3})?$")

Value = TypeVar("Value")


class Unreadable(ValueError):
    """A cell that cannot be read; the message is the name of the reason."""


def normalise_text(text: str) -> str:
    """Return a text in half width and lower case, without surrounding blanks."""
    return unicodedata.normalize("NFKC", text).replace("−", "-").strip().casefold()


def read_day(text: str) -> float:
    """Parse a day, or the serial number of a spreadsheet, to days since 1970-01-01.

    >>> {read_day(day) for day in ("2026-03-05", "2026/3/5", "2026年3月5日", "20260305", "46086", "２０２６．３．５")}
    {20517.0}
    """
    try:
        found = find_day(text, from_text=True)
    except (ValueError, OverflowError):
        raise Unreadable("impossible day") from None
    if found is None or found.month_only:
        raise Unreadable("bad day")
    day = day_number(found.value)  # type: ignore[arg-type]  # a day
    if not day_number(FIRST_DAY) <= day <= day_number(LAST_DAY):
        raise Unreadable("impossible day")
    return day


def read_money(text: str) -> tuple[float, str]:
    """Parse an amount and its currency ("" if none is given).

    >>> read_money("¥12,500.00"), read_money("１.２５万元"), read_money("(300)"), read_money("US$ 800")
    ((12500.0, 'cny'), (12500.0, 'cny'), (-300.0, ''), (800.0, 'usd_cny'))
    """
    spelled = "".join(normalise_text(text).split())
    currency = ""
    for mark in sorted(CURRENCIES, key=len, reverse=True):
        if mark in spelled:
            currency, spelled = CURRENCIES[mark], spelled.replace(mark, "", 1)
            break
    sign = 1.0
    if spelled.startswith("(") and spelled.endswith(")"):
        sign, spelled = -1.0, spelled[1:-1]
    scale = {"万": 10_000.0, "千": 1000.0}.get(spelled[-1:], 1.0)
    spelled = spelled.removesuffix("万").removesuffix("千")
    if not spelled or not _NUMBER.match(spelled) or not any(letter.isdigit() for letter in spelled):
        raise Unreadable("bad price")
    value = sign * scale * float(spelled.replace(",", ""))
    if not np.isfinite(value):
        raise Unreadable("bad price")
    return value, currency


def read_answer(text: str) -> float:
    """Parse yes as 1 and no as 0.

    >>> read_answer("是"), read_answer("不含税"), read_answer("含税13%")
    (1.0, 0.0, 1.0)
    """
    spelled = "".join(normalise_text(text).split())
    bare = re.sub(r"[\d.]+%", "", spelled)
    if spelled in _YES or bare in _YES:
        return 1.0
    if spelled in _NO or bare in _NO:
        return 0.0
    raise Unreadable("bad vat")


def read_rate(text: str) -> float:
    """Parse a tax rate. [1]

    >>> read_rate("13%"), read_rate("0.03"), read_rate("13")
    (0.13, 0.03, 0.13)
    """
    spelled = "".join(normalise_text(text).split())
    try:
        value = float(spelled.removesuffix("%"))
    except ValueError:
        raise Unreadable("bad rate") from None
    value = value / 100.0 if spelled.endswith("%") or value >= 1.0 else value
    if not 0.0 <= value <= 0.2:
        raise Unreadable("bad rate")
    return round(value, 6)


def read_currency(text: str) -> str:
    """Return the exchange-rate instrument of a currency, or "cny"."""
    name = CURRENCIES.get("".join(normalise_text(text).split()))
    if name is None:
        raise Unreadable("bad currency")
    return name


def read_distinct(
    column: pa.ChunkedArray, read: Callable[[str], Value], nothing: Value
) -> tuple[list[Value], list[str]]:
    """Parse a column, each distinct text once; return the values and the reason of each invalid cell, else ""."""
    encoded = pc.cast(column, pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values, reasons = [nothing], [""]
    for text in encoded.dictionary.to_pylist():
        value, reason = nothing, ""
        if normalise_text(text) not in NOT_KNOWN:
            try:
                value = read(text)
            except Unreadable as error:
                reason = str(error)
        values.append(value)
        reasons.append(reason)
    places = (pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False) + 1).tolist()
    return [values[place] for place in places], [reasons[place] for place in places]


def numbers_of(column: pa.ChunkedArray) -> FloatArray | None:
    """Return a numeric column as floats, or None for a text column."""
    if kinds.is_boolean(column.type):
        column = pc.cast(column, pa.int8())
    if kinds.is_integer(column.type) or kinds.is_floating(column.type) or kinds.is_decimal(column.type):
        return np.array(pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return None


def days_of(column: pa.ChunkedArray) -> FloatArray | None:
    """Return a date column as days since 1970-01-01, or None for a text column."""
    if kinds.is_timestamp(column.type):
        column = pc.cast(column, pa.date32(), safe=False)
    if kinds.is_date(column.type):
        days = pc.cast(pc.cast(pc.cast(column, pa.date32()), pa.int32()), pa.float64())
        return np.array(days.to_numpy(zero_copy_only=False), dtype=np.float64)
    return None


def possible(days: FloatArray) -> BoolArray:
    """Return a mask of the days in the accepted range."""
    return (days >= day_number(FIRST_DAY)) & (days <= day_number(LAST_DAY))
