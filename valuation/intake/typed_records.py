"""A trace record in our own spelling, decoded by compiled code into typed fields (标准记录直读).

Bytes that fit the types of :mod:`valuation.intake.typed_fields` hold nothing that anybody would have to be told of but
extra texts. Whatever does not fit is left to the patient reader (:mod:`valuation.intake.trace`), which knows other
spellings and says what is wrong; what is read here is read to the very same history there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from valuation.columns import UNKNOWN
from valuation.intake.codes import one_spelling
from valuation.intake.documents import most_names
from valuation.intake.notes import IntakeNote, make_note
from valuation.intake.trace import missing_identity
from valuation.intake.typed_fields import EVENT_OWN, Choice, Record, TypedEvent, TypedPack
from valuation.intake.values import FIRST_DAY, LAST_DAY, PLACEHOLDERS
from valuation.record.fields import EVENT_COMMON_FIELDS, PACK_FIELDS, text_code
from valuation.record.history import Module, PackHistory, TraceEvent
from valuation.record.tabulation import day_number

_DECODER = msgspec.json.Decoder(Record)
_ENCODER = msgspec.json.Encoder(order="sorted")
_COMMON_NAMES = tuple(field.name for field in EVENT_COMMON_FIELDS)
_ODD_TEXTS: Final = ('" ', ' "', *(f':"{text}"' for text in sorted(PLACEHOLDERS)))
"""What canonical JSON holds where a text has blanks around it or stands for "not known"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A record that was read: its fields, its canonical JSON, the notes on it, its events' values as numbers."""

    pack: TypedPack
    written: bytes
    notes: tuple[IntakeNote, ...]
    values: list[float]


def read_typed(content: bytes, most_events: int) -> Reading | None:
    """Return what a record in our own spelling says; None where anything about it is odd.

    >>> read_typed(b'{"battery_code": "T01PB0A0000001A680000123", "events": []}', 9) is None
    True
    >>> read_typed(b'{"battery_code": "T01PB0A0000001A680000123"}', 9).written
    b'{"battery_code":"T01PB0A0000001A680000123"}'
    """
    if b"\\" in content:  # without an escape a text holds no quote, and names can be counted by theirs
        return None
    try:
        pack: TypedPack = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    written = _ENCODER.encode(pack)
    if most_names(content) != written.count(b'":'):  # a name that is given twice, or an empty value
        return None
    told = [astuple(event) for event in pack.events]
    if not _proper(pack, written.decode()) or not all(_in_time(one[0], one[1]) for one in told):
        return None
    notes = _notes(pack.events, told)
    if notes is None or len(told) > most_events or missing_identity(pack):
        return None
    own = chain.from_iterable(
        [one[: len(EVENT_OWN[event.__class__])] for event, one in zip(pack.events, told, strict=True)]
    )
    values = [one if one.__class__ is float else UNKNOWN if one is None else _numbered(one) for one in own]
    return Reading(pack=pack, written=written, notes=notes, values=values)


def _proper(pack: TypedPack, written: str) -> bool:
    """Tell whether a record names itself a trace record under the one spelling of its code, with plain texts alone."""
    if pack.battery_code is None and not pack.events:
        return False
    if one_spelling(pack.battery_code) != pack.battery_code or not _in_time(pack.made_on or FIRST_DAY, None):
        return False
    return written.isprintable() and not any(odd in written for odd in _ODD_TEXTS)


def _in_time(on: date, reported_on: date | None) -> bool:
    """Tell whether days are such as a record may name."""
    return FIRST_DAY <= on <= LAST_DAY and (reported_on is None or FIRST_DAY <= reported_on <= LAST_DAY)


def _notes(events: list[TypedEvent], told: list[tuple[Any, ...]]) -> tuple[IntakeNote, ...] | None:
    """Return that texts of other types of event are kept unused; None where an event has several, told in its order."""
    notes: list[IntakeNote] = []
    for index, (event, one) in enumerate(zip(events, told, strict=True)):
        extra = one[len(EVENT_OWN[event.__class__]) :]
        given = len(extra) - extra.count(None)
        if given > 1:
            return None
        if given:
            (name,) = _extras(event)
            known_from = max(event.on, event.reported_on or event.on)
            notes.append(make_note("I01", fields=f"events[{index}].{name}").since(known_from))
    return tuple(notes)


def _numbered(value: object) -> float:
    """Return a day, a choice or a text as the number its column holds."""
    if isinstance(value, str):
        return text_code(value)
    return value.code if isinstance(value, Choice) else day_number(value)  # type: ignore[arg-type]  # nothing else is left


def _extras(event: TypedEvent) -> dict[str, object]:
    """Return the texts of other types of event that one carries along."""
    names = event.__struct_fields__[len(EVENT_OWN[event.__class__]) :]
    return {name: value for name in names if (value := getattr(event, name)) is not None}


def write_typed(events: list[TypedEvent]) -> tuple[bytes, ...]:
    """Return each event as canonical JSON, in their order."""
    return tuple(_ENCODER.encode_lines(events).split(b"\n")[:-1])


def write_without_events(pack: TypedPack) -> bytes:
    """Return a record without its events as canonical JSON."""
    return _ENCODER.encode(msgspec.structs.replace(pack, events=[]))


def history_of(pack: TypedPack) -> PackHistory:
    """Return a record as a history of objects."""
    plain = {field.name: getattr(pack, field.name) for field in PACK_FIELDS}
    return PackHistory(
        **plain,
        composition=dict(pack.composition),
        modules=tuple(Module(battery_code=one.battery_code, soh=one.soh) for one in pack.modules),
        events=tuple(_event_of(event) for event in pack.events),
        extras={},
    )


def _event_of(event: TypedEvent) -> TraceEvent:
    """Return an event as an object."""
    names = event.__struct_fields__[: len(EVENT_OWN[event.__class__])]
    given = {name: _plain(value) for name in names if (value := getattr(event, name)) is not None}
    common: dict[str, Any] = {name: given.pop(name, None) for name in _COMMON_NAMES}
    kind = event.__struct_config__.tag
    return TraceEvent(type=str(kind), **common, facts=given, extras=_extras(event))


def _plain(value: object) -> Any:  # noqa: ANN401 - a number, a text or a day
    return value.value if isinstance(value, Choice) else value
