"""Tables of packs and events straight to columns: a million packs without a Python object a row.

The columns are those that the same records give as JSON, bit for bit; a pack with anything wrong in its row or in one
of its events is set aside with the reason, never valued without what was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from valuation.battery_code import decode_many
from valuation.cases import PACK_TEXTS, TraceTable
from valuation.columns import BoolArray, Columns, FloatArray, IntArray
from valuation.errors import FieldError
from valuation.fields import (
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPE_FIELDS,
    EVENT_TYPES,
    PACK_FIELDS,
    REQUIRED_EVENT_FIELDS,
    Field,
    category,
)
from valuation.history import Module
from valuation.intake.aliases import EVENT_TABLE_SCOPE, TABLE_SCOPE, field_name
from valuation.intake.columns import Converted, convert, convert_texts
from valuation.intake.ledger import unknown_pack
from valuation.intake.notes import IntakeNote, Problem, make_note
from valuation.intake.tabular import OpenTable, TableSource, column_names, open_table
from valuation.intake.traces import repeated_code
from valuation.intake.values import LAST_DAY, is_placeholder, read_value
from valuation.modules import MODULE_COLUMNS, describe_modules
from valuation.result import Caution
from valuation.tabulation import calendar_day, column_name, day_number

_TYPE = category("type", *EVENT_TYPES)
_CODE = PACK_FIELDS[0]
_SOH = next(field for field in EVENT_FIELDS if field.name == "soh")
_OWNERS: Mapping[str, tuple[float, ...]] = {
    own.name: tuple(float(code) for code, fields in enumerate(EVENT_TYPE_FIELDS.values()) if own in fields)
    for own in EVENT_FIELDS
}


@dataclass(frozen=True, kw_only=True)
class TableTraces:
    """Packs of tables as columns, notes by the row they speak of, notes on whole columns, and what was set aside."""

    table: TraceTable
    notes: Mapping[int, tuple[IntakeNote, ...]]
    column_notes: tuple[Caution, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Reading:
    """What has been read so far, by the rows of the table of packs."""

    packs: OpenTable
    codes: list[str | None]
    aside: BoolArray
    notes: dict[int, list[IntakeNote]] = field(default_factory=dict)
    column_notes: list[Caution] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def set_aside(self, row: int, problem: Problem) -> None:
        """Set a pack aside with the reason."""
        self.aside[row] = True
        self.problems.append(problem)

    def note(self, row: int, note: IntakeNote) -> None:
        """Keep a note about a pack."""
        self.notes.setdefault(row, []).append(note)


def read_tables(packs: TableSource, events: TableSource | None = None) -> TableTraces:
    """Return packs and their events as columns (Parquet, CSV or Arrow; joined on `battery_code`).

    Parameters
    ----------
    packs, events : path, bytes or Arrow table
        Column names in English or Chinese; composition masses are columns of their own; `modules` is a list of
        structures with `battery_code` and `soh`.

    Raises
    ------
    UnreadableRecord
        When a table cannot be read at all.
    FieldError
        When a column stands twice, is in a wrong unit, or the code column is missing from the events.

    >>> read = read_tables(pa.table({"电池类型": ["磷酸铁锂"], "额定能量": [52.5]}))
    >>> read.table.rows, read.table.packs["rated_energy_kwh"].tolist()
    (1, [52.5])
    """
    opened = open_table(packs, "packs")
    found = _found(opened, TABLE_SCOPE)
    rows = opened.table.num_rows
    codes: list[str | None] = [None] * rows
    reading = _Reading(packs=opened, codes=codes, aside=np.zeros(rows, dtype=bool))
    reading.problems.extend(opened.problems)
    texts, pack_columns = _read_packs(reading, found)
    _read_modules(reading, found, pack_columns)
    _refuse_repeated(reading)
    _require_identity(reading, pack_columns)
    event_columns, row = _read_events(reading, None if events is None else open_table(events, "events"))
    return _without_set_aside(reading, texts, pack_columns, event_columns, row)


def _found(opened: OpenTable, scope: tuple[str, ...]) -> dict[str, str]:
    """Return our names of a table's columns with the names they have there."""
    found: dict[str, str] = {}
    for spelled in column_names(opened):
        name = field_name(spelled, scope)
        if name in found:
            raise FieldError(
                f"{opened.name} gives {name} twice, as {found[name]!r} and {spelled!r}",
                hint="keep one of the columns",
                field=name,
            )
        found[name or f"?{spelled}"] = spelled
    return found


