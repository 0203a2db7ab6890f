"""Parses quantities (数值): numbers, thousands separators, per cent and other units.

A text is converted only if it is unambiguous: `82%`, `1,234.5`, `62 kWh`, `约12万公里`; `12,5` is refused.
"""

from __future__ import annotations

import math
import re
import unicodedata
from typing import Final

import numpy as np

from valuation.errors import FieldError
from valuation.ingest.fields.parsed_value import ParsedValue
from valuation.ingest.fields.units import PERCENT, Unit, own_unit, tidy_unit, unit_names, units_of
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.record.fields import Field

PLAIN_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_GROUPED: Final = r"[1-9]\d{0,2}(?:(?P<mark>[,' ])\d{3})(?:(?P=mark)\d{3})*(?:\.\d*)?"
_NUMBER: Final = re.compile(
    rf"(?:大?约)?\s*(?P<number>[+-]?(?:{_GROUPED}|\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{{1,4}})?)"
    r"\s*(?P<unit>[^\d.,\s].{0,15}?)??(?:\s*左右)?",
    re.ASCII,
)
_LEADING_NUMBER: Final = re.compile(r"\s*[+-]?\d", re.ASCII)
_SHARE_MOST: Final = 1.2
_LEAST_PERCENTAGE: Final = 20.0
"""Number from which a state of health in a table can only be per cent."""


def read_number(field: Field, value: object, path: str) -> float:
    """Return a quantity inside its possible bounds; see :func:`read_number_as_written`."""
    number = read_number_as_written(field, value, path).value
    assert isinstance(number, float)  # noqa: S101 - for the type checker
    return number


def read_number_as_written(
    field: Field, value: object, path: str, *, from_text: bool = False, unit: Unit | None = None
) -> ParsedValue:
    """Return a quantity inside its possible bounds, and whether it was converted.

    Parameters
    ----------
    field
        What the field may hold.
    value
        A number, or a text.
    path
        Its place for the message.
    from_text
        Whether it comes from a table of texts, where a bare number is not worth a note.
    unit
        The unit that the heading states, if it is not the field's own.

    Raises
    ------
    FieldError
        If it is not a number, has another unit or two readings, or is impossible.

    >>> soh = Field("soh", "number", 0.0, 1.2)
    >>> read_number_as_written(soh, "82%", "soh").value, read_number_as_written(soh, 85, "soh", unit=PERCENT).value
    (0.82, 0.85)
    """
    written, respelled, stated = value, unit is not None, unit
    if isinstance(value, str):
        value, own = _parse(field, value, path, stated)
        respelled |= own is not None or not from_text or not PLAIN_NUMBER.fullmatch(str(written).strip())
        unit = own or unit
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError("record.not_a_number", field=path, value=value)
    if (isinstance(value, int) and abs(value) > 10**300) or not math.isfinite(value):
        raise FieldError("record.not_finite", field=path, value=value)
    number = float(value)
    if unit is None and from_text and field.name == "soh" and _LEAST_PERCENTAGE <= number <= 100 * field.high:
        unit, respelled = PERCENT, True
    if unit is not None:
        doubtful = unit is stated and bool(is_doubtful_share(np.array(number), unit))
        number = _share(field, number, path) if doubtful else unit.convert(number)
    if not field.low <= number <= field.high:
        raise _out_of_bounds(field, number, path, written, converted=unit is not None)
    return ParsedValue(number, respelled)


def _parse(field: Field, text: str, path: str, stated: Unit | None) -> tuple[float, Unit | None]:
    """Return the number in a text and the unit after it."""
    match = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text).replace("−", "-").strip())
    units = units_of(field.name)
    unit = None if match is None or match["unit"] is None else units.get(tidy_unit(match["unit"]))
    if match is None or (match["unit"] is not None and unit is None):
        raise _not_a_number(field, text, path)
    if unit is not None and stated is not None and unit != stated:
        wanted = own_unit(field.name)
        raise FieldError("record.unit_contradicts", field=path, value=text, unit=stated.name, wanted=wanted)
    return float(re.sub("[,' ]", "", match["number"])), unit


def is_doubtful_share(numbers: FloatArray, unit: Unit | None) -> BoolArray:
    """Return a mask of numbers under a per-cent heading that may be fractions, as stored by spreadsheets."""
    return (numbers > 0.0) & (numbers <= _SHARE_MOST) & (unit is PERCENT)


def _share(field: Field, number: float, path: str) -> float:
    """Return a number under a per-cent heading as a fraction, for a state of health, which is never below 1.2 %."""
    if field.name == "soh":
        return number
    raise FieldError("record.doubtful_share", field=path, value=number, share=f"{number:.0%}", name=field.name)


def _not_a_number(field: Field, value: str, path: str) -> FieldError:
    """Return the refusal of a text instead of a number, with a fitting hint."""
    hint = "record.not_a_number.hint"
    if _LEADING_NUMBER.match(value):
        hint = "record.give_decimal_point" if "," in value else "record.give_bare_number"
    known = unit_names(units_of(field.name).values())
    return FieldError(
        "record.text_not_a_number", hint=hint, field=path, value=value, wanted=own_unit(field.name), known=known
    )


def _out_of_bounds(field: Field, value: float, path: str, written: object, *, converted: bool) -> FieldError:
    """Return the refusal of an impossible quantity; the hint names a unit that was probably used."""
    side, bound = ("record.above_highest", field.high) if value > field.high else ("record.below_lowest", field.low)
    above = value > field.high and not converted  # else the unit was stated
    hint, number = "record.give_true_value", ""
    if above and field.high <= 1.2 and field.low <= value / 100 <= field.high:
        hint, number = "record.give_as_fraction", _tidy(value / 100)
    elif above and field.low <= value / 1000 <= field.high and field.name.endswith(("_kwh", "_kg")):
        hint = "record.perhaps_in_wh" if field.name.endswith("_kwh") else "record.perhaps_in_gram"
        number = _tidy(value / 1000)
    return FieldError(side, hint=hint, field=path, value=written, bound=bound, number=number)


def _tidy(value: float) -> str:
    """Return a suggested number without rounding noise."""
    return f"{value:.6g}"
