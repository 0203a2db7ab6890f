"""The one form in which a record is held after reading (标准记录): fields, canonical JSON, digest, notes, columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec.structs import astuple, replace

from valuation.ingest.canonical_json import digest_of
from valuation.ingest.fields.normalise_code import code_notes, normalise_code
from valuation.ingest.notes import IntakeNote
from valuation.ingest.record_schema import EVENT_OWN, Choice, TypedEvent, TypedPack
from valuation.numeric.columns import UNKNOWN
from valuation.record.fields import EVENT_COMMON_FIELDS, PACK_FIELDS
from valuation.record.history import Module, PackHistory, TraceEvent

ENCODER: Final = msgspec.json.Encoder(order="sorted")
"""Writes canonical JSON: names sorted, numbers shortest, fields that are not given left out."""

COMMON_NAMES: Final = tuple(field.name for field in EVENT_COMMON_FIELDS)
_PARTS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class DecodedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One pack's record as it was read.

    Attributes
    ----------
    pack : the fields of the pack and its events.
    written : the canonical JSON of the whole record.
    without_events, events : the canonical JSON of the pack, and of each event.
    digest : SHA-256 name of the content.
    notes : cautions about how the record was read.
    values : the fields of the events as column numbers, event by event.
    extras, event_extras : unknown fields of the pack, and of events by their position.
    """

    pack: TypedPack
    written: bytes
    without_events: bytes
    events: list[bytes]
    digest: str
    notes: tuple[IntakeNote, ...]
    values: list[float]
    extras: Mapping[str, object] = {}
    event_extras: Mapping[int, Mapping[str, object]] = {}


@dataclass(slots=True, kw_only=True)
class ReadRecord:
    """A record whose values were checked, before it is completed and written; fields as in :class:`DecodedRecord`."""

    pack: TypedPack
    values: list[float]
    notes: list[IntakeNote]
    extras: Mapping[str, object]
    event_extras: Mapping[int, Mapping[str, object]]


def build_record(read: ReadRecord) -> DecodedRecord:
    """Return the record of a pack whose values were checked, under the one spelling of its battery code."""
    pack, extras, event_extras = read.pack, read.extras, read.event_extras
    notes: Sequence[IntakeNote] = read.notes
    about_code = code_notes(pack.battery_code)
    if about_code:
        pack, notes = replace(pack, battery_code=normalise_code(pack.battery_code)), (*about_code, *notes)
    events = ENCODER.encode_lines(pack.events).split(b"\n")[:-1]
    for place, unknown in event_extras.items():
        events[place] = _encode(pack.events[place], unknown)
    without_events = _encode(replace(pack, events=[]), extras)
    return DecodedRecord(
        pack=pack,
        written=_encode(replace(pack, events=joined_events(events)), extras) if events else without_events,
        without_events=without_events,
        events=events,
        digest=digest_of(without_events, events),
        notes=tuple(notes),
        values=read.values,
        extras=extras,
        event_extras=event_extras,
    )


def _encode(part: msgspec.Struct, extras: Mapping[str, object]) -> bytes:
    """Return a pack or an event as canonical JSON, with its unknown fields."""
    written = ENCODER.encode(part)
    return ENCODER.encode({**extras, **_PARTS.decode(written)}) if extras else written


def joined_events(events: list[bytes]) -> Any:  # noqa: ANN401 - takes the place of the list of events in a record that is only written
    """Return events that are already written as one JSON list."""
    return msgspec.Raw(b"[" + b",".join(events) + b"]")


def extra_texts(event: TypedEvent) -> dict[str, object]:
    """Return the texts in an event that only other types of event have."""
    width = len(EVENT_OWN[event.__class__])
    given = zip(event.__struct_fields__[width:], astuple(event)[width:], strict=True)
    return {name: value for name, value in given if value is not None}


def history_of(record: DecodedRecord) -> PackHistory:
    """Return a record as a history of objects."""
    pack = record.pack
    plain = {field.name: getattr(pack, field.name) for field in PACK_FIELDS}
    extras = record.event_extras
    return PackHistory(
        **plain,
        composition=dict(pack.composition),
        modules=tuple(Module(battery_code=one.battery_code, soh=one.soh) for one in pack.modules),
        events=tuple([_event_of(event, extras.get(place)) for place, event in enumerate(pack.events)]),
        extras=dict(record.extras),
    )


def _event_of(event: TypedEvent, extras: Mapping[str, object] | None) -> TraceEvent:
    """Return an event as an object."""
    names = event.__struct_fields__[: len(EVENT_OWN[event.__class__])]
    given = {name: _plain(value) for name in names if not _is_unknown(value := getattr(event, name))}
    common: dict[str, Any] = {name: given.pop(name, None) for name in COMMON_NAMES}
    kind = event.__struct_config__.tag
    return TraceEvent(type=str(kind), **common, facts=given, extras=extra_texts(event) if extras is None else extras)


def _is_unknown(value: object) -> bool:
    return value is None or value is UNKNOWN


def _plain(value: object) -> Any:  # noqa: ANN401 - a number, a text or a day
    return value.value if isinstance(value, Choice) else value