def _unknown_columns(reading: _Reading, opened: OpenTable, found: Mapping[str, str]) -> None:
    """Say which columns of a table are not used."""
    unknown = [spelled for name, spelled in found.items() if name.startswith("?")]
    if unknown:
        note = make_note("I01", fields=", ".join(f"{opened.name}.{name}" for name in unknown))
        reading.column_notes.append(note.caution)


def _read_packs(
    reading: _Reading, found: Mapping[str, str]
) -> tuple[dict[str, list[str | None]], dict[str, FloatArray]]:
    """Return the texts and the number columns of the packs."""
    opened, rows = reading.packs, len(reading.codes)
    _unknown_columns(reading, opened, found)
    texts: dict[str, list[str | None]] = {name: [None] * rows for name in PACK_TEXTS}
    columns: dict[str, FloatArray] = {}
    wrong: list[tuple[Field, BoolArray]] = []
    for own in (*PACK_FIELDS, *COMPOSITION_FIELDS):
        converted = Converted.nothing(rows)
        if own.name in found:
            cells = opened.table.column(found[own.name])
            if own.kind == "text":
                texts[own.name], converted = convert_texts(own, cells)
            else:
                converted = convert(own, cells, from_text=opened.from_text)
            wrong.append((own, converted.wrong))
            _note_placeholders(reading, own.name, converted.placeholder, np.arange(rows), None)
        if own.kind != "text":
            columns[column_name(own)] = converted.values
    reading.codes = texts["battery_code"]
    for own, mask in wrong:
        for row in np.flatnonzero(mask).tolist():
            error = _why(own, opened.table.column(found[own.name])[row].as_py(), own.name, opened)
            reading.set_aside(row, _problem(opened, row, reading.codes[row], error))
    return texts, columns


def _read_modules(reading: _Reading, found: Mapping[str, str], columns: dict[str, FloatArray]) -> None:
    """Fill the columns that the modules tell."""
    rows = len(reading.codes)
    told = {name: np.full(rows, np.nan) for name in MODULE_COLUMNS}
    if "modules" in found:
        for row, listed in _module_lists(reading, found["modules"]):
            numbers = describe_modules(reading.codes[row], listed)
            for name, number in zip(MODULE_COLUMNS, numbers, strict=True):
                told[name][row] = number
    columns.update(told)


def _module_lists(reading: _Reading, spelled: str) -> list[tuple[int, list[Module]]]:
    """Return the rows that list modules, with their modules."""
    lists: list[tuple[int, list[Module]]] = []
    opened = reading.packs
    cells = opened.table.column(spelled).combine_chunks()
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if not (pa.types.is_list(cells.type) and pa.types.is_struct(cells.type.value_type)):
        for row in np.flatnonzero(pc.is_valid(cells).to_numpy(zero_copy_only=False)).tolist():
            if cells[row].as_py() != "":
                error = FieldError("modules is no list", hint="give a list of battery_code and soh", field="modules")
                reading.set_aside(row, _problem(opened, row, reading.codes[row], error))
        return []
    inner = cells.flatten()
    owner = pc.list_parent_indices(cells).to_numpy(zero_copy_only=False)
    names = [entry.name for entry in inner.type]
    codes, health = [None] * len(inner), Converted.nothing(len(inner))
    if "battery_code" in names:
        codes, _ = convert_texts(_CODE, pa.chunked_array([inner.field("battery_code")]))
    if "soh" in names:
        health = convert(_SOH, pa.chunked_array([inner.field("soh")]), from_text=False)
    for place in np.flatnonzero(health.wrong).tolist():
        row = int(owner[place])
        error = _why(_SOH, inner[place].as_py()["soh"], "modules.soh", opened)
        reading.set_aside(row, _problem(opened, row, reading.codes[row], error))
    known = [None if value != value else value for value in health.values.tolist()]  # noqa: PLR0124 - NaN is unequal to itself
    start = 0
    for row, count in zip(*np.unique(owner, return_counts=True), strict=True):
        stop = start + int(count)
        pairs = zip(codes[start:stop], known[start:stop], strict=True)
        lists.append((int(row), [Module(battery_code=code, soh=soh) for code, soh in pairs]))
        start = stop
    return lists


