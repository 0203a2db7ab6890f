"""Table rows as trace records: one row per pack (a recycler's table), or packs and events joined on the code."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import TypeAlias

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import (
    ANY_EVENT_SCOPE,
    EVENT_DAY_COLUMNS,
    EVENT_SCOPES,
    EVENT_TABLE_SCOPE,
    HEALTH_FIELDS,
    ROW_SCOPE,
    TABLE_SCOPE,
    choice_name,
)
from valuation.ingest.fields.condition_text import event_of_condition, names_status
from valuation.ingest.fields.headings import field_name
from valuation.ingest.fields.normalise_code import normalise_code
from valuation.ingest.fields.values import PLACEHOLDERS
from valuation.ingest.notes import IntakeNote, RecordProblem, make_note
from valuation.ingest.tables.opened_table import OpenTable, column_names, is_total
from valuation.ingest.tables.row_scale import settle_health
from valuation.ingest.tables.table_import_state import found_columns
from valuation.messages import Message
from valuation.record.fields import COMPOSITION, PACK_FIELDS, event_field

_VEHICLE = ("vin", "odometer_km")
"""Facts of an event where the row has its day, else of the vehicle as it is offered."""
_KEPT = frozenset(_VEHICLE) | HEALTH_FIELDS | {"condition"}
"""Readings that count without a day."""
_PACK_NAMES = frozenset(field.name for field in PACK_FIELDS) - set(_VEHICLE)
_COMMON = ("reported_on", "recorded_on", "reporter", "reporter_kind")
_TEST_ONLY = frozenset(EVENT_SCOPES["tested"]) - frozenset(EVENT_SCOPES["usage"])
_USAGE = frozenset(EVENT_SCOPES["usage"]) - {"type", "on", *_COMMON}
_READ_ON = ("tested_on", "on", "retired_on", "removed_on", "collected_on", "exported_on")
"""Day columns that may date the readings in a row; the first filled one is used."""

_LEAVING = ("reason", "destination", "condition")
_OWNING = ("vin", "purpose", "region")
_METHOD_OF_SOURCE = {"bms": "bms", "quick_test": "quick", "lab_test": "lab", "certificate": "lab"}


def is_event_table(opened: OpenTable) -> bool:
    """Return whether a table has one event per row: a code, a day, and a column of event types."""
    found: dict[str, str] = {}
    for spelled in column_names(opened):
        name = field_name(spelled, EVENT_TABLE_SCOPE)
        if name is not None:
            found.setdefault(name, spelled)
    if not {"battery_code", "type", "on"} <= found.keys():
        return False
    types = opened.table.column(found["type"]).slice(0, 100).to_pylist()
    choices = tuple(EVENT_SCOPES)
    return any(isinstance(value, str) and choice_name(value.strip(), "type", choices) for value in types)


def known_columns(opened: OpenTable) -> int:
    """Return the number of known columns of a table."""
    return sum(field_name(name, ROW_SCOPE) is not None for name in column_names(opened))


def rows_of(opened: OpenTable) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the place and filled cells of each row, without rows of totals."""
    for number, row in zip(opened.row.tolist(), opened.table.to_pylist(), strict=True):
        cells = {name: _cell(value) for name, value in row.items() if _filled(value)}
        if not (opened.from_text and is_total(next(iter(cells.values()), ""))):
            yield Message("file.row", name=opened.name, number=number), cells


def row_records(
    opened: OpenTable, stated_day: date | None = None
) -> Iterator[tuple[str, dict[str, object], tuple[IntakeNote, ...]]]:
    """Yield one trace record per row, with notes on readings that could not be used.

    `stated_day` is the export day that the file states outside its rows; readings without a day count as of it.
    """
    found_columns(opened, ROW_SCOPE)  # refuses two columns of one field
    for where, row in rows_of(opened):
        yield where, *_row_record(row, stated_day)


def join_events(
    packs: OpenTable | None, events: OpenTable
) -> tuple[list[tuple[str, dict[str, object]]], list[RecordProblem]]:
    """Return the trace records of packs with their events, and problems for events without a pack.

    Without a table of packs, each code in the events becomes a pack with only a code.
    """
    records: list[tuple[str, dict[str, object]]] = []
    by_code: dict[object, list[dict[str, object]]] = {}
    problems: list[RecordProblem] = []
    for where, row in rows_of(packs) if packs is not None else ():
        record = pack_record(row)
        lists: list[dict[str, object]] = []
        record["events"] = lists
        records.append((where, record))
        by_code.setdefault(_name(record.get("battery_code")), lists)
    for where, row in rows_of(events):
        event = dict(row)
        code = next((event.pop(key) for key in row if field_name(key, ("battery_code",)) is not None), None)
        code = _name(code)
        if code is not None and code not in by_code and packs is None:
            by_code[code] = []
            records.append((where, {"battery_code": code, "events": by_code[code]}))
        if code is None or code not in by_code:
            problems.append(unknown_pack(where, code))
        else:
            by_code[code].append(event)
    return records, problems


def _name(code: object) -> object:
    """Return the normalised code, by which events are joined to packs."""
    return normalise_code(code.strip()) if isinstance(code, str) else code


def unknown_pack(where: str, code: object) -> RecordProblem:
    """Return the problem of an event without a pack."""
    error = FieldError("table.unknown_pack", field="battery_code", value=code, code=code)
    return RecordProblem(where=where, battery_code=code if isinstance(code, str) else None, error=error)


