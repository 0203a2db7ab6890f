"""Arrow columns converted to the numbers of our columns, equal to a conversion value by value.

Each distinct text is read once, so a million rows with a hundred dates cost a hundred readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds

from valuation.errors import FieldError
from valuation.ingest.fields.days import FIRST_DAY, LAST_DAY
from valuation.ingest.fields.numbers import is_doubtful_share
from valuation.ingest.fields.units import Unit
from valuation.ingest.fields.values import PLACEHOLDERS, is_placeholder, read_as_written
from valuation.numeric.columns import BoolArray, FloatArray, IntArray, unknown
from valuation.record.fields import Field, choice_code, text_code
from valuation.record.to_columns import day_number

_PLAIN_TEXT: Final = "^[!-~][ -~]{0,200}[!-~]$|^[0-9A-Za-z]$"
_LONGEST_PLAIN, _BLANK = 202, ord(" ")
_MARKS: Final = tuple(mark for mark in sorted(PLACEHOLDERS) if len(mark) > 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A column as numbers, with masks of invalid cells, placeholders, other notations, and months without a day."""

    values: FloatArray
    wrong: BoolArray
    placeholder: BoolArray
    respelled: BoolArray
    month_only: BoolArray
    has_values: bool = True
    """False if all cells are known to be missing."""

    @staticmethod
    def fine(values: FloatArray, *, has_values: bool = True) -> Converted:
        """Return a column without faults or notes: every cell is a valid value or missing."""
        none = all_false(len(values))
        masks: dict[str, Any] = dict.fromkeys(_MASKS, none)
        return Converted(values=values, has_values=has_values, **masks)

    @staticmethod
    def all_missing(rows: int) -> Converted:
        """Return a column of missing values that takes no memory."""
        return Converted.fine(np.broadcast_to(np.float64(np.nan), rows), has_values=False)

    @property
    def has_notes(self) -> bool:
        """Whether a cell is worth a note."""
        return any(mask.strides != (0,) and mask.any() for mask in (self.placeholder, self.respelled, self.month_only))


_MASKS: Final = ("wrong", "placeholder", "respelled", "month_only")


