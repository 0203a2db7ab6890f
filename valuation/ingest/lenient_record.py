"""Trace records in any accepted spelling (溯源记录): names normalised, values decoded, all problems named at once.

The result has the same types as a canonical record (:mod:`valuation.ingest.record_decoder`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from valuation.errors import FieldError
from valuation.ingest.decode_bytes import Limits
from valuation.ingest.decoded_record import DecodedRecord, build_record
from valuation.ingest.fields.aliases import (
    ANY_EVENT_SCOPE,
    EVENT_SCOPES,
    MODULE_SCOPE,
    PACK_SCOPE,
    Choices,
    FieldNames,
    plain,
)
from valuation.ingest.fields.values import is_placeholder, read_extra, read_value
from valuation.ingest.notes import IntakeNote, make_note, printable
from valuation.ingest.record_decoder import (
    NotCanonical,
    convert_event,
    decode_event,
    missing_identity,
)
from valuation.ingest.record_schema import MOST_MODULES, Record, TypedEvent, TypedPack
from valuation.messages import Message, shown_value
from valuation.record.fields import (
    COMPOSITION,
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPES,
    PACK_FIELDS,
    REQUIRED_EVENT_FIELDS,
    Field,
    category,
    text,
)
from valuation.record.history import known_from

_PROBLEMS_SHOWN = 5
_MOST_PROBLEMS = 100

Value = float | str | date


_PACK = {field.name: field for field in PACK_FIELDS}
_COMPOSITION = {field.name: field for field in COMPOSITION_FIELDS}
_EVENT = {field.name: field for field in (category("type", *EVENT_TYPES), *EVENT_COMMON_FIELDS, *EVENT_FIELDS)}
_MODULE = {"battery_code": text("battery_code"), "soh": _EVENT["soh"]}
_CHOICES = {name: Choices(field) for name, field in _EVENT.items() if field.kind == "category"}
_PACK_NAMES, _COMPOSITION_NAMES, _MODULE_NAMES, _TYPE_NAME, _ANY_EVENT_NAMES = (
    FieldNames(scope) for scope in (PACK_SCOPE, COMPOSITION, MODULE_SCOPE, ("type",), ANY_EVENT_SCOPE)
)
_EVENT_NAMES = {kind: FieldNames(scope) for kind, scope in EVENT_SCOPES.items()}


def read_record(
    record: Mapping[str, object], *, from_text: bool = False, limits: Limits | None = None
) -> DecodedRecord:
    """Return a trace record in any accepted spelling, with notes about how it was read.

    Parameters
    ----------
    record : mapping
        A decoded JSON object in English or Chinese names, or a row of a table.
    from_text : bool
        Whether numbers come as text, as in a CSV table.
    limits : Limits, optional
        How many events one pack may have.

    Raises
    ------
    FieldError
        Naming every wrong field with its value (the first five in words) and the hint for the first.

    >>> read = read_record({"电池类型": "磷酸铁锂", "额定能量": 52.5, "厂家": "-"})
    >>> read.pack.chemistry, read.pack.rated_energy_kwh, read.notes[0].caution.id
    ('LFP', 52.5, 'I02')
    >>> read_record({"battery_code": "x", "events": [{"type": "usage", "on": "2024-03-31", "soh": 88}]})
    Traceback (most recent call last):
    ...
    valuation.errors.FieldError: events[0].soh is 88, above the highest possible 1.2
    """
    reader = _RecordReader(from_text=from_text, limits=limits or Limits())
    pack = reader.pack(record)
    problems = reader.problems or missing_identity(pack)
    if problems:
        raise merge_errors(problems)
    try:
        return build_record(pack, reader.numbers, reader.notes, reader.extras, reader.event_extras)
    except UnicodeEncodeError as error:  # a name of an unknown field: values were checked
        raise FieldError("record.not_unicode", found=shown_value(error.object)) from error


def merge_errors(problems: Sequence[FieldError]) -> FieldError:
    """Return one error that lists the problems of a record, the first with its field, value and hint.

    >>> merged = merge_errors([FieldError("record.not_finite", field=name, value=1) for name in ("a", "b")])
    >>> str(merged), merged.field, merged.hint
    ('a is 1, no finite number; also b is 1, no finite number', 'a', 'give the measured value')
    """
    first, *others = problems
    if not others:
        first.value = printable(first.value)
        return first
    identity = "record.several_problems"
    if len(problems) > _PROBLEMS_SHOWN:
        identity = "record.several_problems_and_more"
    if len(problems) > _MOST_PROBLEMS:
        identity = "record.several_problems_and_many_more"
    return FieldError(
        identity,
        hint=first.hint_text,
        field=first.field,
        value=printable(first.value),
        problems=[problem.text for problem in problems[:_PROBLEMS_SHOWN]],
        more=len(problems) - _PROBLEMS_SHOWN,
    )


def _name(spelled: str) -> str:
    """Return a name that can follow a path: a name without letters would leave the path unchanged."""
    return spelled if plain(spelled) else f"unnamed {spelled}"


class _RecordReader:
    """Reads one record and collects every problem and note."""

    def __init__(self, *, from_text: bool, limits: Limits) -> None:
        self.from_text = from_text
        self.limits = limits
        self.problems: list[FieldError] = []
        self.notes: list[IntakeNote] = []
        self.numbers: list[float] = []
        self.extras: dict[str, object] = {}
        self.event_extras: dict[int, Mapping[str, object]] = {}

    def pack(self, record: Mapping[str, object]) -> TypedPack:
        """Return the pack with its events; problems are collected, not raised."""
        raw, self.extras = self._named(record, _PACK_NAMES, "")
        composition = self._mapping(raw.pop("composition", None), "composition")
        modules = self._items(raw.pop("modules", None), "modules", MOST_MODULES)
        events = self._items(raw.pop("events", None), "events", self.limits.events)
        values: dict[str, object] = {**self._values(raw, _PACK, "")}
        masses, unknown = self._named(composition, _COMPOSITION_NAMES, "composition.")
        self.extras |= {f"composition.{_name(name)}": value for name, value in unknown.items()}
        values["modules"] = [self._module(item, f"modules[{index}]") for index, item in enumerate(modules)]
        self._note_extras(self.extras, "")
        values["composition"] = self._values(masses, _COMPOSITION, "composition.")
        read_events = self._events(events)
        pack: TypedPack = Record() if self.problems else msgspec.convert(values, Record)
        return msgspec.structs.replace(pack, events=read_events)

    def _events(self, items: Sequence[object]) -> list[TypedEvent]:
        """Return the events that could be read."""
        events: list[TypedEvent] = []
        for index, item in enumerate(items):
            event = self._event(item, index)
            if event is not None:
                events.append(event)
            if len(self.problems) > _MOST_PROBLEMS:
                break  # more problems help nobody, and wording twenty thousand takes seconds
        return events

    def _event(self, item: object, index: int) -> TypedEvent | None:
        """Return one event, None if it has a problem; its notes count from the day on which it was known."""
        path = f"events[{index}]"
        mapping = self._mapping(item, path, wanted=True)
        notes, problems = len(self.notes), len(self.problems)
        raw, extras = self._named(mapping, _EVENT_NAMES.get(_event_type(mapping), _ANY_EVENT_NAMES), f"{path}.")
        if extras:
            self._note_extras(extras, f"{path}.")
            self.event_extras[index] = extras
        decoded = None
        if not self.from_text and len(self.problems) == problems:
            try:
                decoded = decode_event(_canonical_choices(raw))
            except NotCanonical:
                decoded = None
        if decoded is None:
            values = self._values(raw, _EVENT, f"{path}.")
            if len(self.problems) == problems:
                self._note_missing(values, path)
            if len(self.problems) > problems:
                return None
            decoded = convert_event(values)
        event, numbers = decoded
        self.numbers += numbers
        if len(self.notes) > notes:
            since = known_from(event.on, event.reported_on, event.recorded_on)
            self.notes[notes:] = [note.since(since) for note in self.notes[notes:]]
        return event

    def _note_missing(self, values: Mapping[str, object], path: str) -> None:
        """Note the fields without which an event cannot be used."""
        required = REQUIRED_EVENT_FIELDS.get(str(values.get("type")))
        for name in ("type", "on", required):
            if name is not None and name not in values:
                hint = "record.say_when" if name == "on" else "record.say_which"
                self.problems.append(FieldError("record.missing", hint=hint, field=f"{path}.{name}", name=name))

    def _module(self, item: object, path: str) -> dict[str, Value]:
        """Return one module of the pack; its unknown fields are kept with the pack."""
        raw, extras = self._named(self._mapping(item, path, wanted=True), _MODULE_NAMES, f"{path}.")
        self.extras |= {f"{path}.{_name(name)}": value for name, value in extras.items()}
        return self._values(raw, _MODULE, f"{path}.")

    def _named(
        self, record: Mapping[str, object], names: FieldNames, path: str
    ) -> tuple[dict[str, object], dict[str, object]]:
        """Return the fields of a scope under our names, and the unknown fields."""
        known: dict[str, object] = {}
        extras: dict[str, object] = {}
        for key, value in record.items():
            try:
                name = names[key]
                if name is None:
                    extras[str(key)] = read_extra(value, f"{path}{str(key)[:60]}")
                elif name in known:
                    twice = FieldError("record.given_twice", field=f"{path}{name}", spelled=shown_value(key))
                    self.problems.append(twice)
                else:
                    known[name] = value
            except FieldError as problem:
                self.problems.append(problem)
        return known, extras

    def _values(self, raw: Mapping[str, object], fields: Mapping[str, Field], path: str) -> dict[str, Value]:
        """Return the known values, each checked against its field."""
        values: dict[str, Value] = {}
        for name, value in raw.items():
            if value is None:
                continue
            field = fields[name]
            if is_placeholder(field, value):
                if value != "" or not self.from_text:  # an empty cell means "absent" in a text table
                    self.notes.append(make_note("I02", field=f"{path}{name}", value=shown_value(value)))
                continue
            try:
                values[name] = read_value(field, value, f"{path}{name}", from_text=self.from_text)
            except FieldError as problem:
                self.problems.append(problem)
        return values

    def _mapping(self, value: object, path: str, *, wanted: bool = False) -> Mapping[str, object]:
        """Return an object with named fields; anything else is a problem."""
        if value is None and not wanted:
            return {}
        if isinstance(value, Mapping):
            return value
        self.problems.append(FieldError("record.not_an_object", field=path, value=value))
        return {}

    def _items(self, value: object, path: str, most: int) -> Sequence[object]:
        """Return the items of a list that is not too long; anything else is a problem."""
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or len(value) > most:
            found = shown_value(value)
            if isinstance(value, list | tuple):
                found = Message("value.list_of", count=len(value))
            self.problems.append(FieldError("record.not_a_list", field=path, found=found, most=most))
            return ()
        return value

    def _note_extras(self, extras: Mapping[str, object], path: str) -> None:
        """Say which fields are kept unused; those of an event once it is known."""
        if extras:
            names = ", ".join(f"{path}{name}" for name in list(extras)[:8])
            self.notes.append(make_note("I01", fields=names + (" …" if len(extras) > 8 else "")))


def _event_type(mapping: Mapping[str, object]) -> str:
    """Return our name of an event's type, another text if it has none."""
    for key, value in mapping.items():
        if isinstance(value, str) and _TYPE_NAME[key] == "type":
            return _CHOICES["type"][value]
    return ""


def _canonical_choices(raw: Mapping[str, object]) -> dict[str, object]:
    """Return the values that are given, with choices under our names."""
    return {
        name: _CHOICES[name][value] if name in _CHOICES and isinstance(value, str) else value
        for name, value in raw.items()
        if value is not None
    }
