"""Tables of packs and events read to columns, without a Python object per row.

The columns equal those of the same records in JSON, bit for bit. A pack with an invalid cell in its row or in one of
its events is rejected with the reason; it is never valued without that cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from valuation.battery_code.decoding import decode_many
from valuation.errors import FieldError
from valuation.ingest.decode_bytes import Limits
from valuation.ingest.fields.aliases import EVENT_TABLE_SCOPE, TABLE_SCOPE
from valuation.ingest.fields.days import LAST_DAY, MONTH_SD_DAYS
from valuation.ingest.fields.headings import Heading
from valuation.ingest.fields.normalise_code import are_plain, code_notes, normalise_code
from valuation.ingest.notes import IntakeNote, RecordProblem, repeated_code
from valuation.ingest.tables.arrow_convert import Converted, convert, convert_texts
from valuation.ingest.tables.event_columns import read_events
from valuation.ingest.tables.open_table import TableSource, open_table
from valuation.ingest.tables.table_import_state import (
    TableImport,
    explain_cell,
    found_columns,
    note_cells,
    note_columns,
    row_name,
    row_problem,
)
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray, IntArray, coalesce, take
from valuation.record.cases import PACK_TEXTS, TraceTable
from valuation.record.fields import COMPOSITION_FIELDS, EVENT_FIELDS, PACK_FIELDS, Field
from valuation.record.modules import MODULE_COLUMNS, Modules, describe_many
from valuation.record.to_columns import column_name, day_number
from valuation.result import Caution
from valuation.vehicle.catalogue_lookup import vehicle_in_row

_CODE = PACK_FIELDS[0]
_SOH = next(field for field in EVENT_FIELDS if field.name == "soh")


@dataclass(frozen=True, kw_only=True)
class TableTraces:
    """Packs of tables as columns, with notes by row, notes on whole columns, and rejected rows.

    `kept` holds, for each row of `table`, its row in the table of packs that was read.
    """

    table: TraceTable
    kept: IntArray
    notes: Mapping[int, tuple[IntakeNote, ...]]
    column_notes: tuple[Caution, ...] = ()
    problems: tuple[RecordProblem, ...] = ()


def read_tables(packs: TableSource, events: TableSource | None = None, *, limits: Limits | None = None) -> TableTraces:
    """Return packs and their events as columns (Parquet, CSV, Excel or Arrow; joined on `battery_code`).

    Parameters
    ----------
    packs, events : path, bytes or Arrow table
        Column names in English or Chinese; composition masses are columns of their own; `modules` is a list of
        structures with `battery_code` and `soh`.
    limits : Limits, optional
        The most that is read of a file.

    Raises
    ------
    UnreadableRecord
        When a table cannot be read at all.
    FieldError
        When a column is repeated or has a wrong unit, or the events have no code column.

    >>> read = read_tables(pa.table({"电池类型": ["磷酸铁锂"], "额定能量": [52.5]}))
    >>> read.table.rows, read.table.packs["rated_energy_kwh"].tolist()
    (1, [52.5])
    """
    opened = open_table(packs, "packs", TABLE_SCOPE, limits)
    found = found_columns(opened, TABLE_SCOPE)
    rows = opened.table.num_rows
    codes: list[str | None] = [None] * rows
    state = TableImport(packs=opened, codes=codes, rejected=np.zeros(rows, dtype=bool))
    state.problems.extend(opened.problems)
    texts, pack_columns = _read_packs(state, found)
    _read_modules(state, found, texts["battery_code"], pack_columns)
    _refuse_repeated(state, texts["battery_code"])
    _require_identity(state, texts, pack_columns)
    event_columns, row = read_events(
        state, None if events is None else open_table(events, "events", EVENT_TABLE_SCOPE, limits)
    )
    return _without_rejected(state, texts, pack_columns, event_columns, row)


def _read_packs(
    state: TableImport, found: Mapping[str, Heading]
) -> tuple[dict[str, list[str | None]], dict[str, FloatArray]]:
    """Return the texts and the number columns of the packs."""
    opened, rows = state.packs, len(state.codes)
    note_columns(state, opened, found, TABLE_SCOPE)
    texts: dict[str, list[str | None]] = {name: [None] * rows for name in PACK_TEXTS}
    columns: dict[str, FloatArray] = {}
    wrong: list[tuple[Field, BoolArray]] = []
    month_only = np.zeros(rows, dtype=np.bool_)
    for own in (*PACK_FIELDS, *COMPOSITION_FIELDS):
        converted = Converted.all_missing(rows)
        if own.name in found:
            cells, unit = opened.table.column(found[own.name].spelled), found[own.name].unit
            if own.kind == "text":
                texts[own.name], converted = convert_texts(own, cells)
            else:
                converted = convert(own, cells, from_text=opened.from_text, unit=unit)
            wrong.append((own, converted.wrong))
            if converted.has_notes:
                note_cells(state, own.name, converted, np.arange(rows), None)
        if own.kind != "text":
            columns[column_name(own)] = converted.values
        if own.name == "made_on":
            month_only = converted.month_only
    stated_sd = columns["made_on_sd_days"]
    columns["made_on_sd_days"] = np.where(np.isnan(stated_sd) & month_only, MONTH_SD_DAYS, stated_sd)
    state.codes = texts["battery_code"]  # as written, for messages
    texts["battery_code"] = _respelled(state)
    for own, mask in wrong:
        for row in np.flatnonzero(mask).tolist():
            cell = opened.table.column(found[own.name].spelled)[row].as_py()
            error = explain_cell(own, cell, own.name, opened, found[own.name].unit)
            state.reject_row(row, row_problem(opened, row, state.codes[row], error))
    return texts, columns


def _read_modules(
    state: TableImport, found: Mapping[str, Heading], codes: list[str | None], columns: dict[str, FloatArray]
) -> None:
    """Fill the columns derived from modules; `codes` are the normalised codes of the packs."""
    listed = _module_lists(state, found["modules"].spelled) if "modules" in found else None
    if listed is None:
        columns.update({name: np.full(len(codes), np.nan) for name in MODULE_COLUMNS})
    else:
        columns.update(describe_many(*listed, codes))


def _module_lists(state: TableImport, spelled: str) -> tuple[IntArray, Modules] | None:
    """Return the pack of each module, and the modules; None if the column is not a list."""
    opened = state.packs
    cells = opened.table.column(spelled).combine_chunks()
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if not (pa.types.is_list(cells.type) and pa.types.is_struct(cells.type.value_type)):
        for row in np.flatnonzero(pc.is_valid(cells).to_numpy(zero_copy_only=False)).tolist():
            if cells[row].as_py() != "":
                error = FieldError("table.modules_not_a_list", field="modules")
                state.reject_row(row, row_problem(opened, row, state.codes[row], error))
        return None
    inner = cells.flatten()
    owner = pc.list_parent_indices(cells).to_numpy(zero_copy_only=False).astype(np.int64)
    names = [entry.name for entry in inner.type]
    codes: list[str | None] = [None] * len(inner)
    health = Converted.all_missing(len(inner))
    if "battery_code" in names:
        codes, _ = convert_texts(_CODE, pa.chunked_array([inner.field("battery_code")]))
    if "soh" in names:
        health = convert(_SOH, pa.chunked_array([inner.field("soh")]), from_text=False)
    for place in np.flatnonzero(health.wrong).tolist():
        row = int(owner[place])
        error = explain_cell(_SOH, inner[place].as_py()["soh"], "modules.soh", opened, None)
        state.reject_row(row, row_problem(opened, row, state.codes[row], error))
    return owner, Modules(codes=[code or "" for code in codes], soh=health.values)


def _respelled(state: TableImport) -> list[str | None]:
    """Return the normalised codes, and note the rows in which the spelling changed."""
    if are_plain([code for code in state.codes if code is not None]):
        return list(state.codes)
    for row, code in enumerate(state.codes):
        for note in code_notes(code):
            state.note(row, note)
    return [normalise_code(code) for code in state.codes]


def _refuse_repeated(state: TableImport, codes: list[str | None]) -> None:
    """Reject packs that share a normalised code."""
    known = np.array([code or "" for code in codes])
    _, inverse, times = np.unique(known, return_inverse=True, return_counts=True)
    for row in np.flatnonzero((times[inverse] > 1) & (known != "")).tolist():
        where = row_name(state.packs, row)
        state.reject_row(row, repeated_code(where, str(codes[row])))


def _require_identity(
    state: TableImport, texts: Mapping[str, list[str | None]], columns: Mapping[str, FloatArray]
) -> None:
    """Reject packs with neither a valid code nor chemistry and energy or mass nor a known vehicle."""
    from_plate = columns["rated_capacity_ah"] * columns["nominal_voltage_v"]
    size = coalesce(columns["rated_energy_kwh"], from_plate, columns["mass_kg"])
    lacking = np.flatnonzero(np.isnan(columns["chemistry"] + size) & ~state.rejected)
    codes = [state.codes[row] for row in lacking.tolist()]
    valid = decode_many(codes, np.full(len(codes), day_number(LAST_DAY))).columns["valid"]
    for row, fine in zip(lacking.tolist(), valid.tolist(), strict=True):
        if fine != 1.0 and vehicle_in_row(texts, columns, row) is None:
            code = state.codes[row]
            why = Message("record.code_invalid", value=repr(code)) if code else Message("record.code_missing")
            error = FieldError(
                "record.no_identity_in_row", hint="record.give_identity", field="battery_code", value=code, why=why
            )
            state.reject_row(row, row_problem(state.packs, row, state.codes[row], error))


def _without_rejected(
    state: TableImport,
    texts: Mapping[str, list[str | None]],
    packs: Mapping[str, FloatArray],
    events: Mapping[str, FloatArray],
    row: IntArray,
) -> TableTraces:
    """Return the packs that were not rejected, with their events in the order of the packs."""
    fine = ~state.rejected
    new_row = np.cumsum(fine) - 1
    if not fine.all():
        texts = {
            name: [value for value, keep in zip(column, fine.tolist(), strict=True) if keep]
            for name, column in texts.items()
        }
        packs = {name: column[fine] for name, column in packs.items()}
    kept = (row >= 0) & fine[np.maximum(row, 0)] if len(row) else np.zeros(0, dtype=bool)
    if not kept.all() or bool((row[1:] < row[:-1]).any()):
        place = np.flatnonzero(kept)
        place = place[np.argsort(row[place], kind="stable")]
        events, row = take(events, place), row[place]
    return TableTraces(
        table=TraceTable(
            packs=packs,
            texts={name: tuple(column) for name, column in texts.items()},
            events=events,
            row=new_row[row] if len(row) else row,
        ),
        kept=np.flatnonzero(fine),
        notes={int(new_row[at]): tuple(notes) for at, notes in state.notes.items() if fine[at]},
        column_notes=tuple(state.column_notes),
        problems=tuple(state.problems),
    )