def _refuse_repeated(reading: _Reading) -> None:
    """Set aside packs that share a code."""
    known = np.array([code or "" for code in reading.codes])
    _, inverse, times = np.unique(known, return_inverse=True, return_counts=True)
    for row in np.flatnonzero((times[inverse] > 1) & (known != "")).tolist():
        where = _where(reading.packs, row)
        reading.set_aside(row, repeated_code(where, str(reading.codes[row])))


def _require_identity(reading: _Reading, columns: Mapping[str, FloatArray]) -> None:
    """Set aside packs with neither a code that reads nor chemistry and energy."""
    energy = columns["rated_energy_kwh"]
    energy = np.where(np.isnan(energy), columns["rated_capacity_ah"] * columns["nominal_voltage_v"], energy)
    lacking = np.flatnonzero((np.isnan(columns["chemistry"]) | np.isnan(energy)) & ~reading.aside)
    codes = [reading.codes[row] for row in lacking.tolist()]
    valid = decode_many(codes, np.full(len(codes), day_number(LAST_DAY))).columns["valid"]
    for row, fine in zip(lacking.tolist(), valid.tolist(), strict=True):
        if fine != 1.0:
            error = FieldError(
                f"battery_code {reading.codes[row]!r} is no GB/T 34014 code, and chemistry or rated_energy_kwh is not given",
                hint="give the 24-character battery code, or chemistry and rated_energy_kwh from the nameplate",
                field="battery_code",
                value=reading.codes[row],
            )
            reading.set_aside(row, _problem(reading.packs, row, reading.codes[row], error))


def _read_events(reading: _Reading, opened: OpenTable | None) -> tuple[dict[str, FloatArray], IntArray]:
    """Return the event columns of the packs that are there, and each event's pack."""
    if opened is None:
        empty = np.zeros(0)
        names = ("type", *(column_name(own) for own in EVENT_COMMON_FIELDS), *(own.name for own in EVENT_FIELDS))
        return dict.fromkeys(names, empty), np.zeros(0, dtype=np.int64)
    found = _found(opened, EVENT_TABLE_SCOPE)
    _unknown_columns(reading, opened, found)
    reading.problems.extend(opened.problems)
    row = _pack_rows(reading, opened, found)
    kept = row >= 0
    columns: dict[str, FloatArray] = {}
    wrong: list[tuple[Field, BoolArray]] = []
    marks: list[tuple[Field, BoolArray]] = []
    for own in (_TYPE, *EVENT_COMMON_FIELDS, *EVENT_FIELDS):
        converted = Converted.nothing(opened.table.num_rows)
        values = converted.values
        if own.name in found:
            converted = convert(own, opened.table.column(found[own.name]), from_text=opened.from_text)
            values, allowed = converted.values, kept
            if own.name in _OWNERS:
                allowed = np.isin(columns["type"], _OWNERS[own.name]) & kept
                _note_strays(reading, own.name, columns, ~np.isnan(values) & ~allowed & kept, row)
                values = np.where(allowed, values, np.nan)
            wrong.append((own, converted.wrong & allowed))
            marks.append((own, converted.placeholder & allowed))
        columns[column_name(own)] = values
    _set_aside_events(reading, opened, (found, columns, row), wrong)
    known_from = np.fmax(columns["on_day"], columns["reported_day"])
    for own, mask in marks:
        _note_placeholders(reading, f"events.{own.name}", mask, row, known_from)
    return columns, row


def _pack_rows(reading: _Reading, opened: OpenTable, found: Mapping[str, str]) -> IntArray:
    """Return the row of each event's pack, -1 where there is no such pack (which is reported)."""
    if "battery_code" not in found:
        raise FieldError(
            f"{opened.name} has no column battery_code", hint="name the pack of each event", field="battery_code"
        )
    codes = opened.table.column(found["battery_code"])
    if not pa.types.is_string(codes.type):
        codes = codes.cast(pa.string())
    codes = pc.utf8_trim_whitespace(codes)
    packs = pa.array([code or "" for code in reading.codes], type=pa.string())
    places = pc.index_in(codes, value_set=packs, skip_nulls=True)
    row = pc.fill_null(places, -1).to_numpy().astype(np.int64)
    row[pc.equal(pc.fill_null(codes, ""), "").to_numpy()] = -1
    for place in np.flatnonzero(row < 0).tolist():
        reading.problems.append(unknown_pack(_where(opened, place), codes[place].as_py()))
    return row