def pack_record(row: Mapping[str, object]) -> dict[str, object]:
    """Return a row of a table of packs as a trace record without events.

    >>> pack_record({"电池编码": " T01 ", "锂": "4.6"})
    {'battery_code': 'T01', 'composition': {'锂': '4.6'}}
    """
    record: dict[str, object] = {}
    composition: dict[str, object] = {}
    for spelled, value in row.items():
        name = field_name(spelled, TABLE_SCOPE)
        if name in COMPOSITION:
            composition[spelled] = value
        elif name == "battery_code" and isinstance(value, str):
            record["battery_code"] = value.strip()
        else:
            record[spelled] = value
    return {**record, "composition": composition} if composition else record


_Readings: TypeAlias = "dict[str, tuple[str, object]]"
"""Cells by canonical field name, each with its heading, which states the unit."""


def _row_record(row: Mapping[str, object], stated_day: date | None) -> tuple[dict[str, object], tuple[IntakeNote, ...]]:
    """Return a row as a trace record: its readings become events on the days in the row."""
    record: dict[str, object] = {}
    readings: _Readings = {}
    days: dict[str, object] = {} if stated_day is None else {"exported_on": stated_day}
    for spelled, value in row.items():
        name = field_name(spelled, ROW_SCOPE)
        if name is not None and (name in EVENT_DAY_COLUMNS or name in ("on", "exported_on")):
            if not (isinstance(value, str) and value in PLACEHOLDERS):
                days[name] = value
        elif name == "condition" and names_status(value):
            record["life_cycle_status"] = value
        elif name == "life_cycle_status" and event_of_condition(value) is not None:
            readings["condition"] = ("condition", value)
        elif name is not None and name in ANY_EVENT_SCOPE and name not in _PACK_NAMES:
            readings[name] = (spelled, value)
        else:
            record[spelled] = value
    settled = settle_health(readings, record)
    record = pack_record(record)
    events, notes, undated = _events_of(readings, days)
    notes += [] if settled is None else [settled]
    if events:
        record["events"] = events
    kept = {spelled: value for name, (spelled, value) in undated.items() if name in _KEPT}
    others = {name: value for name, (_, value) in undated.items() if name not in _KEPT}
    return {**record, **kept, **{f"{name} (undated)": value for name, value in others.items()}}, tuple(notes)


def _events_of(
    readings: _Readings, days: Mapping[str, object]
) -> tuple[list[dict[str, object]], list[IntakeNote], _Readings]:
    """Return the events of dated readings, notes, and the undated readings."""
    common = _take(readings, _COMMON)
    events = {
        kind: {"type": kind, "on": days[name], **common}
        for name, kind in EVENT_DAY_COLUMNS.items()
        if name in days and kind != "tested"
    }
    notes: list[IntakeNote] = []
    by = next((name for name in _READ_ON if name in days), None)
    leaving = next((kind for kind in ("collected_in", "removed", "retired") if kind in events), None)
    owning = next((kind for kind in ("installed", "sold") if kind in events), None)
    for names, kind in ((_LEAVING, leaving), (_OWNING, owning)):
        if kind is not None:
            events[kind].update(_take(readings, names))
    if by is not None:
        if by == "exported_on" and readings:
            notes.append(make_note("I18", fields=sorted(readings), day=str(days[by])))
        if _TEST_ONLY & readings.keys() or "tested_on" in days:
            events["tested"] = _test_event(readings, days[by], common, notes)
        used = _take(readings, sorted(_USAGE))
        if used:
            events["usage"] = {"type": "usage", "on": days[by], **common, **used}
        seen = event_of_condition(readings["condition"][1]) if "condition" in readings else None
        if seen is not None:
            del readings["condition"]
            events["seen"] = {**seen, "on": days[by], **common}
    undated = sorted(name for name in readings if name in {*_USAGE, *_TEST_ONLY, *_LEAVING} - _KEPT)
    if undated:
        notes.append(make_note("I07", fields=", ".join(undated)))
    return list(events.values()), notes, readings


def _take(readings: _Readings, names: Iterable[str]) -> dict[str, object]:
    """Return the cells of some fields under their headings, and remove them from the readings."""
    return dict(readings.pop(name) for name in names if name in readings)


def _test_event(
    readings: _Readings, on: object, common: Mapping[str, object], notes: list[IntakeNote]
) -> dict[str, object]:
    """Return the capacity test in a row; without a method it counts as the weakest."""
    has_method = "method" in readings
    event: dict[str, object] = {"type": "tested", "on": on, **common, **_take(readings, sorted(_TEST_ONLY))}
    if "soh" in readings:
        event.update(_take(readings, ("soh",)))
        heading, source = readings.pop("soh_source", ("", None))
        choices = event_field("soh_source").choices
        named = choice_name(source, "soh_source", choices) if isinstance(source, str) else None
        if named is not None and not has_method:
            event["method"], has_method = _METHOD_OF_SOURCE[named], True
        elif named is None and source is not None:
            readings["soh_source"] = (heading, source)
    if not has_method:
        event["method"] = "bms"
        notes.append(make_note("I06"))
    return event


def _filled(value: object) -> bool:
    """Return whether a cell has a value; NaN is a missing value."""
    return not (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, float) and math.isnan(value))
    )


def _cell(value: object) -> object:
    """Return a cell as the record reader expects it."""
    if isinstance(value, Decimal):
        return float(value)
    return value.strip() if isinstance(value, str) else value
