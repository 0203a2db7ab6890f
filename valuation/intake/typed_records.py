"""A trace record in our own spelling, decoded by compiled code into typed fields (标准记录直读).

Bytes that fit the types of :mod:`valuation.intake.typed_fields` hold nothing that anybody would have to be told of but
extra texts. Whatever does not fit is left to the patient reader (:mod:`valuation.intake.trace`), which knows other
spellings and says what is wrong; what is read here is read to the very same history there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from valuation.columns import UNKNOWN
from valuation.intake.codes import one_spelling
from valuation.intake.documents import most_names
from valuation.intake.notes import IntakeNote, make_note
from valuation.intake.plainly import Odd, plain_text
from valuation.intake.trace import missing_identity
from valuation.intake.typed_fields import CHOICES, EVENT_KINDS, EVENT_OWN, Choice, Record, TypedEvent, TypedPack
from valuation.intake.values import FIRST_DAY, LAST_DAY
from valuation.record.fields import EVENT_COMMON_FIELDS, PACK_FIELDS, text_code
from valuation.record.history import Module, PackHistory, TraceEvent
from valuation.record.tabulation import day_number

_DECODER = msgspec.json.Decoder(Record)
_ENCODER = msgspec.json.Encoder(order="sorted")
_COMMON_NAMES = tuple(field.name for field in EVENT_COMMON_FIELDS)
_PACK_TEXTS = tuple(field.name for field in PACK_FIELDS if field.kind == "text")
_WIDTH = {kind: len(fields) for kind, fields in EVENT_OWN.items()}
_NO_EXTRAS = {kind: (None,) * (len(kind.__struct_fields__) - _WIDTH[kind]) for kind in EVENT_KINDS}


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
    if len(pack.events) > most_events or missing_identity(pack):
        return None
    told = [(event.__class__, astuple(event)) for event in pack.events]
    try:
        _see_proper(pack)
        values = [_numbers(kind, one) for kind, one in told]
        extras = [
            _note(at, pack.events[at]) for at, (kind, one) in enumerate(told) if one[_WIDTH[kind] :] != _NO_EXTRAS[kind]
        ]
    except Odd:
        return None
    return Reading(pack=pack, written=written, notes=tuple(extras), values=list(chain.from_iterable(values)))


def _see_proper(pack: TypedPack) -> None:
    """See that a record names itself a trace record under the one spelling of its code, with plain texts alone.

    Raises
    ------
    Odd
        If it does not.
    """
    if pack.battery_code is None and not pack.events:
        raise Odd
    if one_spelling(pack.battery_code) != pack.battery_code:
        raise Odd
    if pack.made_on is not None and not FIRST_DAY <= pack.made_on <= LAST_DAY:
        raise Odd
    for text in [getattr(pack, name) for name in _PACK_TEXTS] + [module.battery_code for module in pack.modules]:
        if text is not None:
            plain_text(text)


def _numbers(kind: type, told: tuple[Any, ...]) -> list[float]:
    """Return what the fields of an event's own type say, as the numbers that columns hold.

    Raises
    ------
    Odd
        If a text is not plain, or a day not such as a record may name.
    """
    own = told[: _WIDTH[kind]]
    return [
        one if one.__class__ is float else UNKNOWN if one is None else _NUMBER_OF[one.__class__](one) for one in own
    ]


@lru_cache(maxsize=65_536)
def _text_number(text: str) -> float:
    return text_code(plain_text(text))


@lru_cache(maxsize=65_536)
def _number_of_day(day: date) -> float:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise Odd
    return day_number(day)


_NUMBER_OF: Final[Mapping[type, Callable[[Any], float]]] = {
    str: _text_number,
    date: _number_of_day,
    **dict.fromkeys(CHOICES, attrgetter("code")),
}


def _note(place: int, event: TypedEvent) -> IntakeNote:
    """Return that a text of another type of event is kept unused.

    Raises
    ------
    Odd
        If it is not plain, or there are several: they are told of in the order in which they were given.
    """
    extras = _extras(event)
    (name, value), *others = extras.items()
    if others or not str(value).isprintable():
        raise Odd
    return _unused(f"events[{place}].{name}", max(event.on, event.reported_on or event.on))


@lru_cache(maxsize=8192)
def _unused(fields: str, known_from: date) -> IntakeNote:
    return make_note("I01", fields=fields).since(known_from)


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
