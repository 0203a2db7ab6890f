"""Columns of a foreign table as columns of ours: whole arrays at once, the same numbers as value by value.

Texts are read once for each different text, so a million rows of a hundred dates cost a hundred readings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from valuation.columns import BoolArray, FloatArray
from valuation.errors import FieldError
from valuation.intake.values import FIRST_DAY, LAST_DAY, PLACEHOLDERS, is_placeholder, read_value
from valuation.record.fields import Field, choice_code, text_code
from valuation.record.tabulation import day_number

_PLAIN_TEXT: Final = "^[!-~][ -~]{0,200}[!-~]$|^[0-9A-Za-z]$"
_MARKS: Final = tuple(mark for mark in sorted(PLACEHOLDERS) if len(mark) > 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A column in our numbers, and where its cells were wrong or stood for "not known"."""

    values: FloatArray
    wrong: BoolArray
    placeholder: BoolArray
    tells: bool = True
    """Whether any cell may hold anything."""

    @staticmethod
    def nothing(rows: int) -> Converted:
        """Return a column in which nothing is known, taking no memory for it."""
        unknown, no = np.broadcast_to(np.float64(np.nan), rows), np.broadcast_to(np.bool_(False), rows)  # noqa: FBT003
        return Converted(values=unknown, wrong=no, placeholder=no, tells=False)


def convert(field: Field, column: pa.ChunkedArray, *, from_text: bool) -> Converted:
    """Return a column of a table as the numbers our column holds.

    >>> convert(Field("soh", "number", 0.0, 1.2), pa.chunked_array([[0.5, None, 88.0]]), from_text=False).wrong.tolist()
    [False, False, True]
    """
    parts = [_convert_chunk(field, chunk, from_text=from_text) for chunk in column.chunks if len(chunk)]
    if not parts:
        return Converted.nothing(0)
    if len(parts) == 1:
        return parts[0]
    return Converted(
        values=np.concatenate([part.values for part in parts]),
        wrong=np.concatenate([part.wrong for part in parts]),
        placeholder=np.concatenate([part.placeholder for part in parts]),
    )


def convert_texts(field: Field, column: pa.ChunkedArray) -> tuple[list[str | None], Converted]:
    """Return a column of texts as texts, trimmed, together with its conversion."""
    converted = convert(field, column, from_text=True)
    texts = column.to_pylist()
    known = ~np.isnan(converted.values)
    if known.all():
        return [text.strip() for text in texts], converted
    return [text.strip() if fine else None for text, fine in zip(texts, known.tolist(), strict=True)], converted


def number_of(field: Field, value: float | str | date) -> float:
    """Return the number by which a column holds a checked value."""
    if field.kind == "category":
        return choice_code(field, str(value))
    if field.kind == "day":
        return day_number(value if isinstance(value, date) else None)
    return text_code(str(value)) if field.kind == "text" else float(value)  # type: ignore[arg-type]  # a number field


def _convert_chunk(field: Field, array: pa.Array, *, from_text: bool) -> Converted:
    """Return one chunk of a column, by the type it is stored in."""
    stored = array.type
    if array.null_count == len(array):
        return Converted.nothing(len(array))
    if kinds.is_string(stored) or kinds.is_large_string(stored) or kinds.is_dictionary(stored):
        return _from_texts(field, array, from_text=from_text)
    if kinds.is_decimal(stored):
        array, stored = array.cast(pa.float64()), pa.float64()
    if kinds.is_integer(stored) or kinds.is_floating(stored):
        return _from_numbers(field, array)
    if field.kind == "day" and (kinds.is_date(stored) or kinds.is_timestamp(stored)):
        return _from_days(array)
    return Converted(
        values=np.full(len(array), np.nan),
        wrong=array.is_valid().to_numpy(zero_copy_only=False),
        placeholder=np.zeros(len(array), dtype=bool),
    )


def _from_numbers(field: Field, array: pa.Array) -> Converted:
    """Return numbers inside the field's bounds; a number in a field of another kind is wrong."""
    given = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    known = ~np.isnan(given)
    unknown_mark = (given == -1) if is_placeholder(field, -1) else np.zeros(len(given), dtype=bool)
    if field.kind == "number":
        inside = (given >= field.low) & (given <= field.high) & np.isfinite(given)
    else:
        inside = np.zeros(len(given), dtype=bool)
    return Converted(
        values=np.where(inside, given, np.nan), wrong=known & ~inside & ~unknown_mark, placeholder=unknown_mark
    )


def _from_days(array: pa.Array) -> Converted:
    """Return days since 1970-01-01 inside the possible span."""
    days = array.cast(pa.date32(), safe=False).cast(pa.int32()).cast(pa.float64()).to_numpy(zero_copy_only=False)
    inside = (days >= day_number(FIRST_DAY)) & (days <= day_number(LAST_DAY))
    return Converted(
        values=np.where(inside, days, np.nan),
        wrong=~np.isnan(days) & ~inside,
        placeholder=np.zeros(len(days), dtype=bool),
    )


def _from_texts(field: Field, array: pa.Array, *, from_text: bool) -> Converted:
    """Return texts read once each and dealt out to their rows."""
    encoded = array if kinds.is_dictionary(array.type) else array.dictionary_encode()
    different = encoded.dictionary
    values = np.full(len(different) + 1, np.nan)  # the last place is for rows that hold nothing
    wrong = np.zeros(len(different) + 1, dtype=bool)
    placeholder = np.zeros(len(different) + 1, dtype=bool)
    read = _reader(field, from_text=from_text)
    for place in _read_plain_texts(field, different, values):
        text = different[place].as_py()
        if text is None or (from_text and not str(text).strip()):
            continue
        if is_placeholder(field, text):
            placeholder[place] = True
            continue
        try:
            values[place] = read(text)
        except FieldError:
            wrong[place] = True
    rows = pc.fill_null(encoded.indices, len(different)).to_numpy(zero_copy_only=False)
    nowhere = np.broadcast_to(np.bool_(False), len(rows))  # noqa: FBT003 - numpy's signature
    return Converted(
        values=values[rows],
        wrong=wrong[rows] if wrong.any() else nowhere,
        placeholder=placeholder[rows] if placeholder.any() else nowhere,
    )


def _read_plain_texts(field: Field, different: pa.Array, values: FloatArray) -> list[int]:
    """Fill in the texts that need no second look, and return the places of those that do.

    A free text of a few printable ASCII letters, no blank at its ends, no placeholder, is what it is.
    """
    if field.kind != "text" or not kinds.is_string(different.type) or different.null_count:
        return list(range(len(different)))
    marks = pc.is_in(
        different, value_set=pa.array(_MARKS)
    )  # made here: the first array imports pandas where it is installed
    plain = pc.and_not(pc.match_substring_regex(different, _PLAIN_TEXT), marks).to_numpy(zero_copy_only=False)
    places = np.flatnonzero(plain)
    codes = [crc32(text) for text in different.cast(pa.binary()).take(pa.array(places)).to_pylist()]
    values[places] = codes
    return np.flatnonzero(~plain).tolist()


def _reader(field: Field, *, from_text: bool) -> Callable[[object], float]:
    """Return how one text of a field becomes its number."""
    return lambda text: number_of(field, read_value(field, text, field.name, from_text=from_text))
