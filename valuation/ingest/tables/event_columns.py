"""The table of events as columns, joined to packs; invalid cells and missing fields are reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import EVENT_TABLE_SCOPE
from valuation.ingest.fields.headings import Heading
from valuation.ingest.fields.normalise_code import are_plain, normalise_code
from valuation.ingest.notes import make_note
from valuation.ingest.tables.arrow_convert import Converted, convert
from valuation.ingest.tables.opened_table import OpenTable
from valuation.ingest.tables.row_per_pack import unknown_pack
from valuation.ingest.tables.table_import_state import (
    TableImport,
    explain_cell,
    found_columns,
    note_at,
    note_cells,
    note_columns,
    row_name,
    row_problem,
)
from valuation.numeric.columns import BoolArray, Columns, FloatArray, IntArray, known_places
from valuation.record.fields import (
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPE_FIELDS,
    EVENT_TYPES,
    REQUIRED_EVENT_FIELDS,
    Field,
    category,
)
from valuation.record.to_columns import column_name
from valuation.record.unused_events import known_from_day

_LETTERS = 8
_TYPE = category("type", *EVENT_TYPES)
_OWNERS: Mapping[str, BoolArray] = {
    own.name: np.array([*(own in fields for fields in EVENT_TYPE_FIELDS.values()), False]) for own in EVENT_FIELDS
}
"""By field, whether each event type has it; the last entry is for an unknown type."""

_Cells: TypeAlias = tuple[Field, BoolArray]


def read_events(state: TableImport, opened: OpenTable | None) -> tuple[dict[str, FloatArray], IntArray]:
    """Return the event columns, and each event's pack."""
    if opened is None:
        empty = np.zeros(0)
        names = ("type", *(column_name(own) for own in EVENT_COMMON_FIELDS), *(own.name for own in EVENT_FIELDS))
        return dict.fromkeys(names, empty), np.zeros(0, dtype=np.int64)
    found = found_columns(opened, EVENT_TABLE_SCOPE)
    note_columns(state, opened, found, EVENT_TABLE_SCOPE)
    state.problems.extend(opened.problems)
    row = _pack_rows(state, opened, found)
    columns: dict[str, FloatArray] = {}
    wrong: list[_Cells] = []
    read: list[tuple[Field, Converted, IntArray]] = []
    kinds = np.zeros(0, dtype=np.intp)
    for own in (_TYPE, *EVENT_COMMON_FIELDS, *EVENT_FIELDS):
        converted = Converted.all_missing(opened.table.num_rows)
        heading = found.get(own.name)
        column = None if heading is None else opened.table.column(heading.spelled)
        if heading is not None and column is not None and column.null_count < opened.table.num_rows:
            converted = convert(own, column, from_text=opened.from_text, unit=heading.unit)
        values, owners = converted.values, _OWNERS.get(own.name)
        if own.name == "type":
            kinds = np.where(np.isnan(values), len(EVENT_TYPES), values).astype(np.intp)
        if owners is not None and converted.has_values:
            values = _drop_misplaced(state, own.name, columns, (values, kinds, row))
        columns[column_name(own)] = values
        used = row if owners is None else np.where(owners[kinds], row, -1)
        if converted.wrong.any():
            wrong.append((own, converted.wrong & (used >= 0)))
        if converted.has_notes:
            read.append((own, converted, used))
    _reject_events(state, opened, (found, columns, row), wrong)
    for own, converted, used in read:
        note_cells(state, f"events.{own.name}", converted, used, known_from_day(columns))
    return columns, row


def _pack_rows(state: TableImport, opened: OpenTable, found: Mapping[str, Heading]) -> IntArray:
    """Return the row of each event's pack; -1 for unknown packs, which are reported."""
    if "battery_code" not in found:
        raise FieldError("table.no_code_column", field="battery_code", name=opened.name)
    codes = opened.table.column(found["battery_code"].spelled)
    if not pa.types.is_string(codes.type):
        codes = codes.cast(pa.string())
    runs, lengths = runs_of(codes)
    runs = pc.utf8_trim_whitespace(runs)
    packs = pa.array([normalise_code(code) or "" for code in state.codes], type=pa.string())
    written = runs.to_pylist()
    if not are_plain([code for code in written if code is not None]):
        runs = pa.array([normalise_code(code) for code in written], type=pa.string())
    places = pc.index_in(runs, value_set=packs, skip_nulls=True)
    of_run: IntArray = pc.fill_null(places, -1).to_numpy().astype(np.int64)
    of_run[pc.equal(pc.fill_null(runs, ""), "").to_numpy(zero_copy_only=False)] = -1
    row: IntArray = np.repeat(of_run, lengths)
    for place in np.flatnonzero(row < 0).tolist():
        code = pc.utf8_trim_whitespace(codes[place]).as_py()
        state.problems.append(unknown_pack(row_name(opened, place), code))
    return row


