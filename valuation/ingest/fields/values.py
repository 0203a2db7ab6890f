"""One value of one field: checked strictly, or refused with the field, the value and a hint.

Nothing is guessed: a number in quotes, with a unit, in per cent or as a boolean is an error. All cells of a text table
(CSV) are texts, so a plain decimal number is accepted there.
"""

from __future__ import annotations

import difflib
import math
import re
from datetime import date, datetime

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import choice_name
from valuation.messages import Message, shown_value
from valuation.record.fields import Field

PLACEHOLDERS = frozenset({"", "-", "--", "/", "-1"})
"""Texts for "unknown" on the platform and in recyclers' tables (domain practice: vehicle battery reports)."""

FIRST_DAY = date(1990, 1, 1)
LAST_DAY = date(2100, 12, 31)
LONGEST_TEXT = 1000
DEEPEST = 24

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_ISO_TIME = re.compile(r"[T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)?", re.ASCII)
_LOOSE_DAY = re.compile(r"(\d{4})[年/.\-]?(\d{1,2})[月/.\-]?(\d{1,2})日?", re.ASCII)
_UNPRINTABLE = re.compile("[\x00-\x1f\ud800-\udfff]")
_HALF_LETTER = re.compile("[\ud800-\udfff]")
_GERMAN_DAY = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_LEADING_NUMBER = re.compile(r"\s*([+-]?\d+(?:[.,]\d+)*)\s*(\D.*)", re.DOTALL)


def is_placeholder(field: Field, value: object) -> bool:
    """Return whether a value means "unknown": a dash, a slash, an empty text, or -1 if -1 is impossible.

    >>> soh = Field("soh", "number", 0.0, 1.2)
    >>> is_placeholder(soh, "--"), is_placeholder(soh, -1), is_placeholder(Field("mean_temperature_c", "number"), -1)
    (True, True, False)
    """
    if isinstance(value, str):
        return value.strip() in PLACEHOLDERS
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == -1 and (field.kind != "number" or not field.low <= -1 <= field.high)


def read_value(field: Field, value: object, path: str, *, from_text: bool = False) -> float | str | date:
    """Return the value of a field, checked.

    Parameters
    ----------
    field
        What the field may hold.
    value
        The decoded value, not a placeholder.
    path
        Its place for the message, such as ``events[3].soh``.
    from_text
        Whether it comes from a text table, which has numbers as text.

    Raises
    ------
    FieldError
        When the value has a wrong type or unit or is impossible.

    >>> read_value(Field("soh", "number", 0.0, 1.2), 88, "soh")
    Traceback (most recent call last):
    ...
    valuation.errors.FieldError: soh is 88, above the highest possible 1.2
    """
    if field.kind == "number":
        return read_number(field, value, path, from_text=from_text)
    if field.kind == "day":
        return read_day(value, path)
    if field.kind == "category":
        return _read_category(field, value, path)
    return read_text(value, path)


def read_number(field: Field, value: object, path: str, *, from_text: bool = False) -> float:
    """Return a quantity inside its possible bounds; see :func:`read_value`."""
    if isinstance(value, str):
        if not (from_text and _DECIMAL.fullmatch(value.strip())):
            raise _not_a_number(value, path, from_text=from_text)
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldError("record.not_a_number", field=path, value=value)
    if (isinstance(value, int) and abs(value) > 10**300) or not math.isfinite(value):
        raise FieldError("record.not_finite", field=path, value=value)
    if not field.low <= value <= field.high:
        raise _out_of_bounds(field, value, path)
    return float(value)


def read_day(value: object, path: str) -> date:
    """Return a calendar day written YYYY-MM-DD, with or without a time of day; see :func:`read_value`.

    >>> read_day("2024-03-31T08:00:00+08:00", "on").isoformat()
    '2024-03-31'
    """
    if isinstance(value, datetime):
        value = value.date()
    if not isinstance(value, date):
        value = _parse_day(value, path)
    if not FIRST_DAY <= value <= LAST_DAY:
        raise FieldError(
            "record.day_outside", field=path, value=value.isoformat(), day=value, first=FIRST_DAY, last=LAST_DAY
        )
    return value


def read_text(value: object, path: str) -> str:
    """Return a text without blanks around it; see :func:`read_value`.

    >>> read_text("  某企业 ", "maker")
    '某企业'
    """
    if not isinstance(value, str):
        raise FieldError("record.not_a_text", field=path, value=value)
    trimmed = value.strip()
    if len(trimmed) > LONGEST_TEXT or _UNPRINTABLE.search(trimmed):
        raise FieldError("record.text_not_plain", field=path, value=trimmed[:100], longest=LONGEST_TEXT)
    return trimmed


