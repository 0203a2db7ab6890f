"""Facts given beside a record or passport (补充信息): code, nameplate, health; merged with their source."""

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
"""The fields that may be given: those of the nameplate, and a health with its day and source."""

_FIELD: Final = {field.name: field for field in GIVEN_FIELDS}
_SAME: Final = 0.02
"""Numbers that differ by a smaller share tell the same: nameplates round. [1]"""

_RECENT_DAYS, _SAME_HEALTH = 365, 0.1

SOURCES: Final = ("command_line", "form", "request")
"""The entrances at which facts can be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFacts:
    """Checked facts that were given beside records: pack fields, a health, the entrance, the valuation day."""

    pack: Mapping[str, Any]
    health: Mapping[str, Any]
    source: str
    as_of: date


def read_given(raw: Mapping[str, object], *, source: str, as_of: date, from_text: bool = False) -> GivenFacts | None:
    """Return the facts that were given, checked as the fields of a record are; None if none was.

    Parameters
    ----------
    raw
        By our names; None, empty texts and placeholders are not given.
    source
        One of :data:`SOURCES`.
    as_of
        The valuation day, which dates a health without a day of its own.
    from_text
        Whether numbers come as text; a health above 1.2 is then read as per cent.

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
    """Return a health as a person writes it, 85 or 85 %, as a fraction; what is no such number stays."""
    text = str(value).strip().removesuffix("%").removesuffix("％").strip()
    try:
        number = float(text)
    except ValueError:
        return value
    per_cent = text != str(value).strip() or number > event_field("soh").high
    return f"{number / 100:.12g}" if per_cent else text


def complete(read: ReadRecord, given: GivenFacts | None) -> ReadRecord:
    """Return a record completed with the facts given beside it; each is noted with its source, a conflict with both.

    What was given is used: who gives it has the pack at hand. A class of chemistry does not replace its grade.
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
    """Return whether a record and the facts given beside it tell the same."""
    if isinstance(known, float) and isinstance(value, float):
        return abs(known - value) <= _SAME * max(abs(known), abs(value))
    if name == "battery_code":
        return normalise_code(str(known)) == normalise_code(str(value))
    return known == value


def _note(name: str, value: object, known: object, source: str) -> IntakeNote:
    """Return the note on a fact with its source, and with what the record tells if that is something else."""
    said = Message(f"given.{source}")
    if known is None:
        return make_note("I22", field=name, value=_spell(value), reason=said)
    return make_note("I23", field=name, value=_spell(known), given=_spell(value), source=said)


def _spell(value: object) -> str:
    return (
        f"{value:g}" if isinstance(value, float) else str(shown_value(value)) if isinstance(value, str) else str(value)
    )


def _add_health(read: ReadRecord, given: GivenFacts) -> None:
    """Add the health that was given as a reading; without a day it counts as of the valuation day, as a BMS reading."""
    on = given.health.get("soh_on", given.as_of)
    undated = "soh_on" not in given.health
    soh, source = given.health["soh"], "bms" if undated else given.health.get("soh_source", "bms")
    for known_on, known in _known_health(read.pack):
        if abs((known_on - on).days) <= _RECENT_DAYS and abs(known - soh) > _SAME_HEALTH:
            read.notes.append(_note("soh", soh, known, given.source))
            break
    else:
        read.notes.append(_note("soh", soh, None, given.source))
    if undated:
        read.notes.append(make_note("I17", fields="soh", day=on.isoformat()))
    event, numbers = convert_event({"type": "usage", "on": on, "soh": soh, "soh_source": source})
    read.pack = msgspec.structs.replace(read.pack, events=[*read.pack.events, event])
    read.values += numbers


def _known_health(pack: TypedPack) -> list[tuple[date, float]]:
    """Return the days and values of the health readings in a record, the last first."""
    found = [(event.on, getattr(event, "soh", None)) for event in pack.events]
    return sorted(((on, soh) for on, soh in found if isinstance(soh, float) and soh == soh), reverse=True)  # noqa: PLR0124 - NaN is not known
