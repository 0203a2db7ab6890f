"""State of a table import: notes, problems and rejected rows, with the wording of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from valuation.errors import FieldError
from valuation.ingest.fields.headings import Heading, nearest_name, read_heading
from valuation.ingest.fields.units import Unit, own_unit
from valuation.ingest.fields.values import is_placeholder, read_value
from valuation.ingest.notes import IntakeNote, RecordProblem, make_note, printable
from valuation.ingest.tables.opened_table import OpenTable, column_names
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.record.fields import Field
from valuation.record.to_columns import calendar_day
from valuation.result import Caution

if TYPE_CHECKING:
    from valuation.ingest.tables.arrow_convert import Converted  # would load pyarrow where no table is read

_MOST_NAMED = 8


@dataclass(slots=True)
class TableImport:
    """Notes, problems and rejected rows of an import, by the rows of the table of packs."""

    packs: OpenTable
    codes: list[str | None]
    rejected: BoolArray
    notes: dict[int, list[IntakeNote]] = field(default_factory=dict)
    column_notes: list[Caution] = field(default_factory=list)
    problems: list[RecordProblem] = field(default_factory=list)

    def reject_row(self, row: int, problem: RecordProblem) -> None:
        """Reject a pack with the reason."""
        self.rejected[row] = True
        self.problems.append(replace(problem, row=row))

    def note(self, row: int, note: IntakeNote) -> None:
        """Add a note on a pack."""
        self.notes.setdefault(row, []).append(note)


def found_columns(opened: OpenTable, scope: tuple[str, ...]) -> dict[str, Heading]:
    """Return the meaning of the headings of a table, by canonical field name.

    Raises
    ------
    FieldError
        When two columns are of one field, or a heading states a unit that its field cannot have.
    """
    found: dict[str, Heading] = {}
    for spelled in column_names(opened):
        heading = read_heading(spelled, scope)
        if heading is None:
            continue
        if heading.name in found:
            first = found[heading.name].spelled
            raise FieldError("table.field_twice", field=heading.name, name=opened.name, first=first, second=spelled)
        found[heading.name] = heading
    return found


def note_columns(state: TableImport, opened: OpenTable, found: Mapping[str, Heading], scope: tuple[str, ...]) -> None:
    """Note the columns of a table that are not used, those that resemble a field, and those read in another unit."""
    known = {heading.spelled for heading in found.values()}
    unknown = [spelled for spelled in column_names(opened) if spelled not in known]
    notes = [make_note("I01", fields=", ".join(f"{opened.name}.{name}" for name in unknown))] if unknown else []
    for spelled in unknown[:_MOST_NAMED]:
        near = nearest_name(spelled, scope)
        if near is not None:
            notes.append(make_note("I19", spelled=repr(f"{opened.name}.{spelled}"), close=near))
    for name, heading in found.items():
        if heading.unit is not None:
            written = Message("value.in_unit", spelled=repr(heading.spelled), unit=heading.unit.name)
            notes.append(make_note("I16", field=f"{opened.name}.{name}", value=written, read=own_unit(name)))
    state.column_notes.extend(note.caution for note in notes)


def note_cells(
    state: TableImport, name: str, converted: Converted, row: IntArray, known_from: FloatArray | None
) -> None:
    """Note the packs of cells that hold a placeholder, another notation, or a month without a day.

    `row` holds the pack of each cell, -1 for none.
    """
    for mask, identity, value, read in (
        (converted.placeholder, "I02", "value.placeholder", "value.nothing"),
        (converted.respelled, "I16", "value.other_notation", "value.plain"),
        (converted.month_only, "I15", "value.month", "value.middle"),
    ):
        places = np.flatnonzero(mask & (row >= 0)) if mask.any() else ()
        if len(places):
            note = make_note(identity, field=name, value=Message(value), read=Message(read))
            note_at(state, note, row[places], None if known_from is None else known_from[places])


def note_at(state: TableImport, note: IntakeNote, row: IntArray, known_from: FloatArray | None) -> None:
    """Add a note on the packs of some rows, each known from its day; None for notes on the pack itself."""
    if known_from is None:
        for pack in row.tolist():
            state.note(pack, note)
        return
    dated: dict[float, IntakeNote] = {}
    for pack, number in zip(row.tolist(), known_from.tolist(), strict=True):
        if number not in dated:
            dated[number] = note.since(calendar_day(number))
        state.note(pack, dated[number])


def explain_cell(own: Field, cell: object, path: str, opened: OpenTable, unit: Unit | None) -> FieldError:
    """Return why a cell is invalid, with the message of the record reader."""
    if not is_placeholder(own, cell):
        try:
            read_value(own, cell, path, from_text=opened.from_text, unit=unit)
        except FieldError as error:
            error.value = printable(cell)
            return error
    return FieldError("table.cell", field=path, name=own.name)


def row_name(opened: OpenTable, row: int) -> str:
    """Return the name of a row in messages, counted as in a spreadsheet."""
    return Message("file.row", name=opened.name, number=int(opened.row[row]))


def row_problem(opened: OpenTable, row: int, code: str | None, error: FieldError) -> RecordProblem:
    """Return why a pack is rejected, and its row."""
    return RecordProblem(where=row_name(opened, row), battery_code=code, error=error)
