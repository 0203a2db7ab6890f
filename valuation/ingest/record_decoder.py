"""Trace records decoded by compiled code into typed fields (标准记录解码).

:func:`decode_record` decodes bytes that are canonical: canonical names and spellings, one code, plain texts. Anything
else goes to :func:`valuation.ingest.lenient_record.read_record`, which normalises names and spellings, decodes into the
same types (:mod:`valuation.ingest.record_schema`), and names every problem.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from operator import attrgetter
from typing import Any, Final

import msgspec
from msgspec.structs import astuple, replace

from valuation.battery_code.decoding import decode
from valuation.errors import FieldError
from valuation.ingest.canonical_json import digest_of
from valuation.ingest.decoded_record import (
    ENCODER,
    DecodedRecord,
    extra_texts,
    joined_events,
)
from valuation.ingest.fields.days import FIRST_DAY, LAST_DAY
from valuation.ingest.fields.normalise_code import has_look_alikes, normalise_code
from valuation.ingest.fields.values import LONGEST_TEXT, PLACEHOLDERS
from valuation.ingest.notes import IntakeNote, unknown_fields
from valuation.ingest.record_schema import EVENT_KINDS, EVENT_OWN, Choice, Record, TypedEvent, TypedPack
from valuation.messages import Message, shown_value
from valuation.numeric.columns import UNKNOWN
from valuation.record.fields import EVENT_TYPES, PACK_FIELDS, Field, text_code
from valuation.record.history import known_from
from valuation.record.to_columns import day_number
from valuation.vehicle.catalogue import near_models
from valuation.vehicle.catalogue_lookup import look_up

_DECODER = msgspec.json.Decoder(Record)
_KIND: dict[str, type[TypedEvent]] = dict(zip(EVENT_TYPES, EVENT_KINDS, strict=True))
_PACK_TEXTS = attrgetter(*[field.name for field in PACK_FIELDS if field.kind == "text"])
_MOST_KNOWN = 200_000


class NotCanonical(Exception):
    """A record is valid at most after normalisation: a name, spelling, text or day is not canonical."""


def decode_record(content: bytes, most_events: int) -> DecodedRecord | None:
    """Return the record in canonical bytes, None if anything in them needs normalisation or refusal.

    >>> decode_record(b'{"battery_code": "T01PB0A0000001A680000123", "events": []}', 9) is None
    True
    >>> decode_record(b'{"battery_code": "T01PB0A0000001A680000123"}', 9).written
    b'{"battery_code":"T01PB0A0000001A680000123"}'
    """
    if b"\\" in content:  # without escapes, texts are written as they were read, and colons count the names
        return None
    try:
        pack: TypedPack = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    lines = ENCODER.encode_lines(pack.events)
    events = lines.split(b"\n")[:-1]
    without_events = ENCODER.encode(replace(pack, events=[])) if events else ENCODER.encode(pack)
    if content.count(b":") != without_events.count(b":") + lines.count(b":") + bool(events):
        return None  # a repeated name or an empty value: each name has one colon, and the texts are equal
    if len(events) > most_events or missing_identity(pack):
        return None
    try:
        _check_pack(pack)
        values: list[float] = []
        notes: list[IntakeNote] = []
        for place, event in enumerate(pack.events):
            fields, numbers_from, width, no_extras = astuple(event), *_LAYOUT[event.__class__]
            values += map(_NUMBER_OF, fields[:numbers_from])
            values += fields[numbers_from:width]
            if fields[width:] != no_extras:
                notes.append(_note(place, event))
    except NotCanonical:
        return None
    return DecodedRecord(
        pack=pack,
        written=ENCODER.encode(replace(pack, events=joined_events(events))) if events else without_events,
        without_events=without_events,
        events=events,
        digest=digest_of(without_events, events),
        notes=tuple(notes),
        values=values,
    )


def decode_event(fields: Mapping[str, object]) -> tuple[TypedEvent, list[float]]:
    """Return an event with canonical names and values, and its fields as column numbers.

    Raises
    ------
    NotCanonical
        If a value is not canonical.
    """
    event, numbers, _ = _decode_event(fields)
    return event, numbers


def canonical_event(fields: Mapping[str, object]) -> tuple[TypedEvent, list[float]] | None:
    """Return an event as :func:`decode_event` does, None if a name or value needs normalisation or is not used."""
    if "type" not in fields:
        return None
    try:
        event, numbers, all_used = _decode_event(fields)
    except NotCanonical:
        return None
    return (event, numbers) if all_used else None


def _decode_event(fields: Mapping[str, object]) -> tuple[TypedEvent, list[float], bool]:
    """Return an event as :func:`decode_event` does, and whether its type has all its fields."""
    try:
        event = _typed_event(fields)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise NotCanonical from error
    numbers_from, width, no_extras = _LAYOUT[event.__class__]
    values = astuple(event)
    numbers = [*map(_NUMBER_OF, values[:numbers_from]), *values[numbers_from:width]]
    return event, numbers, values[width:] == no_extras


def convert_event(fields: Mapping[str, object]) -> tuple[TypedEvent, list[float]]:
    """Return an event of checked values as :func:`decode_event` does, with texts that need not be canonical."""
    event = _typed_event(fields)
    numbers_from, width, _ = _LAYOUT[event.__class__]
    values = astuple(event)
    return event, [*map(_number, values[:numbers_from]), *values[numbers_from:width]]


def _typed_event(fields: Mapping[str, object]) -> TypedEvent:
    """Return an event in the type of its `type`; the union of all types takes a hundred times as long to convert."""
    name = fields.get("type")
    if not isinstance(name, str) or name not in _KIND:
        raise msgspec.ValidationError
    event: TypedEvent = msgspec.convert(fields, _KIND[name])
    return event


def missing_identity(pack: TypedPack) -> list[FieldError]:
    """Return what a pack lacks to be valued: a valid code, or chemistry with energy or mass, or a known vehicle."""
    energy = pack.rated_energy_kwh or (pack.rated_capacity_ah and pack.nominal_voltage_v) or pack.mass_kg
    if pack.chemistry and energy:
        return []
    if pack.battery_code and decode(pack.battery_code, LAST_DAY).valid:
        return []
    if pack.vehicle_model:
        return _unknown_vehicle(pack, pack.vehicle_model)
    lacking = [] if pack.chemistry else ["chemistry"]
    lacking += [] if energy else ["rated_energy_kwh"]
    return [
        FieldError(
            "record.no_identity" if len(lacking) == 1 else "record.no_identity_at_all",
            hint="record.give_identity",
            field="battery_code" if not pack.battery_code else lacking[0],
            value=pack.battery_code,
            why=Message("record.code_invalid", value=shown_value(pack.battery_code))
            if pack.battery_code
            else Message("record.code_missing"),
            fields=lacking,
        )
    ]


def _unknown_vehicle(pack: TypedPack, model: str) -> list[FieldError]:
    """Return the error of a pack that only its vehicle names, if that is not known."""
    made_year = None if pack.made_on is None else float(pack.made_on.year)
    if look_up(model, pack.make, pack.maker, pack.model_year, pack.vin, made_year) is not None:
        return []
    near = near_models(model, pack.make)
    return [
        FieldError(
            "record.unknown_vehicle",
            hint="record.give_known_vehicle" if near else "record.give_vehicle",
            field="vehicle_model",
            value=model,
            model=shown_value(model),
            near=list(near),
        )
    ]


def _check_pack(pack: TypedPack) -> None:
    """Check that a record is a trace record with a normalised code and plain texts.

    Raises
    ------
    NotCanonical
        If it is not canonical.
    """
    if pack.battery_code is None and not pack.events:
        raise NotCanonical
    code = pack.battery_code
    if code is not None and (normalise_code(code) != code or has_look_alikes(code)):
        raise NotCanonical
    for day in (pack.made_on, pack.superseded_on):
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise NotCanonical
    for text in (*_PACK_TEXTS(pack), *[module.battery_code for module in pack.modules]):
        if text is not None:
            _check_text(text)


def _check_text(text: str) -> None:
    """Check that a text is canonical: no placeholder, no outer blanks, printable, not too long."""
    if len(text) > LONGEST_TEXT or text in PLACEHOLDERS or not text.isprintable() or text.strip() != text:
        raise NotCanonical


def _number(value: Any) -> float:  # noqa: ANN401 - a text, a day, a choice or nothing
    """Return a day, choice or text as its column number."""
    if value is None:
        return UNKNOWN
    if isinstance(value, date):
        return day_number(value)
    return value.code if isinstance(value, Choice) else text_code(value)


class _CanonicalNumbers(dict[Any, float]):
    """Canonical texts, days and choices as column numbers, each checked and computed once."""

    def __missing__(self, value: Any) -> float:  # noqa: ANN401 - as above
        """Check and compute one.

        Raises
        ------
        NotCanonical
            If a text is not plain, or a day is outside the range of a record.
        """
        if isinstance(value, date) and not FIRST_DAY <= value <= LAST_DAY:
            raise NotCanonical
        if isinstance(value, str):
            _check_text(value)
        if len(self) >= _MOST_KNOWN:
            self.clear()
        self[value] = _number(value)
        return self[value]


_NUMBER_OF: Final = _CanonicalNumbers().__getitem__


def _layout(kind: type[TypedEvent], own: tuple[Field, ...]) -> tuple[int, int, tuple[None, ...]]:
    """Return where an event's numbers begin and end, and the value of the extra texts behind them if none is given."""
    words = sum(field.kind != "number" for field in own)
    return words, len(own), (None,) * (len(kind.__struct_fields__) - len(own))


_LAYOUT: Final = {kind: _layout(kind, EVENT_OWN[kind]) for kind in EVENT_KINDS}


def _note(place: int, event: TypedEvent) -> IntakeNote:
    """Return the note that a text field of another event type is not used.

    Raises
    ------
    NotCanonical
        If it is not printable, or there are several: a note names them in the order in which they were given.
    """
    (name, value), *others = extra_texts(event).items()
    if others or not str(value).isprintable():
        raise NotCanonical
    since = known_from(event.on, event.reported_on, event.recorded_on)
    return unknown_fields(f"events[{place}].{name}").since(since)
