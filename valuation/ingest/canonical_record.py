"""The parts of a trace record that are in our own spelling with nothing odd about them, read at one go (标准记录速读).

Most of what programs send is such. Whatever is not is left to the patient reader
(:mod:`valuation.ingest.lenient_record`),
which knows other spellings and says what is wrong; what is read here is read to the very same history there.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Final, TypeAlias

from valuation.errors import FieldError
from valuation.ingest.aliases import EVENT_SCOPES, field_name
from valuation.ingest.values import FIRST_DAY, LAST_DAY, LONGEST_TEXT, PLACEHOLDERS
from valuation.record.fields import (
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_TYPE_FIELDS,
    PACK_FIELDS,
    REQUIRED_EVENT_FIELDS,
    Field,
    category,
    event_field,
    text,
)
from valuation.record.history import Module, TraceEvent

_LARGEST: Final = 1e300  # no field is larger, and an infinite bound would let the infinite in
_NUMBER, _CATEGORY, _TEXT, _DAY = range(4)
_KINDS = {"number": _NUMBER, "category": _CATEGORY, "text": _TEXT, "day": _DAY}

Known: TypeAlias = "tuple[int, float, float, frozenset[str]]"


def _known(fields: tuple[Field, ...]) -> dict[str, Known]:
    """Return what each field may hold, ready to be looked up."""
    return {
        field.name: (
            _KINDS[field.kind],
            max(field.low, -_LARGEST),
            min(field.high, _LARGEST),
            frozenset(field.choices),
        )
        for field in fields
    }


_PACK = _known(PACK_FIELDS)
_COMPOSITION = _known(COMPOSITION_FIELDS)
_MODULE = _known((text("battery_code"), event_field("soh")))
_EVENTS = {
    name: _known((category("type", name), *EVENT_COMMON_FIELDS, *own)) for name, own in EVENT_TYPE_FIELDS.items()
}
_PARTS = ("composition", "modules", "events")


class NotCanonical(Exception):
    """Something is not in our own spelling."""


def canonical_pack(record: Mapping[str, object], most_modules: int) -> dict[str, Any] | None:
    """Return everything that a record in our own spelling says of the pack but its events; None where anything is odd.

    >>> canonical_pack({"chemistry": "LFP", "rated_energy_kwh": 52}, 1)["rated_energy_kwh"]
    52.0
    >>> canonical_pack({"chemistry": "LFP", "rated_energy_kwh": "52"}, 1) is None
    True
    """
    try:
        values = _read({name: value for name, value in _object(record).items() if name not in _PARTS}, _PACK)
        composition = record.get("composition")
        values["composition"] = {} if composition is None else _read(_object(composition), _COMPOSITION)
        values["modules"] = tuple([_module(item) for item in _list(record.get("modules"), most_modules)])
    except NotCanonical:
        return None
    return values


def canonical_event(item: object) -> TraceEvent | None:
    """Return an event in our own spelling, texts under other names as extras; None where anything else is odd.

    >>> canonical_event({"type": "usage", "on": "2024-03-31", "soh": 0.88}).facts
    {'soh': 0.88}
    >>> canonical_event({"type": "usage", "on": "2024-03-31", "soh": 88}) is None
    True
    """
    if type(item) is not dict:
        return None
    kind = item.get("type")
    if type(kind) is not str or kind not in _EVENTS:
        return None
    extras: dict[str, object] = {}
    try:
        facts = _read(item, _EVENTS[kind], extras)
        if extras and any(field_name(name, EVENT_SCOPES[kind]) is not None for name in extras):
            return None
    except (NotCanonical, FieldError):
        return None
    if "on" not in facts or REQUIRED_EVENT_FIELDS.get(kind, "on") not in facts:
        return None
    del facts["type"]
    return TraceEvent(
        type=kind,
        on=facts.pop("on"),
        reported_on=facts.pop("reported_on", None),
        recorded_on=facts.pop("recorded_on", None),
        reporter=facts.pop("reporter", None),
        reporter_kind=facts.pop("reporter_kind", None),
        facts=facts,
        extras=extras,
    )


def _object(value: object) -> dict[str, object]:
    """Return an object with named fields."""
    if type(value) is not dict:
        raise NotCanonical
    return value


def _list(value: object, most: int) -> list[object]:
    """Return a list that is not too long, an empty one where nothing is given."""
    if value is None:
        return []
    if type(value) is not list or len(value) > most:
        raise NotCanonical
    return value


def _module(item: object) -> Module:
    """Return one module."""
    return Module(**_read(_object(item), _MODULE))


def _read(
    item: dict[str, object], fields: Mapping[str, Known], extras: dict[str, object] | None = None
) -> dict[str, Any]:
    """Return the values that are given, each as its field's kind wants it; plain texts of other names are extras."""
    values: dict[str, Any] = {}
    for name, value in item.items():
        if name not in fields:
            if extras is None or type(value) is not str or not value.isprintable():
                raise NotCanonical
            extras[name] = value
            continue
        if value is None:
            continue
        kind, low, high, choices = fields[name]
        if kind == _NUMBER:
            if (type(value) is not float and type(value) is not int) or not low <= value <= high:
                raise NotCanonical
            values[name] = float(value)
        elif type(value) is not str:
            raise NotCanonical
        elif kind == _CATEGORY:
            if value not in choices:
                raise NotCanonical
            values[name] = value
        else:
            values[name] = _plain_day(value) if kind == _DAY else canonical_text(value)
    return values


@lru_cache(maxsize=8192)
def _plain_day(value: str) -> date:
    """Return a day written YYYY-MM-DD."""
    if len(value) != 10 or value[4] != "-" or value[7] != "-":
        raise NotCanonical
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise NotCanonical from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise NotCanonical
    return day


def canonical_text(value: str) -> str:
    """Return a text that is kept as it stands."""
    if len(value) > LONGEST_TEXT or value in PLACEHOLDERS or not value.isprintable() or value.strip() != value:
        raise NotCanonical
    return value
