"""A trace record in our own spelling, decoded by compiled code into typed fields (标准记录直读).

Bytes that fit the types of :mod:`valuation.ingest.record_schema` hold nothing that anybody would have to be told of but
extra texts. Whatever does not fit is left to the patient reader (:mod:`valuation.ingest.lenient_record`), which
knows other spellings and says what is wrong; what is read here is read to the very same history there.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from valuation.ingest.canonical_json import digest_of
from valuation.ingest.canonical_record import NotCanonical, canonical_text
from valuation.ingest.lenient_record import missing_identity
from valuation.ingest.normalise_code import normalise_code
from valuation.ingest.notes import IntakeNote, make_note
from valuation.ingest.record_schema import EVENT_KINDS, EVENT_OWN, Choice, Record, TypedEvent, TypedPack
from valuation.ingest.values import FIRST_DAY, LAST_DAY
from valuation.numeric.columns import UNKNOWN
from valuation.record.fields import EVENT_COMMON_FIELDS, PACK_FIELDS, Field, text_code
from valuation.record.history import Module, PackHistory, TraceEvent, known_from
from valuation.record.to_columns import day_number

_DECODER = msgspec.json.Decoder(Record)
_ENCODER = msgspec.json.Encoder(order="sorted")
_COMMON_NAMES = tuple(field.name for field in EVENT_COMMON_FIELDS)
_PACK_TEXTS = attrgetter(*[field.name for field in PACK_FIELDS if field.kind == "text"])
_MOST_KNOWN = 200_000


class DecodedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record that was read.

    Attributes
    ----------
    pack : its fields.
    written : its canonical JSON.
    without_events, events : the same, each event's apart.
    digest : the name of all that it says.
    notes : what there is to say about it.
    values : what its events' own fields say, as the numbers that columns hold.
    """

    pack: TypedPack
    written: bytes
    without_events: bytes
    events: list[bytes]
    digest: str
    notes: tuple[IntakeNote, ...]
    values: list[float]


def decode_record(content: bytes, most_events: int) -> DecodedRecord | None:
    """Return what a record in our own spelling says; None where anything about it is odd.

    >>> decode_record(b'{"battery_code": "T01PB0A0000001A680000123", "events": []}', 9) is None
    True
    >>> decode_record(b'{"battery_code": "T01PB0A0000001A680000123"}', 9).written
    b'{"battery_code":"T01PB0A0000001A680000123"}'
    """
    if b"\\" in content:  # without an escape a text is written as it was, and names can be counted by their colons
        return None
    try:
        pack: TypedPack = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    lines = _ENCODER.encode_lines(pack.events)
    events = lines.split(b"\n")[:-1]
    without_events = _ENCODER.encode(msgspec.structs.replace(pack, events=[])) if events else _ENCODER.encode(pack)
    if content.count(b":") != without_events.count(b":") + lines.count(b":") + bool(events):
        return None  # a name that is given twice, or an empty value: each name has a colon, and texts are the same
    if len(events) > most_events or missing_identity(pack):
        return None
    try:
        _check_canonical(pack)
        values, notes = _said(pack.events)
    except NotCanonical:
        return None
    return DecodedRecord(
        pack=pack,
        written=_written(pack, events) if events else without_events,
        without_events=without_events,
        events=events,
        digest=digest_of(without_events, events),
        notes=tuple(notes),
        values=values,
    )


def _written(pack: TypedPack, events: list[bytes]) -> bytes:
    """Return a record as canonical JSON, its events written already."""
    told: Any = msgspec.Raw(b"[" + b",".join(events) + b"]")
    return _ENCODER.encode(msgspec.structs.replace(pack, events=told))


def _said(events: list[TypedEvent]) -> tuple[list[float], list[IntakeNote]]:
    """Return what the fields of events say, as the numbers that columns hold, and notes on what is kept unused.

    Raises
    ------
    Odd
        If a text is not plain, or a day not such as a record may name.
    """
    values: list[float] = []
    notes: list[IntakeNote] = []
    for place, event in enumerate(events):
        words, width, nothing_else = _LAYOUT[event.__class__]
        told = astuple(event)
        values += map(_NUMBER_OF, told[:words])
        values += told[words:width]
        if told[width:] != nothing_else:
            notes.append(_note(place, event))
    return values, notes


def _check_canonical(pack: TypedPack) -> None:
    """See that a record names itself a trace record under the one spelling of its code, with plain texts alone.

    Raises
    ------
    Odd
        If it does not.
    """
    if pack.battery_code is None and not pack.events:
        raise NotCanonical
    if normalise_code(pack.battery_code) != pack.battery_code:
        raise NotCanonical
    for day in (pack.made_on, pack.superseded_on):
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise NotCanonical
    for text in _PACK_TEXTS(pack):
        if text is not None:
            canonical_text(text)
    for module in pack.modules:
        if module.battery_code is not None:
            canonical_text(module.battery_code)


class _Numbers(dict[Any, float]):
    """Texts, days and choices as the numbers that columns hold, each worked out when it is first met."""

    def __missing__(self, one: Any) -> float:  # noqa: ANN401 - a text, a day, a choice or nothing
        """Work one out.

        Raises
        ------
        Odd
            If a text is not plain, or a day not such as a record may name.
        """
        if isinstance(one, date):
            if not FIRST_DAY <= one <= LAST_DAY:
                raise NotCanonical
            number = day_number(one)
        elif one is None:
            number = UNKNOWN
        else:
            number = one.code if isinstance(one, Choice) else text_code(canonical_text(one))
        if len(self) >= _MOST_KNOWN:
            self.clear()
        self[one] = number
        return number


_NUMBER_OF: Final = _Numbers().__getitem__


def _layout(kind: type[TypedEvent], own: tuple[Field, ...]) -> tuple[int, int, tuple[None, ...]]:
    """Return how many of an event's members hold no number, how many are its own, and the others where not given."""
    words = sum(field.kind != "number" for field in own)
    return words, len(own), (None,) * (len(kind.__struct_fields__) - len(own))


_LAYOUT: Final = {kind: _layout(kind, EVENT_OWN[kind]) for kind in EVENT_KINDS}


def _note(place: int, event: TypedEvent) -> IntakeNote:
    """Return that a text of another type of event is kept unused.

    Raises
    ------
    Odd
        If it is not plain, or there are several: they are told of in the order in which they were given.
    """
    (name, value), *others = _extras(event).items()
    if others or not str(value).isprintable():
        raise NotCanonical
    return _unused(f"events[{place}].{name}", known_from(event.on, event.reported_on, event.recorded_on))


@lru_cache(maxsize=8192)
def _unused(fields: str, since: date) -> IntakeNote:
    return make_note("I01", fields=fields).since(since)


def _extras(event: TypedEvent) -> dict[str, object]:
    """Return the texts of other types of event that one carries along."""
    width = len(EVENT_OWN[event.__class__])
    given = zip(event.__struct_fields__[width:], astuple(event)[width:], strict=True)
    return {name: value for name, value in given if value is not None}


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
    given = {name: _plain(value) for name in names if not _is_unknown(value := getattr(event, name))}
    common: dict[str, Any] = {name: given.pop(name, None) for name in _COMMON_NAMES}
    kind = event.__struct_config__.tag
    return TraceEvent(type=str(kind), **common, facts=given, extras=_extras(event))


def _is_unknown(value: object) -> bool:
    return value is None or value is UNKNOWN


def _plain(value: object) -> Any:  # noqa: ANN401 - a number, a text or a day
    return value.value if isinstance(value, Choice) else value
