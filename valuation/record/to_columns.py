"""Histories as objects converted to the columns of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from operator import attrgetter

import numpy as np

from valuation.numeric.columns import UNKNOWN, ColumnMatrix
from valuation.record.cases import PACK_TEXTS, TraceTable
from valuation.record.fields import (
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPES,
    PACK_FIELDS,
    Field,
    text_code,
)
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.modules import MODULE_COLUMNS, describe_modules

_EPOCH = date(1970, 1, 1).toordinal()
_TYPE_CODE = {name: float(code) for code, name in enumerate(EVENT_TYPES)}


def day_number(day: date | None) -> float:
    """Return a calendar day as days since 1970-01-01, NaN if unknown.

    >>> day_number(date(1970, 1, 2)), day_number(None)
    (1.0, nan)
    """
    return UNKNOWN if day is None else float(day.toordinal() - _EPOCH)


def calendar_day(number: float) -> date | None:
    """Return days since 1970-01-01 as a calendar day.

    >>> calendar_day(1.0).isoformat()
    '1970-01-02'
    """
    return None if np.isnan(number) else date.fromordinal(int(number) + _EPOCH)


def column_name(field: Field) -> str:
    """Return the column name of a field; the names of day columns end in `_day`.

    >>> column_name(EVENT_COMMON_FIELDS[1]), column_name(PACK_FIELDS[2])
    ('reported_day', 'rated_energy_kwh')
    """
    return f"{field.name.removesuffix('_on')}_day" if field.kind == "day" and field.name != "on" else _plain(field)


def _plain(field: Field) -> str:
    """Return the column name of a field that is not a renamed day."""
    return "on_day" if field.name == "on" else field.name


def tabulate(histories: Sequence[PackHistory]) -> TraceTable:
    """Return histories as columns: one row per pack, one row per event.

    >>> table = tabulate([PackHistory(chemistry="LFP", rated_energy_kwh=50.0)])
    >>> table.rows, table.packs["rated_energy_kwh"].tolist(), table.row.tolist()
    (1, [50.0], [])
    """
    events = [event for history in histories for event in history.events]
    counts = np.array([len(history.events) for history in histories], dtype=np.int64)
    return TraceTable(
        packs=pack_columns(histories),
        texts={name: tuple(getattr(history, name) for history in histories) for name in PACK_TEXTS},
        events=_event_columns(events),
        row=np.repeat(np.arange(len(histories), dtype=np.int64), counts),
    )


def pack_columns(histories: Sequence[PackHistory]) -> ColumnMatrix:
    """Return the fields, compositions and module summaries of packs as columns."""
    matrix = np.full((len(_PACK_PLACES), len(histories)), np.nan)
    for place, (field, value_of) in enumerate(zip(_PACK_NUMBERS, _PACK_VALUES, strict=True)):
        given = [value_of(history) for history in histories]
        if field.kind != "number":
            given = [encode(field, value) for value in given]
        matrix[place] = given  # what is not given is not-a-number
    for row, history in enumerate(histories):
        if history.composition:
            matrix[_MASS_PLACES, row] = _masses(history.composition)
        if history.modules:
            matrix[_MODULE_PLACES, row] = describe_modules(history.battery_code, history.modules)
    return ColumnMatrix(_PACK_PLACES, matrix)


def _masses(composition: Mapping[str, float]) -> Sequence[float]:
    """Return the stated masses, in the order of their columns."""
    return [composition.get(field.name, UNKNOWN) for field in COMPOSITION_FIELDS]


def _event_columns(events: Sequence[TraceEvent]) -> ColumnMatrix:
    """Return the type, common and own fields of events as columns; most are absent."""
    matrix = np.full((len(EVENT_PLACES), len(events)), np.nan)
    matrix[0] = [_TYPE_CODE[event.type] for event in events]
    for place, field in enumerate(EVENT_COMMON_FIELDS, start=1):
        encoder = _ENCODERS[id(field)]
        given = [getattr(event, field.name) for event in events]
        matrix[place] = [UNKNOWN if value is None else encoder(value) for value in given]
    places: list[int] = []
    columns: list[int] = []
    values: list[float] = []
    for column, event in enumerate(events):
        for name, value in event.facts.items():
            field, place = _EVENT_FACTS[name]
            places.append(place)
            columns.append(column)
            values.append(value if type(value) is float else encode(field, value))
    matrix[places, columns] = values
    return ColumnMatrix(EVENT_PLACES, matrix)


def _placed(names: Sequence[str]) -> dict[str, int]:
    """Return the position of each name."""
    return {name: place for place, name in enumerate(names)}


def _encode_category(field: Field) -> Callable[[object], float]:
    """Return the function that converts a choice of this field to its number."""
    codes = {choice: float(code) for code, choice in enumerate(field.choices)}
    return lambda value: codes[str(value)]


def _encode_day(value: object) -> float:
    """Return a day as its number."""
    return float(value.toordinal() - _EPOCH) if isinstance(value, date) else UNKNOWN


def _encoder(field: Field) -> Callable[[object], float]:
    """Return the function that converts a known value of this field to a number."""
    if field.kind == "category":
        return _encode_category(field)
    if field.kind == "text":
        return lambda value: text_code(str(value))
    if field.kind == "day":
        return _encode_day
    return float  # type: ignore[return-value]  # a number field holds numbers: ingestion checks this


_PACK_NUMBERS = tuple(field for field in PACK_FIELDS if field.kind != "text")
_PACK_VALUES = tuple(attrgetter(field.name) for field in _PACK_NUMBERS)
_PACK_PLACES = _placed(
    (*(column_name(field) for field in _PACK_NUMBERS), *(field.name for field in COMPOSITION_FIELDS), *MODULE_COLUMNS)
)
_MASS_PLACES = slice(len(_PACK_NUMBERS), len(_PACK_NUMBERS) + len(COMPOSITION_FIELDS))
_MODULE_PLACES = slice(_MASS_PLACES.stop, len(_PACK_PLACES))
EVENT_PLACES = _placed(
    ("type", *(column_name(field) for field in EVENT_COMMON_FIELDS), *(field.name for field in EVENT_FIELDS))
)
_EVENT_FACTS = {field.name: (field, EVENT_PLACES[field.name]) for field in EVENT_FIELDS}
_ENCODERS = {id(field): _encoder(field) for field in (*PACK_FIELDS, *EVENT_COMMON_FIELDS, *EVENT_FIELDS)}


def encode(field: Field, value: object) -> float:
    """Return one value of a field as its column number; NaN if absent.

    >>> encode(PACK_FIELDS[1], "NMC"), encode(PACK_FIELDS[1], None)
    (1.0, nan)
    """
    return UNKNOWN if value is None else _ENCODERS[id(field)](value)
