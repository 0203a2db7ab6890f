"""Trace records in any accepted spelling (溯源记录): names normalised, values decoded, all problems named at once.

The result has the same types as a canonical record (:mod:`valuation.ingest.record_decoder`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import NamedTuple

import msgspec

from valuation.errors import FieldError
from valuation.ingest.decode_bytes import Limits
from valuation.ingest.decoded_record import DecodedRecord, ReadRecord, build_record
from valuation.ingest.fields.aliases import (
    ANY_EVENT_SCOPE,
    EVENT_SCOPES,
    HEALTH_FIELDS,
    MODULE_SCOPE,
    PACK_SCOPE,
    Choices,
    plain,
)
from valuation.ingest.fields.condition_text import event_of_condition
from valuation.ingest.fields.days import MONTH_SD_DAYS
from valuation.ingest.fields.headings import FieldNames, Heading, nearest_name, share_heading
from valuation.ingest.fields.parsed_value import ParsedValue
from valuation.ingest.fields.values import is_placeholder, read_as_written, read_extra
from valuation.ingest.given_facts import GivenFacts, complete
from valuation.ingest.notes import IntakeNote, make_note, printable, unknown_fields
from valuation.ingest.record_decoder import (
    NotCanonical,
    canonical_event,
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
_MOST_NAMED = 8
_ANY_INDEX = re.compile(r"\[\d+\]")

Value = float | str | date


_PACK = {field.name: field for field in PACK_FIELDS}
_COMPOSITION = {field.name: field for field in COMPOSITION_FIELDS}
_EVENT = {field.name: field for field in (category("type", *EVENT_TYPES), *EVENT_COMMON_FIELDS, *EVENT_FIELDS)}
_MODULE = {"battery_code": text("battery_code"), "soh": _EVENT["soh"]}
_CHOICES = {name: Choices(field) for name, field in _EVENT.items() if field.kind == "category"}
_PACK_NAMES, _COMPOSITION_NAMES, _MODULE_NAMES, _TYPE_NAME, _ANY_EVENT_NAMES = (
    FieldNames(scope) for scope in (PACK_SCOPE, COMPOSITION, MODULE_SCOPE, ("type",), ANY_EVENT_SCOPE)
)
_HEALTH_NAMES = FieldNames(tuple(sorted(HEALTH_FIELDS)))
_CONDITION_NAME = FieldNames(("condition",))
_EXPORT_DAY = FieldNames(("exported_on",))
_EVENT_NAMES = {kind: FieldNames(scope) for kind, scope in EVENT_SCOPES.items()}


def read_record(
    record: Mapping[str, object],
    *,
    from_text: bool = False,
    limits: Limits | None = None,
    undated_on: date | None = None,
    given: GivenFacts | None = None,
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
    undated_on : date, optional
        Day of a state of health without a date, which counts as the weakest evidence; None: it is not used.
    given : GivenFacts, optional
        Additional facts that complete the record.

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
    reader = _RecordReader(from_text=from_text, limits=limits or Limits(), undated_on=undated_on)
    pack = reader.pack(record)
    if reader.problems:
        raise merge_errors(reader.problems)
    reader.note_conversions()
    read = complete(
        ReadRecord(
            pack=pack,
            values=reader.numbers,
            notes=reader.notes,
            extras=reader.extras,
            event_extras=reader.event_extras,
        ),
        given,
    )
    problems = [reader.with_suggestion(error) for error in missing_identity(read.pack)]
    if problems:
        raise merge_errors(problems)
    try:
        return build_record(read)
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


class _Conversion(NamedTuple):
    """A value that was converted: its field, as written, as read, and the day from which its event was known."""

    field: str
    written: str
    reading: ParsedValue
    known_from: date | None = None


class _RecordReader:
    """Reads one record and collects every problem and note."""

    def __init__(self, *, from_text: bool, limits: Limits, undated_on: date | None) -> None:
        self.from_text = from_text
        self.limits = limits
        self.undated_on = undated_on
        self.conversions: list[_Conversion] = []
        self.problems: list[FieldError] = []
        self.notes: list[IntakeNote] = []
        self.numbers: list[float] = []
        self.extras: dict[str, object] = {}
        self.event_extras: dict[int, Mapping[str, object]] = {}

    def pack(self, record: Mapping[str, object]) -> TypedPack:
        """Return the pack with its events; problems are collected, not raised."""
        raw, headings, self.extras = self._named(record, _PACK_NAMES, "")
        composition = self._mapping(raw.pop("composition", None), "composition")
        modules = self._items(raw.pop("modules", None), "modules", MOST_MODULES)
        events = self._items(raw.pop("events", None), "events", self.limits.events)
        events = [*events, *self._undated_readings()]
        values: dict[str, object] = {**self._values(raw, headings, _PACK, "")}
        masses, mass_headings, unknown = self._named(composition, _COMPOSITION_NAMES, "composition.")
        self.extras |= {f"composition.{_name(name)}": value for name, value in unknown.items()}
        values["modules"] = [self._module(item, f"modules[{index}]") for index, item in enumerate(modules)]
        self._note_extras(self.extras, "")
        values["composition"] = self._values(masses, mass_headings, _COMPOSITION, "composition.")
        read_events = self._events(events)
        pack: TypedPack = Record() if self.problems else msgspec.convert(values, Record)
        return msgspec.structs.replace(pack, events=read_events)

    def _undated_readings(self) -> list[dict[str, object]]:
        """Return an undated health as the weakest kind of test, and a condition, on the default day."""
        health = {spelled: value for spelled, value in self.extras.items() if self._names_health(spelled)}
        seen = {
            spelled: event
            for spelled, value in self.extras.items()
            if _CONDITION_NAME[spelled] and (event := event_of_condition(value))
        }
        undated = [*health, *seen]
        exported = next((spelled for spelled in self.extras if _EXPORT_DAY[spelled]), None)
        day: object = self.undated_on if exported is None else self.extras[exported]
        if undated and day is None:
            self.notes.append(make_note("I07", fields=undated))
        if not undated or day is None:
            return []
        for spelled in (*undated, *([] if exported is None else [exported])):
            del self.extras[spelled]
        note = "I17" if exported is None else "I18"
        self.notes.append(make_note(note, fields=undated, day=str(day)))
        method = "undated" if exported is None else "bms"
        tests = [{"type": "tested", "on": day, "method": method, **health}] if health else []
        return [*tests, *({**event, "on": day} for event in seen.values())]

    def _names_health(self, spelled: str) -> bool:
        try:
            return _HEALTH_NAMES[spelled] is not None
        except FieldError as problem:
            self.problems.append(problem)
            return False

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
        decoded = None if self.from_text or type(item) is not dict else canonical_event(item) or _respelled_event(item)
        if decoded is not None:
            self.numbers += decoded[1]
            return decoded[0]
        path = f"events[{index}]"
        mapping = self._mapping(item, path, wanted=True)
        notes, problems, conversions = len(self.notes), len(self.problems), len(self.conversions)
        raw, headings, extras = self._named(
            mapping, _EVENT_NAMES.get(_event_type(mapping), _ANY_EVENT_NAMES), f"{path}."
        )
        if extras:
            self._note_extras(extras, f"{path}.")
            self.event_extras[index] = extras
        if not self.from_text and not headings and len(self.problems) == problems:
            with suppress(NotCanonical):
                decoded = decode_event(
                    _with_canonical_choices({name: one for name, one in raw.items() if one is not None})
                )
        if decoded is None:
            values = self._values(raw, headings, _EVENT, f"{path}.")
            if len(self.problems) == problems:
                self._note_missing(values, path)
            if len(self.problems) > problems:
                return None
            decoded = convert_event(values)
        event, numbers = decoded
        self.numbers += numbers
        if len(self.notes) > notes or len(self.conversions) > conversions:
            since = known_from(event.on, event.reported_on, event.recorded_on)
            self.notes[notes:] = [note.since(since) for note in self.notes[notes:]]
            self.conversions[conversions:] = [one._replace(known_from=since) for one in self.conversions[conversions:]]
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
        raw, headings, extras = self._named(self._mapping(item, path, wanted=True), _MODULE_NAMES, f"{path}.")
        self.extras |= {f"{path}.{_name(name)}": value for name, value in extras.items()}
        return self._values(raw, headings, _MODULE, f"{path}.")

    def _named(
        self, record: Mapping[str, object], names: FieldNames, path: str
    ) -> tuple[dict[str, object], dict[str, Heading], dict[str, object]]:
        """Return the fields of a scope by canonical name, headings with another unit, and the unknown fields."""
        layout = names.layout(tuple(record))
        if layout is not None:
            return dict(zip(layout, record.values(), strict=True)), {}, {}
        known: dict[str, object] = {}
        headings: dict[str, Heading] = {}
        extras: dict[str, object] = {}
        for key, value in record.items():
            try:
                heading = share_heading(names, key, value)
                if heading is None:
                    extras[str(key)] = read_extra(value, f"{path}{str(key)[:60]}")
                    continue
                if heading.name in known:
                    twice = FieldError("record.given_twice", field=f"{path}{heading.name}", spelled=shown_value(key))
                    self.problems.append(twice)
                    continue
                known[heading.name] = value
                if heading.unit is not None:
                    headings[heading.name] = heading
            except FieldError as problem:
                self.problems.append(problem)
        return known, headings, extras

    def _values(
        self, raw: Mapping[str, object], headings: Mapping[str, Heading], fields: Mapping[str, Field], path: str
    ) -> dict[str, Value]:
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
            heading = headings.get(name)
            unit = None if heading is None else heading.unit
            try:
                reading = read_as_written(field, value, f"{path}{name}", from_text=self.from_text, unit=unit)
            except FieldError as problem:
                self.problems.append(problem)
                continue
            values[name] = reading.value
            if reading.month_only and f"{name}_sd_days" in fields:
                values.setdefault(f"{name}_sd_days", MONTH_SD_DAYS)
            if reading.respelled:
                written = str(shown_value(value)) + ("" if heading is None else f" ({heading.spelled.strip()[:40]})")
                self.conversions.append(_Conversion(_ANY_INDEX.sub("", f"{path}{name}"), written, reading))
        return values

    def note_conversions(self) -> None:
        """Note which values were converted: one note per field, with the first of its values."""
        by_field: dict[tuple[str, bool], list[_Conversion]] = {}
        for one in self.conversions:
            by_field.setdefault((one.field, one.reading.month_only), []).append(one)
        for (name, month_only), several in by_field.items():
            read: object = str(several[0].reading.value)
            if several[1:]:
                read = Message("value.and_more", read=read, count=len(several) - 1)
            note = make_note("I15" if month_only else "I16", field=name, value=several[0].written, read=read)
            days = [one.known_from for one in several if one.known_from is not None]
            self.notes.append(note.since(min(days)) if len(days) == len(several) else note)

    def with_suggestion(self, error: FieldError) -> FieldError:
        """Return an error about a missing field with the unknown field that resembles one."""
        for spelled, name in self._near_names(self.extras, PACK_SCOPE):
            error.hint_text = Message("record.did_you_mean_by", close=name, spelled=repr(spelled), hint=error.hint_text)
            break
        return error

    def _near_names(self, extras: Mapping[str, object], scope: tuple[str, ...]) -> list[tuple[str, str]]:
        """Return the unknown names that resemble a field, with the field."""
        near = [(spelled, nearest_name(spelled, scope)) for spelled in list(extras)[:_MOST_NAMED]]
        return [(spelled, name) for spelled, name in near if name is not None]

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
        """Note unknown fields, and similar known names; for an event, once the event is known."""
        if extras:
            names = ", ".join(f"{path}{name}" for name in list(extras)[:_MOST_NAMED])
            self.notes.append(unknown_fields(names + (" …" if len(extras) > _MOST_NAMED else "")))
            for spelled, name in self._near_names(extras, ANY_EVENT_SCOPE if path else PACK_SCOPE):
                self.notes.append(make_note("I19", spelled=repr(f"{path}{spelled}"), close=name))


def _respelled_event(item: dict[str, object]) -> tuple[TypedEvent, list[float]] | None:
    """Return an event whose names and choices alone need normalisation, None if more does."""
    names = _EVENT_NAMES.get(_event_type(item))
    layout = None if names is None else names.layout(tuple(item))
    if layout is None:
        return None
    return canonical_event(_with_canonical_choices(dict(zip(layout, item.values(), strict=True))))


def _event_type(mapping: Mapping[str, object]) -> str:
    """Return the canonical name of an event's type, or the text as written."""
    for key, value in mapping.items():
        if isinstance(value, str) and _TYPE_NAME[key] is not None:
            return _CHOICES["type"][value]
    return ""


def _with_canonical_choices(values: dict[str, object]) -> dict[str, object]:
    """Return the values after their choices were replaced by the canonical ones."""
    for name in values.keys() & _CHOICES.keys():
        value = values[name]
        if isinstance(value, str):
            values[name] = _CHOICES[name][value]
    return values
