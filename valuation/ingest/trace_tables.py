"""Tables of packs and events straight to columns: a million packs without a Python object a row.

The columns are those that the same records give as JSON, bit for bit; a pack with anything wrong in its row or in one
of its events is set aside with the reason, never valued without what was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from valuation.battery_code.decoding import decode_many
from valuation.errors import FieldError
from valuation.ingest.aliases import TABLE_SCOPE
from valuation.ingest.arrow_convert import Converted, convert, convert_texts
from valuation.ingest.event_columns import read_events
from valuation.ingest.normalise_code import WITH_MARK, normalisation_note, normalise_code
from valuation.ingest.notes import IntakeNote, Problem
from valuation.ingest.open_table import TableSource, open_table
from valuation.ingest.read_traces import repeated_code
from valuation.ingest.table_import_state import (
    Reading,
    found_columns,
    note_placeholders,
    place_of,
    row_problem,
    say_unknown_columns,
    why,
)
from valuation.ingest.values import LAST_DAY
from valuation.numeric.columns import BoolArray, FloatArray, IntArray, take
from valuation.record.cases import PACK_TEXTS, TraceTable
from valuation.record.fields import COMPOSITION_FIELDS, EVENT_FIELDS, PACK_FIELDS, Field
from valuation.record.modules import MODULE_COLUMNS, Modules, describe_many
from valuation.record.to_columns import column_name, day_number
from valuation.result import Caution

_CODE = PACK_FIELDS[0]
_SOH = next(field for field in EVENT_FIELDS if field.name == "soh")


@dataclass(frozen=True, kw_only=True)
class TableTraces:
    """Packs of tables as columns, notes by the row they speak of, notes on whole columns, and what was set aside.

    `kept` holds, for each row of `table`, its row in the table of packs that was read.
    """

    table: TraceTable
    kept: IntArray
    notes: Mapping[int, tuple[IntakeNote, ...]]
    column_notes: tuple[Caution, ...] = ()
    problems: tuple[Problem, ...] = ()


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
    found = found_columns(opened, TABLE_SCOPE)
    rows = opened.table.num_rows
    codes: list[str | None] = [None] * rows
    reading = Reading(packs=opened, codes=codes, aside=np.zeros(rows, dtype=bool))
    reading.problems.extend(opened.problems)
    texts, pack_columns = _read_packs(reading, found)
    _read_modules(reading, found, texts["battery_code"], pack_columns)
    _refuse_repeated(reading, texts["battery_code"])
    _require_identity(reading, pack_columns)
    event_columns, row = read_events(reading, None if events is None else open_table(events, "events"))
    return _without_rejected(reading, texts, pack_columns, event_columns, row)


def _read_packs(
    reading: Reading, found: Mapping[str, str]
) -> tuple[dict[str, list[str | None]], dict[str, FloatArray]]:
    """Return the texts and the number columns of the packs."""
    opened, rows = reading.packs, len(reading.codes)
    say_unknown_columns(reading, opened, found)
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
            note_placeholders(reading, own.name, converted.placeholder, np.arange(rows), None)
        if own.kind != "text":
            columns[column_name(own)] = converted.values
    reading.codes = texts["battery_code"]  # as they are written: by this the events are joined
    texts["battery_code"] = _respelled(reading)
    for own, mask in wrong:
        for row in np.flatnonzero(mask).tolist():
            error = why(own, opened.table.column(found[own.name])[row].as_py(), own.name, opened)
            reading.reject_row(row, row_problem(opened, row, reading.codes[row], error))
    return texts, columns


def _read_modules(
    reading: Reading, found: Mapping[str, str], codes: list[str | None], columns: dict[str, FloatArray]
) -> None:
    """Fill the columns that the modules tell; `codes` are the packs' in their one spelling."""
    listed = _module_lists(reading, found["modules"]) if "modules" in found else None
    if listed is None:
        columns.update({name: np.full(len(codes), np.nan) for name in MODULE_COLUMNS})
    else:
        columns.update(describe_many(*listed, codes))


