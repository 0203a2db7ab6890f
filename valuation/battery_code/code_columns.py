"""Fast decoding of many battery codes: letters as a matrix of bytes, one table look-up per position.

Only codes that are valid without clean-up (except for small letters) are decoded here. Every other row is left to
:func:`valuation.battery_code.decoding.decode`, so both give the same refusals.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from valuation.battery_code.layout import (
    ALPHABET,
    DAY_LETTERS,
    FIRST_YEAR,
    KINDS,
    LAST_AGREED_YEAR,
    LAYOUTS,
    LEVEL_LETTERS,
    MONTH_LETTERS,
    NORMAL,
    STANDARD_IN_FORCE,
    TYPE_LETTERS,
    YEAR_LETTERS,
    Layout,
)
from valuation.numeric.columns import BoolArray, FloatArray, unknown

CODE_COLUMNS: Final = (
    "kind_code",
    "valid",
    "reason_code",
    "made_day",
    "level_code",
    "type_code",
    "serial_has_letters",
    "suffix_level_differs",
    "back_filled",
    "cleaned_up",
)

_EPOCH: Final = dt.date(1970, 1, 1)
_CHUNK_ROWS: Final = 65_536  # a chunk's bytes and masks stay in the processor's cache

Bytes = NDArray[np.uint8]


def read_columns(
    texts: Sequence[str],
    on_days: FloatArray,
    columns: dict[str, FloatArray],
    vendor: NDArray[np.str_],
    spec: NDArray[np.str_],
) -> None:
    """Fill the rows of all texts that are valid without clean-up; the other rows stay unchanged."""
    for start in range(0, len(texts), _CHUNK_ROWS):
        chunk = texts[start : start + _CHUNK_ROWS]
        lengths = np.fromiter(map(len, chunk), dtype=np.int64, count=len(chunk))
        for length, layout in LAYOUTS.items():
            within = np.flatnonzero(lengths == length)
            if within.size == 0:
                continue
            letters, was_small = _matrix([chunk[row] for row in within.tolist()], length)
            made_day = _made_days(letters, layout)
            valid = _valid(letters, layout) & (
                made_day <= np.minimum(on_days[start + within] + 1.0, _last_agreed_day())
            )
            rows = start + within[valid]
            letters = letters[valid]
            vendor[rows] = _words(letters, 0, 3)
            spec[rows] = _words(letters, 5, 7)
            for name, values in _valid_columns(letters, layout, made_day[valid]).items():
                columns[name][rows] = values
            columns["cleaned_up"][rows] = was_small[valid]


def coded_days(texts: Sequence[str]) -> FloatArray:
    """Return the production days of normal codes, without clean-up; NaN if a text has none [days since 1970-01-01].

    >>> coded_days(["001MB0A0000001A680000123", "T01M1"]).tolist()
    [18421.0, nan]
    """
    days = unknown(len(texts))
    length = NORMAL.length
    rows = [row for row, text in enumerate(texts) if len(text) == length]
    raw = "".join([texts[row] for row in rows]).encode("ascii", "replace")
    days[rows] = _made_days(np.frombuffer(raw, dtype=np.uint8).reshape(-1, length), NORMAL)
    return days


def _matrix(texts: list[str], length: int) -> tuple[Bytes, BoolArray]:
    """Return texts of one length as a matrix of capital letters, and which of them had small letters."""
    raw = "".join(texts).encode("ascii", "replace")  # one "?" for any other character, which no place allows
    letters = np.frombuffer(raw, dtype=np.uint8).reshape(-1, length)
    small = (letters >= ord("a")) & (letters <= ord("z"))
    was_small: BoolArray = np.any(small, axis=1)
    return letters - small.astype(np.uint8) * np.uint8(32), was_small


def _valid(letters: Bytes, layout: Layout) -> BoolArray:
    """Return which rows have an allowed letter at every position except the date."""
    allowed: BoolArray = np.all(_places(ALPHABET)[letters] >= 0, axis=1)
    allowed &= _places(LEVEL_LETTERS)[letters[:, 3]] >= 0
    allowed &= _places(TYPE_LETTERS)[letters[:, 4]] >= 0
    allowed &= np.all(_places(layout.serial_letters)[letters[:, layout.serial]] >= 0, axis=1)
    if layout.suffix:
        allowed &= letters[:, -2] == ord("R")
        allowed &= _places(LEVEL_LETTERS)[letters[:, -1]] >= 0
    return allowed


def _made_days(letters: Bytes, layout: Layout) -> FloatArray:
    """Return the production days; NaN if a letter is not allowed or the day is not in the calendar."""
    date = letters[:, layout.date]
    year, month, day = (
        _places(table)[date[:, place]].astype(np.int64)
        for place, table in enumerate((YEAR_LETTERS, MONTH_LETTERS, DAY_LETTERS))
    )
    return _calendar()[year, month, day]  # -1, a letter not allowed, falls on the last place, which is NaN


def _valid_columns(letters: Bytes, layout: Layout, made_day: FloatArray) -> dict[str, FloatArray]:
    """Return the columns of valid rows."""
    level = _places(LEVEL_LETTERS)[letters[:, 3]]
    last = _places(LEVEL_LETTERS)[letters[:, -1]]
    rows = len(letters)
    has_letters: BoolArray = np.any(letters[:, layout.serial] > ord("9"), axis=1)
    return {
        "kind_code": np.full(rows, float(KINDS.index(layout.kind))),
        "valid": np.ones(rows),
        "made_day": made_day,
        "level_code": level.astype(np.float64),
        "type_code": _places(TYPE_LETTERS)[letters[:, 4]].astype(np.float64),
        "serial_has_letters": has_letters.astype(np.float64),
        "suffix_level_differs": (last != level).astype(np.float64) if layout.suffix else np.zeros(rows),
        "back_filled": np.less(made_day, _day_number(STANDARD_IN_FORCE)).astype(np.float64),
    }


def _words(letters: Bytes, start: int, stop: int) -> NDArray[np.str_]:
    """Return a range of positions of every row as text."""
    words = np.ascontiguousarray(letters[:, start:stop].astype(np.uint32))
    return words.view(f"U{stop - start}").reshape(-1)


@functools.cache
def _places(letters: str) -> NDArray[np.int8]:
    """Return the position of every byte in a table of letters, -1 if it is not in the table."""
    table = np.full(256, -1, dtype=np.int8)
    for place, letter in enumerate(letters):
        table[ord(letter)] = place
    return table


@functools.cache
def _calendar() -> FloatArray:
    """Return the day number of every year, month and day letter, with NaN at the end of each axis."""
    years, months, longest = len(YEAR_LETTERS), len(MONTH_LETTERS), len(DAY_LETTERS)
    begins = np.arange(f"{FIRST_YEAR}-01", f"{FIRST_YEAR + years}-02", dtype="datetime64[M]")
    first = begins.astype("datetime64[D]").astype(np.float64)
    day = np.arange(longest)
    numbers = np.where(day < np.diff(first)[:, None], first[:-1, None] + day, np.nan)
    days = np.full((years + 1, months + 1, longest + 1), np.nan)
    days[:-1, :-1, :-1] = numbers.reshape(years, months, longest)
    return days


@functools.cache
def _last_agreed_day() -> float:
    return _day_number(dt.date(LAST_AGREED_YEAR, 12, 31))


def _day_number(day: dt.date) -> float:
    return float((day - _EPOCH).days)