def convert(field: Field, column: pa.ChunkedArray, *, from_text: bool, unit: Unit | None = None) -> Converted:
    """Convert a column of a table to numbers in the unit of the field; `unit` is the unit in its heading, if another.

    >>> convert(Field("soh", "number", 0.0, 1.2), pa.chunked_array([[0.5, None, 88.0]]), from_text=False).wrong.tolist()
    [False, False, True]
    """
    cells = _Cells(field, from_text=from_text, unit=unit)
    parts = [_convert_chunk(cells, chunk) for chunk in column.chunks if len(chunk)]
    if not parts:
        return Converted.all_missing(0)
    if len(parts) == 1:
        return parts[0]
    masks: dict[str, Any] = {name: _joined([getattr(part, name) for part in parts]) for name in _MASKS}
    return Converted(values=np.concatenate([part.values for part in parts]), **masks)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Reads the distinct cells of a column by the rules of records (:mod:`valuation.ingest.fields.values`)."""

    field: Field
    from_text: bool
    unit: Unit | None

    def read(self, cells: Sequence[object]) -> Converted:
        """Return distinct cells, converted one by one."""
        values = unknown(len(cells))
        masks: dict[str, Any] = {name: np.zeros(len(cells), dtype=np.bool_) for name in _MASKS}
        for place, cell in enumerate(cells):
            if cell is None or (self.from_text and not str(cell).strip()):
                continue
            if is_placeholder(self.field, cell):
                masks["placeholder"][place] = True
                continue
            try:
                reading = read_as_written(self.field, cell, self.field.name, from_text=self.from_text, unit=self.unit)
            except FieldError:
                masks["wrong"][place] = True
                continue
            values[place] = number_of(self.field, reading.value)
            masks["respelled"][place] = reading.respelled and self.unit is None and not reading.month_only
            masks["month_only"][place] = reading.month_only
        return Converted(values=values, **masks)


def _joined(parts: list[BoolArray]) -> BoolArray:
    """Return concatenated masks; if all are false the result takes no memory."""
    if all(part.strides == (0,) and not part[0] for part in parts):
        return all_false(sum(len(part) for part in parts))
    return np.concatenate(parts)


def all_false(rows: int) -> BoolArray:
    """Return a mask of false values that takes no memory.

    >>> all_false(2).tolist()
    [False, False]
    """
    return np.broadcast_to(np.bool_(False), rows)  # noqa: FBT003 - numpy's signature


def convert_texts(field: Field, column: pa.ChunkedArray) -> tuple[list[str | None], Converted]:
    """Return a column of texts as texts, trimmed, together with its conversion."""
    converted = convert(field, column, from_text=True)
    texts = column.to_pylist()
    known = ~np.isnan(converted.values)
    if known.all():
        return [text.strip() for text in texts], converted
    return [text.strip() if fine else None for text, fine in zip(texts, known.tolist(), strict=True)], converted


def number_of(field: Field, value: float | str | date) -> float:
    """Return a checked value as its column number."""
    if field.kind == "category":
        return choice_code(field, str(value))
    if field.kind == "day":
        return day_number(value if isinstance(value, date) else None)
    return text_code(str(value)) if field.kind == "text" else float(value)  # type: ignore[arg-type]  # a number field


def _convert_chunk(cells: _Cells, array: pa.Array) -> Converted:
    """Return one chunk of a column, by the type it is stored in."""
    stored = array.type
    if array.null_count == len(array):
        return Converted.all_missing(len(array))
    if kinds.is_string(stored) or kinds.is_large_string(stored) or kinds.is_dictionary(stored):
        return _from_texts(cells, array)
    if kinds.is_decimal(stored):
        array, stored = array.cast(pa.float64()), pa.float64()
    if kinds.is_integer(stored) or kinds.is_floating(stored):
        return _from_numbers(cells, array)
    if cells.field.kind == "day" and (kinds.is_date(stored) or kinds.is_timestamp(stored)):
        return _from_days(array)
    wrong = array.is_valid().to_numpy(zero_copy_only=False)
    return replace(Converted.fine(np.full(len(array), np.nan)), wrong=wrong)


def _from_numbers(cells: _Cells, array: pa.Array) -> Converted:
    """Return numbers; those inside the field's bounds are fine, each distinct other one is read as in a record."""
    given = _numbers(array.cast(pa.float64(), safe=False))
    field, unit = cells.field, cells.unit
    if field.kind == "number" and unit is None and _within(given, field.low, field.high):
        return Converted.fine(given)
    fine = np.zeros(len(given), dtype=np.bool_)
    values = given if unit is None else unit.convert_many(given)
    if field.kind == "number":
        fine = (values >= field.low) & (values <= field.high) & np.isfinite(values)
        fine &= ~is_doubtful_share(given, unit)
    rest = np.flatnonzero(~fine & ~np.isnan(given))
    if not len(rest):
        return Converted.fine(values)
    distinct, which = np.unique(given[rest], return_inverse=True)
    read = cells.read([int(one) if field.kind == "day" and one.is_integer() else one for one in distinct.tolist()])
    values = np.where(fine, values, np.nan)
    values[rest] = read.values[which]
    masks: dict[str, Any] = {name: _spread_to_rows(getattr(read, name), rest, which, len(given)) for name in _MASKS}
    return Converted(values=values, **masks)


def _numbers(array: pa.DoubleArray) -> FloatArray:
    """Return the cells of a column of numbers, NaN if missing."""
    if array.null_count == 0:
        whole: FloatArray = array.to_numpy()
        return whole
    given = _given(array)
    numbers = unknown(len(array))
    content = np.frombuffer(array.buffers()[1], dtype=np.float64)
    numbers[given] = content[array.offset : array.offset + len(array)][given]
    return numbers


def _given(array: pa.Array) -> IntArray:
    """Return the rows that are not null; several times faster than Arrow's conversion to NaN."""
    start, stop = array.offset, array.offset + len(array)
    bits = np.unpackbits(np.frombuffer(array.buffers()[0], dtype=np.uint8), count=stop, bitorder="little")
    return bits[start:].nonzero()[0]


def _within(numbers: FloatArray, low: float, high: float) -> bool:
    """Return whether all known numbers are finite and inside the bounds."""
    lowest, highest = np.fmin.reduce(numbers), np.fmax.reduce(numbers)
    inside: bool = low <= lowest and highest <= high and np.isfinite(lowest) and np.isfinite(highest)
    return inside or bool(np.isnan(lowest))