def _module_lists(reading: Reading, spelled: str) -> tuple[IntArray, Modules] | None:
    """Return the pack of each module, and the modules; None where the column lists none."""
    opened = reading.packs
    cells = opened.table.column(spelled).combine_chunks()
    cells = cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
    if not (pa.types.is_list(cells.type) and pa.types.is_struct(cells.type.value_type)):
        for row in np.flatnonzero(pc.is_valid(cells).to_numpy(zero_copy_only=False)).tolist():
            if cells[row].as_py() != "":
                error = FieldError("modules is no list", hint="give a list of battery_code and soh", field="modules")
                reading.reject_row(row, row_problem(opened, row, reading.codes[row], error))
        return None
    inner = cells.flatten()
    owner = pc.list_parent_indices(cells).to_numpy(zero_copy_only=False).astype(np.int64)
    names = [entry.name for entry in inner.type]
    codes: list[str | None] = [None] * len(inner)
    health = Converted.nothing(len(inner))
    if "battery_code" in names:
        codes, _ = convert_texts(_CODE, pa.chunked_array([inner.field("battery_code")]))
    if "soh" in names:
        health = convert(_SOH, pa.chunked_array([inner.field("soh")]), from_text=False)
    for place in np.flatnonzero(health.wrong).tolist():
        row = int(owner[place])
        error = why(_SOH, inner[place].as_py()["soh"], "modules.soh", opened)
        reading.reject_row(row, row_problem(opened, row, reading.codes[row], error))
    return owner, Modules(codes=[code or "" for code in codes], soh=health.values)


def _respelled(reading: Reading) -> list[str | None]:
    """Return the codes in their one spelling, and say in which rows that is another."""
    if _are_plain([code for code in reading.codes if code is not None]):
        return list(reading.codes)
    codes = [normalise_code(code) for code in reading.codes]
    for row, (written, code) in enumerate(zip(reading.codes, codes, strict=True)):
        note = None if written == code else normalisation_note(written)
        if note is not None:
            reading.note(row, note)
    return codes


def _are_plain(codes: list[str]) -> bool:
    """Tell whether no code can have another spelling: capital letters and digits alone, no mark behind."""
    letters = "".join(codes)
    plain = letters.isascii() and letters.isalnum() and letters.upper() == letters
    return plain and {0, WITH_MARK}.isdisjoint(map(len, codes))


def _refuse_repeated(reading: Reading, codes: list[str | None]) -> None:
    """Set aside packs that share a code, however each spells it."""
    known = np.array([code or "" for code in codes])
    _, inverse, times = np.unique(known, return_inverse=True, return_counts=True)
    for row in np.flatnonzero((times[inverse] > 1) & (known != "")).tolist():
        where = place_of(reading.packs, row)
        reading.reject_row(row, repeated_code(where, str(reading.codes[row])))


def _require_identity(reading: Reading, columns: Mapping[str, FloatArray]) -> None:
    """Set aside packs with neither a code that reads nor chemistry and energy."""
    energy = columns["rated_energy_kwh"]
    energy = np.where(np.isnan(energy), columns["rated_capacity_ah"] * columns["nominal_voltage_v"], energy)
    lacking = np.flatnonzero((np.isnan(columns["chemistry"]) | np.isnan(energy)) & ~reading.aside)
    codes = [reading.codes[row] for row in lacking.tolist()]
    valid = decode_many(codes, np.full(len(codes), day_number(LAST_DAY))).columns["valid"]
    for row, fine in zip(lacking.tolist(), valid.tolist(), strict=True):
        if fine != 1.0:
            error = FieldError(
                f"battery_code {reading.codes[row]!r} is no GB/T 34014 code, and chemistry or rated_energy_kwh is"
                " not given",
                hint="give the 24-character battery code, or chemistry and rated_energy_kwh from the nameplate",
                field="battery_code",
                value=reading.codes[row],
            )
            reading.reject_row(row, row_problem(reading.packs, row, reading.codes[row], error))


def _without_rejected(
    reading: Reading,
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
        notes={int(new_row[at]): tuple(notes) for at, notes in reading.notes.items() if fine[at]},
        column_notes=tuple(reading.column_notes),
        problems=tuple(reading.problems),
    )