def _set_aside_events(
    reading: _Reading,
    opened: OpenTable,
    read: tuple[Mapping[str, str], Columns, IntArray],
    wrong: list[tuple[Field, BoolArray]],
) -> None:
    """Set aside the packs of events that hold a wrong value or lack what they cannot do without."""
    found, columns, row = read
    refused = np.zeros(len(row), dtype=bool)
    for own, mask in wrong:
        refused |= mask
        for place in np.flatnonzero(mask).tolist():
            cell = opened.table.column(found[own.name])[place].as_py()
            _set_aside_event(reading, opened, place, row, _why(own, cell, f"events.{own.name}", opened))
    needed = [(name, np.isnan(columns[column])) for name, column in (("type", "type"), ("on", "on_day"))]
    for kind, name in REQUIRED_EVENT_FIELDS.items():
        needed.append((name, (columns["type"] == EVENT_TYPES.index(kind)) & np.isnan(columns[name])))
    for name, mask in needed:
        for place in np.flatnonzero(mask & (row >= 0) & ~refused).tolist():
            error = FieldError(
                f"events.{name} is missing", hint=f"say {name} in every such row", field=f"events.{name}", value=None
            )
            _set_aside_event(reading, opened, place, row, error)


def _set_aside_event(reading: _Reading, opened: OpenTable, place: int, row: IntArray, error: FieldError) -> None:
    """Set aside the pack of one event."""
    pack = int(row[place])
    reading.set_aside(pack, _problem(opened, place, reading.codes[pack], error))


def _note_strays(reading: _Reading, name: str, columns: Columns, stray: BoolArray, row: IntArray) -> None:
    """Say where a field stands in an event of a type that has no such field."""
    if not stray.any():
        return
    note = make_note("I01", fields=f"events.{name}")
    known_from = np.fmax(columns["on_day"], columns["reported_day"])
    for place in np.flatnonzero(stray).tolist():
        reading.note(int(row[place]), note.since(calendar_day(known_from[place])))


def _note_placeholders(
    reading: _Reading, name: str, mask: BoolArray, row: IntArray, known_from: FloatArray | None
) -> None:
    """Say where a placeholder was read as not known."""
    if mask.any():
        note = make_note("I02", fields=name, value="a placeholder")
        for place in np.flatnonzero(mask).tolist():
            day: date | None = None if known_from is None else calendar_day(known_from[place])
            reading.note(int(row[place]), note.since(day))


def _without_set_aside(
    reading: _Reading,
    texts: Mapping[str, list[str | None]],
    packs: Mapping[str, FloatArray],
    events: Mapping[str, FloatArray],
    row: IntArray,
) -> TableTraces:
    """Return the packs that were not set aside, with their events in the order of the packs."""
    fine = ~reading.aside
    new_row = np.cumsum(fine) - 1
    if not fine.all():
        texts = {
            name: [value for value, keep in zip(column, fine.tolist(), strict=True) if keep]
            for name, column in texts.items()
        }
        packs = {name: column[fine] for name, column in packs.items()}
    kept = (row >= 0) & fine[np.maximum(row, 0)] if len(row) else np.zeros(0, dtype=bool)
    place = np.flatnonzero(kept)
    place = place[np.argsort(row[place], kind="stable")]
    if len(place) != len(row) or not np.array_equal(place, np.arange(len(row))):
        events = {name: column[place] for name, column in events.items()}
        row = row[place]
    return TableTraces(
        table=TraceTable(
            packs=packs,
            texts={name: tuple(column) for name, column in texts.items()},
            events=events,
            row=new_row[row] if len(row) else row,
        ),
        notes={int(new_row[at]): tuple(notes) for at, notes in reading.notes.items() if fine[at]},
        column_notes=tuple(reading.column_notes),
        problems=tuple(reading.problems),
    )


def _why(own: Field, cell: object, path: str, opened: OpenTable) -> FieldError:
    """Return why a cell is wrong, in the words of the record reader."""
    if not is_placeholder(own, cell):
        try:
            read_value(own, cell, path, from_text=opened.from_text)
        except FieldError as error:
            return error
    return FieldError(f"{path} cannot be read", hint=f"give {own.name} as in the contract", field=path, value=None)


def _where(opened: OpenTable, row: int) -> str:
    """Return the place of a row as a person counts it."""
    return f"{opened.name} row {row + (2 if opened.from_text else 1)}"


def _problem(opened: OpenTable, row: int, code: str | None, error: FieldError) -> Problem:
    """Return why a pack is set aside, and where."""
    return Problem(where=_where(opened, row), battery_code=code, error=error)