def _from_days(array: pa.Array) -> Converted:
    """Return days since 1970-01-01 inside the possible span."""
    days = _numbers(array.cast(pa.date32(), safe=False).cast(pa.int32()).cast(pa.float64()))
    low, high = day_number(FIRST_DAY), day_number(LAST_DAY)
    if _within(days, low, high):
        return Converted.fine(days)
    inside = (days >= low) & (days <= high)
    return replace(Converted.fine(np.where(inside, days, np.nan)), wrong=~np.isnan(days) & ~inside)


def _from_texts(cells: _Cells, array: pa.Array) -> Converted:
    """Return a column of texts as numbers; each distinct text is read once."""
    encoded = array if kinds.is_dictionary(array.type) else array.dictionary_encode()
    different = encoded.dictionary
    values = unknown(len(different))
    others = _read_plain_texts(cells.field, different, values)
    read = cells.read([different[place].as_py() for place in others])
    values[others] = read.values
    given, which = _indices(encoded.indices)
    by_row = unknown(len(encoded))
    by_row[given] = values[which]
    masks: dict[str, Any] = {}
    for name in _MASKS:
        of_texts = np.zeros(len(different), dtype=np.bool_)
        of_texts[others] = getattr(read, name)
        masks[name] = _spread_to_rows(of_texts, given, which, len(encoded))
    return Converted(values=by_row, **masks)


def _indices(indices: pa.Array) -> tuple[IntArray | slice, IntArray]:
    """Return the rows that hold a text, all of them as a slice, and which of the texts it is."""
    if indices.null_count == 0:
        return slice(None), indices.to_numpy().astype(np.int64)
    indices, given = indices.cast(pa.int32()), _given(indices)
    stored = np.frombuffer(indices.buffers()[1], dtype=np.int32)
    return given, stored[indices.offset : indices.offset + len(indices)][given].astype(np.int64)


def _spread_to_rows(of_texts: BoolArray, given: IntArray | slice, which: IntArray, rows: int) -> BoolArray:
    """Return a mask over distinct texts as a mask over rows."""
    if not of_texts.any():
        return all_false(rows)
    by_row = np.zeros(rows, dtype=np.bool_)
    by_row[given] = of_texts[which]
    return by_row


def _read_plain_texts(field: Field, different: pa.Array, values: FloatArray) -> list[int]:
    """Fill in the values of plain texts, and return the positions of the others.

    A text of printable ASCII letters without blanks at its ends that is not a placeholder is plain.
    """
    if field.kind != "text" or not kinds.is_string(different.type) or different.null_count:
        return list(range(len(different)))
    plain = _is_plain(different)
    texts = different.cast(pa.binary()).to_pylist()
    if plain.all():
        values[: len(texts)] = [*map(crc32, texts)]
        return []
    places = np.flatnonzero(plain)
    values[places] = [crc32(texts[place]) for place in places.tolist()]
    return np.flatnonzero(~plain).tolist()


def _is_plain(texts: pa.StringArray) -> BoolArray:
    """Return which texts are plain, by bytes if all are printable ASCII, else by a regular expression."""
    marks = pc.is_in(texts, value_set=pa.array(_MARKS))  # made here: the first array imports pandas where installed
    plain = _plain_letters(texts)
    if plain is None:
        plain = np.array(pc.match_substring_regex(texts, _PLAIN_TEXT), dtype=np.bool_)
    plain &= ~marks.to_numpy(zero_copy_only=False)
    return plain


def _plain_letters(texts: pa.StringArray) -> BoolArray | None:
    """Return which texts have two letters or more and no blank at their ends; None if a byte is not printable."""
    offsets = np.frombuffer(texts.buffers()[1], dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    lengths = offsets[1:] - offsets[:-1]
    if lengths.min() == 0:
        return None
    letters = np.frombuffer(texts.buffers()[2], dtype=np.uint8)
    within = letters[offsets[0] : offsets[-1]]
    if within.min() < _BLANK or within.max() > ord("~"):
        return None
    bare: BoolArray = (letters[offsets[:-1]] != _BLANK) & (letters[offsets[1:] - 1] != _BLANK)
    return bare & (lengths > 1) & (lengths <= _LONGEST_PLAIN)
