"""Reads a passport field by field; implausible values are dropped with a note."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date

from valuation.errors import FieldError
from valuation.ingest.fields.days import read_day_as_written
from valuation.ingest.fields.numbers import PLAIN_NUMBER, read_number
from valuation.ingest.fields.units import tidy_unit, unit_names, units_of
from valuation.ingest.fields.values import DEEPEST, is_placeholder, read_text
from valuation.ingest.notes import IntakeNote, make_note
from valuation.messages import Message, shown_value
from valuation.record.fields import Field

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_PATH_END = re.compile(r"[.\[]")
_INDEX = re.compile(r"\[\d+\]")
_UNIT_NAMES = {
    "kilowatthour": "kwh",
    "watthour": "wh",
    "megawatthour": "MWh",
    "amperehour": "ah",
    "milliamperehour": "mah",
    "tonnemetricton": "t",
    "metricton": "t",
    "metrictonne": "t",
    "pound": "lb",
    "poundlb": "lb",
    "millivolt": "mv",
    "kilovolt": "kv",
}
"""Names of units in the semantic models beside the spellings of :mod:`valuation.ingest.fields.units`."""

Paths = str | tuple[str, ...]
"""A dotted path, or several alternatives, of which the first present one is read."""


class FieldReader:
    """A passport document, its notes, and the fields that were used."""

    def __init__(self, document: Mapping[str, object]) -> None:
        self.document = document
        self.notes: list[IntakeNote] = []
        self.used: set[str] = set()
        self.dropped: list[Message] = []
        self.as_text: list[str] = []
        self.middles_of_months: set[object] = set()

    def raw(self, wanted: Paths) -> tuple[str, object]:
        """Return the present path and its value; the first path and None if none is present.

        >>> FieldReader({"a": {"b": 1}}).raw(("x.y", "a.b")), FieldReader({"a": [{"b": 2}]}).raw("a[0].b")
        (('a.b', 1), ('a[0].b', 2))
        """
        paths = (wanted,) if isinstance(wanted, str) else wanted
        for path in paths:
            value = self._at(path)
            if value is not None:
                self.used.add(path)
                return path, value
        return paths[0], None

    def _at(self, path: str) -> object:
        """Return the value at a path, None if there is none."""
        value: object = self.document
        for name, index in _STEP.findall(path):
            if index:
                value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
            else:
                value = value.get(name) if isinstance(value, Mapping) else None
        return value

    def number(self, wanted: Paths, field: Field, factor: float = 1.0) -> float | None:
        """Return a quantity in our unit; an impossible value is dropped with a note.

        `factor` turns the passport's unit into ours (0.01 for per cent, 0.001 for gram to kilogram).
        """
        path, value = self.raw(wanted)
        unit = self.raw(f"{path.removesuffix('.value')}.unit")[1] if path.endswith(".value") else None
        if value is not None and isinstance(unit, str) and units_of(field.name):
            return self._in_unit(path, value, field, unit)
        return self.quantity(path, value, field, factor)

    def _in_unit(self, path: str, value: object, field: Field, tagged: str) -> float | None:
        """Return a quantity with the unit that stands beside it, such as `unit:wattHour`."""
        spelled = tidy_unit(tagged.rpartition(":")[2])
        unit = units_of(field.name).get(_UNIT_NAMES.get(spelled, spelled))
        if unit is None:
            known = unit_names(units_of(field.name).values())
            self.drop(f"{path.removesuffix('.value')}.unit", tagged, Message("passport.why.unit", known=known))
            return None
        return self.quantity(path, value, field, unit.times / unit.per)

    def quantity(self, path: str, value: object, field: Field, factor: float = 1.0) -> float | None:
        """Return a value as a quantity in our unit; see :meth:`number`."""
        if value is None or is_placeholder(field, value):
            return None
        try:
            if isinstance(value, str) and units_of(field.name) and not PLAIN_NUMBER.fullmatch(value.strip()):
                self.as_text.append(path)
                return read_number(field, value, path)  # a number with its unit
            given = read_number(Field("", "number"), value, path)  # the passport states its own unit
            if isinstance(value, str):
                self.as_text.append(path)
            return read_number(field, _tidy(given * factor), path)
        except FieldError:
            self.drop(path, value, _why(field, value, factor))
            return None

    def day(self, wanted: Paths) -> date | None:
        """Return a calendar day; an impossible value is dropped with a note."""
        path, value = self.raw(wanted)
        return self.calendar_day(path, value)

    def calendar_day(self, path: str, value: object) -> date | None:
        """Return a value as a calendar day; see :meth:`day`."""
        if value is None or value in ("", "-"):
            return None
        try:
            return self._noted(path, value)
        except FieldError:
            self.drop(path, value, Message("passport.why.not_a_day"))
            return None

    def _noted(self, path: str, value: object) -> date:
        """Return a day; a month is read as its middle, with a note."""
        read = read_day_as_written(value, path)
        if read.respelled:
            self.note("I15" if read.month_only else "I16", field=path, value=shown_value(value), read=str(read.value))
        if read.month_only:
            self.middles_of_months.add(read.value)
        return read.value  # type: ignore[return-value]  # a day

    def text(self, wanted: Paths) -> str | None:
        """Return a short text, or None; of a text in several languages, the English one, else the first.

        >>> FieldReader({"a": [{"de": "Werk"}, {"en": " plant "}]}).text("a")
        'plant'
        """
        path, value = self.raw(wanted)
        if isinstance(value, list):
            value = {key: one for entry in value if isinstance(entry, Mapping) for key, one in entry.items()}
        if isinstance(value, Mapping):
            value = value.get("en", next(iter(value.values()), None))
        if not isinstance(value, str) or not value.strip():
            return None
        try:
            return read_text(value.strip()[:200], path)
        except FieldError:
            self.drop(path, value, Message("passport.why.not_plain_text"))
            return None

    def items(self, wanted: Paths) -> Iterator[str]:
        """Yield the paths of the objects in a list; a single object counts as a list of one."""
        for path in (wanted,) if isinstance(wanted, str) else wanted:
            value = self._at(path)
            if isinstance(value, Mapping):
                yield path
                return
            if isinstance(value, list):
                yield from (f"{path}[{index}]" for index, entry in enumerate(value) if isinstance(entry, Mapping))
                return

    def drop(self, path: str, value: object, reason: Message) -> None:
        """Note that a field is not used, and why."""
        shown = shown_value(value)
        self.dropped.append(Message("passport.dropped", field=path, value=shown, reason=reason))
        self.note("I03", field=path, value=shown, reason=reason)

    def note(self, identity: str, **parameters: object) -> None:
        """Add a note by its id."""
        self.notes.append(make_note(identity, **parameters))

    def unused(self) -> list[str]:
        """Return what was not read: whole parts without a used field, and single fields of other parts.

        >>> reader = FieldReader({"a": {"b": 1, "c": {"d": 2, "e": 3}}, "f": [{"g": 4}, {"g": 5}]})
        >>> reader.raw("a.b"), reader.unused()
        (('a.b', 1), ['a.c', 'f'])
        """
        touched = {path[: match.start()] for path in self.used for match in _PATH_END.finditer(path)} | {""}
        names: dict[str, None] = {}
        for path in _leaves(self.document, ""):
            starts = [path[: match.start()] for match in _PATH_END.finditer(path)] + [path]
            if self.used.isdisjoint(starts):
                names[_INDEX.sub("[]", next((start for start in starts if start not in touched), path))] = None
        return [name.encode("utf-8", "backslashreplace").decode() for name in names]


def _leaves(value: object, path: str, depth: int = 0) -> Iterator[str]:
    """Yield the paths of all plain values in a document; deeper nesting counts as one value."""
    if isinstance(value, Mapping) and depth < DEEPEST:
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}"[:200] if path else str(name)[:60], depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]", depth + 1)
    elif value is not None:
        yield path


def _tidy(value: float) -> float:
    """Return a converted number without rounding noise: 88 % is 0.88."""
    return float(f"{value:.12g}") if math.isfinite(value) else value


def _why(field: Field, value: object, factor: float) -> Message:
    """Return why a quantity is impossible."""
    try:
        read_number(Field("", "number"), value, "")
    except FieldError:
        return Message("passport.why.not_a_number")
    return Message("passport.why.outside", low=field.low / factor, high=field.high / factor)
