"""Facts given in addition to a record or passport (补充信息), merged into it with their source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec

from valuation.errors import FieldError
from valuation.ingest.decoded_record import ReadRecord
from valuation.ingest.fields.chemistry_text import settle_names
from valuation.ingest.fields.normalise_code import normalise_code
from valuation.ingest.fields.values import is_placeholder, read_value
from valuation.ingest.notes import IntakeNote, make_note
from valuation.ingest.record_decoder import convert_event
from valuation.ingest.record_schema import TypedPack
from valuation.messages import Message, shown_value
from valuation.record.fields import PACK_FIELDS, Field, day, event_field

_NOT_GIVEN: Final = ("parent_code", "superseded_on")
_HEALTH: Final = (event_field("soh"), day("soh_on"), event_field("soh_source"))
GIVEN_FIELDS: Final[tuple[Field, ...]] = (*(field for field in PACK_FIELDS if field.name not in _NOT_GIVEN), *_HEALTH)
"""Fields that can be given: nameplate fields, and a state of health with its day and source."""

_FIELD: Final = {field.name: field for field in GIVEN_FIELDS}
_SAME: Final = 0.02
"""Relative difference below which two numbers are considered equal, because nameplates round. [1]"""

_RECENT_DAYS, _SAME_HEALTH = 365, 0.1

SOURCES: Final = ("command_line", "form", "request")
"""Channels in which facts can be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFacts:
    """Checked additional facts: pack fields, a state of health, the channel, the valuation day."""

    pack: Mapping[str, Any]
    health: Mapping[str, Any]
    source: str
    as_of: date


def read_given(raw: Mapping[str, object], *, source: str, as_of: date, from_text: bool = False) -> GivenFacts | None:
    """Return the given facts, checked like fields of a record; None if there are none.

    Parameters
    ----------
    raw
        By canonical names; None, empty texts and placeholders are ignored.
    source
        One of :data:`SOURCES`.
    as_of
        The valuation day, used as the day of a state of health without one.
    from_text
        Whether numbers come as text; a state of health above 1.2 is then read as per cent.

    Raises
    ------
    FieldError
        When a name is unknown or a value is wrong.

    >>> read_given({"chemistry": "三元"}, source="form", as_of=date(2026, 11, 20)).pack
    {'chemistry': 'NMC'}
    """
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in _FIELD:
            raise FieldError("given.unknown", field=name, known=list(_FIELD))
        if value is None or value == "" or is_placeholder(_FIELD[name], value):
            continue
        number = _fraction(value) if name == "soh" and from_text else value
        values[name] = read_value(_FIELD[name], number, name, from_text=from_text)
    health = {field.name: values.pop(field.name) for field in _HEALTH if field.name in values}
    if health and "soh" not in health:
        raise FieldError("given.without_soh", field=next(iter(health)))
    return GivenFacts(pack=values, health=health, source=source, as_of=as_of) if values or health else None


def _fraction(value: object) -> object:
    """Return a state of health such as 85 or 85 % as a fraction; other values are returned unchanged."""
    text = str(value).strip().removesuffix("%").removesuffix("％").strip()
    try:
        number = float(text)
    except ValueError:
        return value
    per_cent = text != str(value).strip() or number > event_field("soh").high
    return f"{number / 100:.12g}" if per_cent else text


def complete(read: ReadRecord, given: GivenFacts | None) -> ReadRecord:
    """Return a record completed with given facts; a note states the source of each, and any conflict.

    In a conflict the given fact is used. A class of chemistry does not replace its grade.
    """
    if given is None:
        return read
    changes: dict[str, Any] = {}
    for name, value in given.pack.items():
        known = getattr(read.pack, name)
        settled = settle_names([known, value]) if name == "chemistry" and known else ()
        chosen = settled[0] if len(settled) == 1 else value
        if known is None or not _agree(name, known, value):
            read.notes.append(_note(name, value, None if known is None or len(settled) == 1 else known, given.source))
            changes[name] = chosen
    read.pack = msgspec.structs.replace(read.pack, **changes)
    if given.health:
        _add_health(read, given)
    return read


def _agree(name: str, known: object, value: object) -> bool:
    """Return whether a value of a record and a given fact agree."""
    if isinstance(known, float) and isinstance(value, float):
        return abs(known - value) <= _SAME * max(abs(known), abs(value))
    if name == "battery_code":
        return normalise_code(str(known)) == normalise_code(str(value))
    return known == value


def _note(name: str, value: object, known: object, source: str) -> IntakeNote:
    """Return the note on a given fact with its source and the conflicting value of the record, if any."""
    said = Message(f"given.{source}")
    if known is None:
        return make_note("I22", field=name, value=_spell(value), reason=said)
    return make_note("I23", field=name, value=_spell(known), given=_spell(value), source=said)


def _spell(value: object) -> str:
    return (
        f"{value:g}" if isinstance(value, float) else str(shown_value(value)) if isinstance(value, str) else str(value)
    )


def _add_health(read: ReadRecord, given: GivenFacts) -> None:
    """Add a given state of health as a reading; without a day it is the weakest kind of test, on the valuation day."""
    on = given.health.get("soh_on", given.as_of)
    undated = "soh_on" not in given.health
    soh = given.health["soh"]
    for known_on, known in _known_health(read.pack):
        if abs((known_on - on).days) <= _RECENT_DAYS and abs(known - soh) > _SAME_HEALTH:
            read.notes.append(_note("soh", soh, known, given.source))
            break
    else:
        read.notes.append(_note("soh", soh, None, given.source))
    if undated:
        read.notes.append(make_note("I17", fields="soh", day=on.isoformat()))
    source = {"soh_source": given.health.get("soh_source", "bms")}
    reading = {"type": "tested", "method": "undated"} if undated else {"type": "usage", **source}
    event, numbers = convert_event({**reading, "on": on, "soh": soh})
    read.pack = msgspec.structs.replace(read.pack, events=[*read.pack.events, event])
    read.values += numbers


def _known_health(pack: TypedPack) -> list[tuple[date, float]]:
    """Return days and values of the health readings in a record, newest first."""
    found = [(event.on, getattr(event, "soh", None)) for event in pack.events]
    return sorted(((on, soh) for on, soh in found if isinstance(soh, float) and soh == soh), reverse=True)  # noqa: PLR0124 - NaN is not known
