"""Types of a trace record, generated from the table of fields (字段类型): a class per record and type of event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import Enum
from functools import lru_cache, reduce
from operator import or_
from typing import Annotated, Any, Final, Literal

import msgspec

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import EVENT_SCOPES
from valuation.ingest.fields.headings import field_name
from valuation.ingest.fields.values import LONGEST_TEXT
from valuation.numeric.columns import UNKNOWN
from valuation.record.fields import (
    COMPOSITION,
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPE_FIELDS,
    PACK_FIELDS,
    REQUIRED_EVENT_FIELDS,
    Field,
    event_field,
    text,
)

MOST_MODULES: Final = 2000
"""Most modules per pack."""


class Choice(Enum):
    """A choice of an event's category field, with its number in a column."""

    code: float

    __hash__ = object.__hash__  # a choice equals only itself, and is hashed often


CHOICES: Final[list[type[Choice]]] = []
"""The choices of every category field of every type of event; filled on import."""


class TypedEvent(msgspec.Struct, kw_only=True, frozen=True):
    """One event; each type of event is a subclass with the fields of that type."""

    on: date
    reported_on: date | None = None
    recorded_on: date | None = None


class TypedPack(msgspec.Struct, kw_only=True, frozen=True):
    """A pack and its events: the fields that code reads by name; :data:`Record` adds the others."""

    battery_code: str | None = None
    chemistry: str | None = None
    rated_energy_kwh: float | None = None
    rated_capacity_ah: float | None = None
    nominal_voltage_v: float | None = None
    mass_kg: float | None = None
    made_on: date | None = None
    maker: str | None = None
    vehicle_model: str | None = None
    make: str | None = None
    model_year: float | None = None
    vin: str | None = None
    superseded_on: date | None = None
    composition: dict[str, float] = {}
    modules: list[Any] = []
    events: list[TypedEvent] = []


def _kind_of(field: Field, *, numbered: bool) -> Any:  # noqa: ANN401 - a type made of the table
    """Return the type of a field's values."""
    if field.kind == "number":
        return Annotated[float, msgspec.Meta(ge=field.low, le=field.high)]
    if field.kind == "category":
        return _choices(field) if numbered else Literal[field.choices]
    return date if field.kind == "day" else Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]


@lru_cache
def _choices(field: Field) -> Any:  # noqa: ANN401 - as above
    """Return the choices of a category, each with its number."""
    make: Any = Choice
    made = make(field.name, {choice: choice for choice in field.choices})
    for number, member in enumerate(made):
        member.code = float(number)
    CHOICES.append(made)
    return made


def _struct(name: str, members: list[Any], base: type[msgspec.Struct] = msgspec.Struct, tag: str | None = None) -> Any:  # noqa: ANN401 - as above
    """Return a type with these members only; members that are not given are not written."""
    return msgspec.defstruct(
        name,
        members,
        bases=(base,),
        tag=tag,
        tag_field=None if tag is None else "type",
        kw_only=True,
        frozen=True,
        omit_defaults=True,
        forbid_unknown_fields=True,
        gc=not tag,  # an event holds nothing that could hold it
    )


def _event_kind(name: str, own: tuple[Field, ...]) -> type[TypedEvent]:
    """Return the class of one type of event: its own fields, then texts that only other types of event have."""
    needed = REQUIRED_EVENT_FIELDS.get(name)
    members: list[Any] = []
    for field in _numbers_last(own):
        kind = _kind_of(field, numbered=True)
        if field.name == needed:
            members.append((field.name, kind))
        elif field.kind == "number":  # as columns hold it; null is left to the lenient reader
            members.append((field.name, kind, UNKNOWN))
        else:
            members.append((field.name, kind | None, None))
    members += [(foreign, str | None, None) for foreign in _foreign(name)]
    made: type[TypedEvent] = _struct(name, members, TypedEvent, name)
    return made


def _numbers_last(own: tuple[Field, ...]) -> list[Field]:
    """Return the fields of a type of event without its days: first other kinds, then numbers."""
    return sorted((*_COMMON, *own), key=lambda field: field.kind == "number")


def _foreign(name: str) -> tuple[str, ...]:
    """Return the text fields of other types of event that an event may have as extras."""
    scope = EVENT_SCOPES[name]
    names = [field.name for field in EVENT_FIELDS if field.kind in ("text", "category") and field.name not in scope]
    return tuple(one for one in names if _is_unknown_name(one, scope))


def _is_unknown_name(name: str, scope: tuple[str, ...]) -> bool:
    """Return whether a name is unknown in a scope in every spelling."""
    try:
        return field_name(name, scope) is None
    except FieldError:
        return False


_DAYS: Final = tuple(field for field in EVENT_COMMON_FIELDS if field.kind == "day")
_COMMON: Final = tuple(field for field in EVENT_COMMON_FIELDS if field.kind != "day")
EVENT_KINDS: Final = tuple(_event_kind(name, own) for name, own in EVENT_TYPE_FIELDS.items())
"""The class of every type of event, in the order of :data:`EVENT_TYPES`."""

EVENT_OWN: Final[Mapping[type, tuple[Field, ...]]] = {
    kind: (*_DAYS, *_numbers_last(own)) for kind, own in zip(EVENT_KINDS, EVENT_TYPE_FIELDS.values(), strict=True)
}
"""The fields of every type of event in the order of its members, numbers last; later members are extras."""

_EVENT: Any = reduce(or_, EVENT_KINDS)
_MASS: Any = _kind_of(COMPOSITION_FIELDS[0], numbered=False)
_MODULE: Any = _struct(
    "module",
    [
        (field.name, _kind_of(field, numbered=False) | None, None)
        for field in (text("battery_code"), event_field("soh"))
    ],
)
Record: Final = _struct(
    "record",
    [
        *((field.name, _kind_of(field, numbered=False) | None, None) for field in PACK_FIELDS),
        ("composition", dict[Literal[COMPOSITION], _MASS], {}),  # type: ignore[valid-type]  # made of the table
        ("modules", Annotated[list[_MODULE], msgspec.Meta(max_length=MOST_MODULES)], []),
        ("events", list[_EVENT], []),
    ],
    TypedPack,
)
"""A whole record."""