def read_extra(value: object, path: str, depth: int = 0) -> object:
    """Return a value of an unknown field as plain JSON, so that it can be kept and written again.

    >>> read_extra({"a": (1, 2)}, "x")
    {'a': [1, 2]}
    """
    if depth > DEEPEST:
        raise FieldError("record.nested_too_deep", field=path)
    if value is None or isinstance(value, bool) or _is_plain(value):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [read_extra(item, path, depth + 1) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: read_extra(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    raise FieldError("record.not_plain_json", field=path, found=shown_value(value))


def _is_plain(value: object) -> bool:
    """Return whether a number or text can be written as JSON."""
    if isinstance(value, int):
        return abs(value) < 10**300
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) and not _HALF_LETTER.search(value)


def _read_category(field: Field, value: object, path: str) -> str:
    """Return the choice that a value names; see :func:`read_value`."""
    if isinstance(value, str):
        found = choice_name(value.strip(), field.name, field.choices)
        if found is not None:
            return found
        close = difflib.get_close_matches(value.strip()[:40], field.choices, n=1)
    else:
        close = []
    hint = Message("record.did_you_mean", close=close[0]) if close else None
    raise FieldError("record.not_a_choice", hint=hint, field=path, value=value, choices=field.choices)


def _parse_day(value: object, path: str) -> date:
    """Return the day of a text in ISO 8601; for other formats the hint gives the ISO form."""
    trimmed = value.strip() if isinstance(value, str) else ""
    day, rest = trimmed[:10], trimmed[10:]
    if _ISO_DAY.fullmatch(day) and (not rest or _ISO_TIME.fullmatch(rest)):
        try:
            return date.fromisoformat(day)
        except ValueError:
            raise FieldError("record.day_not_in_calendar", hint="record.give_day", field=path, value=value) from None
    spelled = str(value)[:40] if isinstance(value, str | int) and not isinstance(value, bool) else ""
    like = ""
    if match := _LOOSE_DAY.fullmatch(spelled.strip()):
        like = f"{match[1]}-{int(match[2]):02d}-{int(match[3]):02d}"
    elif match := _GERMAN_DAY.fullmatch(spelled.strip()):
        like = f"{match[3]}-{int(match[2]):02d}-{int(match[1]):02d}"
    hint = Message("record.give_day_like", day=like) if like else "record.give_day"
    raise FieldError("record.not_a_day", hint=hint, field=path, value=value)


def _not_a_number(value: str, path: str, *, from_text: bool) -> FieldError:
    """Return the refusal of a text instead of a number, with a fitting hint."""
    trimmed = value.strip()
    match = _LEADING_NUMBER.fullmatch(trimmed[:60])
    hint = "record.not_a_number.hint"
    number = trimmed
    if _DECIMAL.fullmatch(trimmed) and not from_text:
        hint = "record.give_number_without_quotes"
    elif match and match[2].strip() in {"%", "％"}:
        hint = "record.give_fraction_more_exactly"
        number = f"{float(match[1].replace(',', '.').split('.')[0]) / 100:g}"
        if _DECIMAL.fullmatch(match[1]):
            hint, number = "record.give_fraction", _tidy(float(match[1]) / 100)
    elif match:
        hint = "record.give_bare_number"
    return FieldError("record.text_not_a_number", hint=hint, field=path, value=value, number=number)


def _out_of_bounds(field: Field, value: float, path: str) -> FieldError:
    """Return the refusal of an impossible quantity; the hint names a unit that was probably used."""
    above = value > field.high
    bound = field.high if above else field.low
    hint, number = "record.give_true_value", ""
    if above and field.high <= 1.2 and field.low <= value / 100 <= field.high:
        hint, number = "record.give_as_fraction", _tidy(value / 100)
    elif above and field.low <= value / 1000 <= field.high and field.name.endswith(("_kwh", "_kg")):
        hint = "record.perhaps_in_wh" if field.name.endswith("_kwh") else "record.perhaps_in_gram"
        number = _tidy(value / 1000)
    side = "record.above_highest" if above else "record.below_lowest"
    return FieldError(side, hint=hint, field=path, value=value, bound=bound, number=number)


def _tidy(value: float) -> str:
    """Return a suggested number without the noise of a division."""
    return f"{value:.6g}"
