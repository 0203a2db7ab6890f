"""A trace record (溯源记录) as a decoded object becomes a history: strictly, and with every problem named at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import cast

from valuation.battery_code.decoding import decode
from valuation.errors import FieldError
from valuation.ingest.aliases import ANY_EVENT_SCOPE, EVENT_SCOPES, MODULE_SCOPE, PACK_SCOPE, field_name, plain
from valuation.ingest.canonical_record import canonical_event, canonical_pack
from valuation.ingest.decode_bytes import Limits
from valuation.ingest.notes import IntakeNote, make_note, printable, truncated_repr
from valuation.ingest.values import LAST_DAY, is_placeholder, read_extra, read_value
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
from valuation.record.history import Module, Named, PackHistory, TraceEvent, known_from

_PACK = {field.name: field for field in PACK_FIELDS}
_COMPOSITION = {field.name: field for field in COMPOSITION_FIELDS}
_EVENT = {field.name: field for field in (*EVENT_COMMON_FIELDS, *EVENT_FIELDS)}
_EVENT["type"] = category("type", *EVENT_TYPES)
_MODULE = {"battery_code": text("battery_code"), "soh": _EVENT["soh"]}
_LATER_DAYS = ("reported_on", "recorded_on")
MOST_MODULES = 2000
_PROBLEMS_SHOWN = 5
_MOST_PROBLEMS = 100

Value = float | str | date


def read_record(
    record: Mapping[str, object], *, from_text: bool = False, limits: Limits | None = None
) -> tuple[PackHistory, tuple[IntakeNote, ...]]:
    """Return the history in a trace record and what there is to say about how it was read.

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
        Naming every wrong field with its value (the first five in words) and the way out for the first.

    >>> history, notes = read_record({"电池类型": "磷酸铁锂", "额定能量": 52.5, "厂家": "-"})
    >>> history.chemistry, history.rated_energy_kwh, notes[0].caution.id
    ('LFP', 52.5, 'I02')
    >>> read_record({"battery_code": "x", "events": [{"type": "usage", "on": "2024-03-31", "soh": 88}]})
    Traceback (most recent call last):
    ...
    valuation.errors.FieldError: events[0].soh is 88, above the highest possible 1.2
    """
    reader = _RecordReader(from_text=from_text, limits=limits or Limits())
    history = reader.pack(record)
    if not reader.problems:
        reader.problems.extend(missing_identity(history))
    if reader.problems:
        raise together(reader.problems)
    return history, tuple(reader.notes)


def together(problems: Sequence[FieldError]) -> FieldError:
    """Return one error that lists the problems of a record, the first with its field, value and hint.

    >>> both = together([FieldError("a is 1", hint="x", field="a"), FieldError("b is 2", hint="y", field="b")])
    >>> str(both), both.field, both.hint
    ('a is 1; also b is 2', 'a', 'x')
    """
    first = problems[0]
    message = "; also ".join(problem.message for problem in problems[:_PROBLEMS_SHOWN])
    if len(problems) > _PROBLEMS_SHOWN:
        more = len(problems) - _PROBLEMS_SHOWN
        message += f"; and {'at least ' if len(problems) > _MOST_PROBLEMS else ''}{more} more"
    return FieldError(message, hint=first.hint, field=first.field, value=printable(first.value))


def missing_identity(history: Named) -> list[FieldError]:
    """Return what a record lacks to be valued at all: a code that reads, or chemistry and energy."""
    energy = history.rated_energy_kwh or (history.rated_capacity_ah and history.nominal_voltage_v)
    if history.chemistry and energy:
        return []
    if history.battery_code and decode(history.battery_code, LAST_DAY).valid:
        return []
    named = f"battery_code {truncated_repr(history.battery_code)} is no GB/T 34014 code" if history.battery_code else ""
    lacking = [] if history.chemistry else ["chemistry"]
    lacking += [] if energy else ["rated_energy_kwh"]
    return [
        FieldError(
            f"{named or 'battery_code is missing'}, and {' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'}"
            " not given",
            hint="give the 24-character battery code, or chemistry and rated_energy_kwh from the nameplate",
            field="battery_code" if not history.battery_code else lacking[0],
            value=history.battery_code,
        )
    ]


def _given_twice(path: str, spelled: object) -> FieldError:
    """Return the refusal of a field that stands twice under two spellings."""
    message = f"{path} is given twice, the second time as {truncated_repr(spelled)}"
    return FieldError(message, hint="give each field once", field=path, value=None)


def _name(spelled: str) -> str:
    """Return a name that can stand behind a path: one without a letter would leave the path itself."""
    return spelled if plain(spelled) else f"unnamed {spelled}"


class _RecordReader:
    """Reads one record, collecting every problem and note on the way."""

    def __init__(self, *, from_text: bool, limits: Limits) -> None:
        self.from_text = from_text
        self.limits = limits
        self.problems: list[FieldError] = []
        self.notes: list[IntakeNote] = []

    def pack(self, record: Mapping[str, object]) -> PackHistory:
        """Return the history in a record; problems are collected, not raised."""
        at_once = None if self.from_text else canonical_pack(record, MOST_MODULES)
        if at_once is not None:
            return PackHistory(
                **at_once,
                events=self._events(self._items(record.get("events"), "events", self.limits.events)),
                extras={},
            )
        raw, extras = self._named(record, PACK_SCOPE, "")
        composition = self._mapping(raw.pop("composition", None), "composition")
        modules = self._items(raw.pop("modules", None), "modules", MOST_MODULES)
        events = self._items(raw.pop("events", None), "events", self.limits.events)
        values = self._values(raw, _PACK, "")
        masses, unknown = self._named(composition, COMPOSITION, "composition.")
        extras |= {f"composition.{_name(name)}": value for name, value in unknown.items()}
        read_modules = tuple(self._module(item, f"modules[{index}]", extras) for index, item in enumerate(modules))
        self._note_extras(extras, "")
        return PackHistory(
            **values,  # type: ignore[arg-type]  # each value was checked against its field's kind
            composition=cast("Mapping[str, float]", self._values(masses, _COMPOSITION, "composition.")),
            modules=read_modules,
            events=self._events(events),
            extras=extras,
        )

    def _events(self, items: Sequence[object]) -> tuple[TraceEvent, ...]:
        """Return the events that could be read."""
        read: list[TraceEvent] = []
        for index, item in enumerate(items):
            event = None if self.from_text else canonical_event(item)
            if event is None:
                event = self._event(item, f"events[{index}]")
            elif event.extras:
                self._note_extras(event.extras, f"events[{index}].", event.known_from)
            if event is not None:
                read.append(event)
            if len(self.problems) > _MOST_PROBLEMS:
                break  # nobody reads more of them, and to word twenty thousand takes seconds
        return tuple(read)

    def _event(self, item: object, path: str) -> TraceEvent | None:
        """Return one event; its notes speak only once it is known."""
        mapping = self._mapping(item, path, wanted=True)
        found = len(self.notes), len(self.problems)
        scope = EVENT_SCOPES.get(self._event_type(mapping), ANY_EVENT_SCOPE)
        raw, extras = self._named(mapping, scope, f"{path}.")
        self._note_extras(extras, f"{path}.")
        values = self._values(raw, _EVENT, f"{path}.")
        kind, on = values.pop("type", None), values.pop("on", None)
        if len(self.problems) == found[1]:
            needed = [("type", kind), ("on", on)]
            required = REQUIRED_EVENT_FIELDS.get(str(kind))
            needed += [(required, values.get(required))] if required else []
            for name, given in needed:
                if given is None:
                    self._lacking(path, name)
        if not isinstance(kind, str) or not isinstance(on, date):
            return None
        reported_on, recorded_on = (cast("date | None", values.pop(name, None)) for name in _LATER_DAYS)
        since = known_from(on, reported_on, recorded_on)
        self.notes[found[0] :] = [note.since(since) for note in self.notes[found[0] :]]
        reporter, role = values.pop("reporter", None), values.pop("reporter_kind", None)
        return TraceEvent(
            type=kind,
            on=on,
            reported_on=reported_on,
            recorded_on=recorded_on,
            reporter=None if reporter is None else str(reporter),
            reporter_kind=None if role is None else str(role),
            facts=cast("Mapping[str, float | str]", values),
            extras=extras,
        )

    def _event_type(self, mapping: Mapping[str, object]) -> str:
        """Return our name of an event's type, or an empty text where it cannot be told yet."""
        for key, value in mapping.items():
            if isinstance(key, str) and isinstance(value, str) and field_name(key, ("type",)) == "type":
                try:
                    return str(read_value(_EVENT["type"], value, "type"))
                except FieldError:
                    return ""
        return ""

    def _module(self, item: object, path: str, kept: dict[str, object]) -> Module:
        """Return one module of the pack; what it says beyond code and health is kept with the pack."""
        raw, extras = self._named(self._mapping(item, path, wanted=True), MODULE_SCOPE, f"{path}.")
        kept |= {f"{path}.{_name(name)}": value for name, value in extras.items()}
        return Module(**self._values(raw, _MODULE, f"{path}."))  # type: ignore[arg-type]  # checked by field

    def _named(
        self, record: Mapping[str, object], scope: tuple[str, ...], path: str
    ) -> tuple[dict[str, object], dict[str, object]]:
        """Return the fields of a scope under our names, and what the scope does not know."""
        known: dict[str, object] = {}
        extras: dict[str, object] = {}
        for key, value in record.items():
            try:
                name = field_name(key, scope) if isinstance(key, str) else None
                if name is None:
                    extras[str(key)] = read_extra(value, f"{path}{str(key)[:60]}")
                elif name in known:
                    self.problems.append(_given_twice(f"{path}{name}", key))
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
                if value != "" or not self.from_text:  # an empty cell is how a text table says "absent"
                    self.notes.append(make_note("I02", fields=f"{path}{name}", value=truncated_repr(value)))
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
        message = f"{path} is {truncated_repr(value)}, not an object with named fields"
        self.problems.append(FieldError(message, hint="give an object, as in the contract", field=path, value=value))
        return {}

    def _items(self, value: object, path: str, most: int) -> Sequence[object]:
        """Return the items of a list that is not too long; anything else is a problem."""
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or len(value) > most:
            what = f"a list of {len(value)}" if isinstance(value, list | tuple) else truncated_repr(value)
            message = f"{path} is {what}, not a list of at most {most}"
            self.problems.append(FieldError(message, hint="give a list of objects", field=path, value=None))
            return ()
        return value

    def _lacking(self, path: str, name: str) -> None:
        """Note down that an event lacks a field it cannot do without."""
        message = f"{path}.{name} is missing"
        hint = f"say {'when it happened' if name == 'on' else f'the {name}'}, or leave the event out"
        self.problems.append(FieldError(message, hint=hint, field=f"{path}.{name}", value=None))

    def _note_extras(self, extras: Mapping[str, object], path: str, since: date | None = None) -> None:
        """Say which fields are kept unused; those of an event once it is known."""
        if extras:
            names = ", ".join(f"{path}{name}" for name in list(extras)[:8])
            self.notes.append(make_note("I01", fields=names + (" …" if len(extras) > 8 else "")).since(since))
