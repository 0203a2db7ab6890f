"""Checks one value of one field; an invalid value is refused with field, value and hint.

Conversions of notations are in :mod:`valuation.ingest.fields.numbers` and :mod:`valuation.ingest.fields.days`.
"""

from __future__ import annotations

import difflib
import math
import re
from datetime import date

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import choice_name
from valuation.ingest.fields.chemistry_text import chemistries_named
from valuation.ingest.fields.days import read_day_as_written
from valuation.ingest.fields.numbers import read_number_as_written
from valuation.ingest.fields.parsed_value import ParsedValue
from valuation.ingest.fields.units import Unit
from valuation.messages import Message, shown_value
from valuation.record.fields import CHEMISTRIES, LIFE_CYCLE_STATUSES, Field

CONTRACT_PLACEHOLDERS = frozenset({"", "-", "--", "/", "-1"})
"""Texts for "not known" that the contract names."""

PLACEHOLDERS = (
    CONTRACT_PLACEHOLDERS
    | {"—", "——", "\\", "?", "？", "无", "未知", "不详", "暂无"}
    | {"n/a", "N/A", "#N/A", "nan", "NaN", "none", "None", "null", "NULL", "nil"}
)
"""Texts for "unknown" on the platform and in recyclers' tables (domain practice: vehicle battery reports)."""

LONGEST_TEXT = 1000
DEEPEST = 24

_UNPRINTABLE = re.compile("[\x00-\x1f\ud800-\udfff]")
_CONTROLS = re.compile("[\t\n\r\x1c-\x1f]+")
_HALF_LETTER = re.compile("[\ud800-\udfff]")


def is_placeholder(field: Field, value: object) -> bool:
    """Return whether a value means "unknown": a dash, an empty text, an impossible -1, words that say nothing.

    >>> soh = Field("soh", "number", 0.0, 1.2)
    >>> is_placeholder(soh, "--"), is_placeholder(soh, -1), is_placeholder(Field("mean_temperature_c", "number"), -1)
    (True, True, False)
    """
    if isinstance(value, str):
        return value.strip() in PLACEHOLDERS or (field.name in _IN_WORDS and _IN_WORDS[field.name](value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return value == -1 and (field.kind != "number" or not field.low <= -1 <= field.high)


def has_unclear_chemistry(spelled: str) -> bool:
    """Return whether a text mentions the chemistry ambiguously: several names, a negation, only "lithium-ion".

    >>> has_unclear_chemistry("LFP, NMC"), has_unclear_chemistry("锂离子电池"), has_unclear_chemistry("三元")
    (True, True, False)
    """
    spelled = spelled.strip()
    return choice_name(spelled, "chemistry", CHEMISTRIES) is None and chemistries_named(spelled) is not None


def _has_unknown_status(spelled: str) -> bool:
    """Return whether a text names no life-cycle status, such as 在库, and resembles none."""
    spelled = spelled.strip()
    unknown = choice_name(spelled, "life_cycle_status", LIFE_CYCLE_STATUSES) is None
    return unknown and not difflib.get_close_matches(spelled.casefold()[:40], LIFE_CYCLE_STATUSES, n=1, cutoff=0.75)


_IN_WORDS = {"chemistry": has_unclear_chemistry, "life_cycle_status": _has_unknown_status}
"""Fields given in words, which may say nothing about the field."""


def read_value(
    field: Field, value: object, path: str, *, from_text: bool = False, unit: Unit | None = None
) -> float | str | date:
    """Return the value of a field, checked; see :func:`read_as_written`.

    >>> read_value(Field("soh", "number", 0.0, 1.2), 88, "soh")
    Traceback (most recent call last):
    ...
    valuation.errors.FieldError: soh is 88, above the highest possible 1.2
    """
    return read_as_written(field, value, path, from_text=from_text, unit=unit).value


def read_as_written(
    field: Field, value: object, path: str, *, from_text: bool = False, unit: Unit | None = None
) -> ParsedValue:
    """Return the value of a field, checked, and whether it was converted.

    Parameters
    ----------
    field
        What the field may hold.
    value
        The decoded value, not a placeholder.
    path
        Its place for the message, such as ``events[3].soh``.
    from_text
        Whether it comes from a table of texts, where numbers are texts and days may be serial numbers.
    unit
        The unit that its heading states, if it is not the field's own.

    Raises
    ------
    FieldError
        When the value has a wrong type or unit or is impossible.
    """
    if field.kind == "number":
        return read_number_as_written(field, value, path, from_text=from_text, unit=unit)
    if field.kind == "day":
        return read_day_as_written(value, path, from_text=from_text)
    if field.kind == "text" and field.name.endswith("_code") and isinstance(value, str):
        value = _CONTROLS.sub(" ", value)  # line breaks of a label, separators of a GS1 string
    return ParsedValue(_read_category(field, value, path) if field.kind == "category" else read_text(value, path))


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
    """Return a value of an unknown field as plain JSON, so that it can be stored and written again.

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