def runs_of(codes: pa.ChunkedArray) -> tuple[pa.Array, IntArray]:
    """Return the runs of equal codes and their lengths.

    Events are mostly grouped by pack, so each code is processed once for all of its events.

    >>> runs_of(pa.chunked_array([["A", "A", None, "B"], ["B"]]))[1].tolist()
    [2, 1, 2]
    """
    whole = codes.combine_chunks()
    if len(whole) == 0:
        return whole, np.zeros(0, dtype=np.int64)
    differs = _differs(whole)
    if differs is None:
        same = pc.equal(whole.slice(1), whole.slice(0, len(whole) - 1))
        differs = ~pc.fill_null(same, False).to_numpy(zero_copy_only=False)  # noqa: FBT003 - Arrow's signature
    firsts = np.concatenate([[0], np.flatnonzero(differs) + 1])
    return whole.take(pa.array(firsts)), np.diff(np.concatenate([firsts, [len(whole)]]))


def _differs(codes: pa.Array) -> BoolArray | None:
    """Return which codes differ from the code before, eight letters at a time; None unless all have one length."""
    if not pa.types.is_string(codes.type) or codes.null_count:
        return None
    offsets = np.frombuffer(codes.buffers()[1], dtype=np.int32)[codes.offset : codes.offset + len(codes) + 1]
    length = int(offsets[1] - offsets[0])
    if length == 0 or length % _LETTERS or not bool((offsets[1:] - offsets[:-1] == length).all()):
        return None
    letters = np.frombuffer(codes.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
    words = letters.view(np.uint64).reshape(len(codes), -1)
    differs = np.zeros(len(codes) - 1, dtype=np.bool_)
    for word in range(words.shape[1] - 1, -1, -1):
        differs |= words[1:, word] != words[:-1, word]
    return differs


def _reject_events(
    state: TableImport,
    opened: OpenTable,
    read: tuple[Mapping[str, Heading], Columns, IntArray],
    wrong: list[tuple[Field, BoolArray]],
) -> None:
    """Reject the packs of events with an invalid value or without a required field."""
    found, columns, row = read
    refused = np.zeros(len(row), dtype=bool)
    for own, mask in wrong:
        refused |= mask
        for place in np.flatnonzero(mask).tolist():
            heading = found[own.name]
            cell = opened.table.column(heading.spelled)[place].as_py()
            error = explain_cell(own, cell, f"events.{own.name}", opened, heading.unit)
            _reject_event(state, opened, place, row, error)
    needed = [(name, np.isnan(columns[column])) for name, column in (("type", "type"), ("on", "on_day"))]
    for kind, name in REQUIRED_EVENT_FIELDS.items():
        needed.append((name, (columns["type"] == EVENT_TYPES.index(kind)) & np.isnan(columns[name])))
    for name, lacking in needed:
        if not lacking.any():
            continue
        for place in np.flatnonzero(lacking & (row >= 0) & ~refused).tolist():
            hint = "record.say_in_every_row"
            error = FieldError("record.missing", hint=hint, field=f"events.{name}", name=name)
            _reject_event(state, opened, place, row, error)


def _reject_event(state: TableImport, opened: OpenTable, place: int, row: IntArray, error: FieldError) -> None:
    """Reject the pack of one event."""
    pack = int(row[place])
    state.reject_row(pack, row_problem(opened, place, state.codes[pack], error))


def _drop_misplaced(
    state: TableImport, name: str, columns: Columns, read: tuple[FloatArray, IntArray, IntArray]
) -> FloatArray:
    """Return the values of a field without those in events whose type lacks the field; these are noted.

    `read` holds the values, the type and the pack of each event.
    """
    values, kinds, row = read
    strays = known_places(values)
    strays = strays[~_OWNERS[name][kinds[strays]]]
    if not len(strays):
        return values
    without = values.copy()
    without[strays] = np.nan
    places = strays[row[strays] >= 0]
    note_at(state, make_note("I01", fields=f"events.{name}"), row[places], known_from_day(columns)[places])
    return without
