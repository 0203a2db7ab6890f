"""State of a table import: notes, problems and rejected rows, with the wording of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from valuation.errors import FieldError
from valuation.ingest.fields.aliases import field_name
from valuation.ingest.fields.values import is_placeholder, read_value
from valuation.ingest.notes import IntakeNote, Problem, make_note, printable
from valuation.ingest.tables.open_table import OpenTable, column_names
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.record.fields import Field
from valuation.record.to_columns import calendar_day
from valuation.result import Caution


@dataclass(slots=True)
class TableImport:
    """Notes, problems and rejected rows of an import, by the rows of the table of packs."""

    packs: OpenTable
    codes: list[str | None]
    rejected: BoolArray
    notes: dict[int, list[IntakeNote]] = field(default_factory=dict)
    column_notes: list[Caution] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def reject_row(self, row: int, problem: Problem) -> None:
        """Reject a pack with the reason."""
        self.rejected[row] = True
        self.problems.append(replace(problem, row=row))

    def note(self, row: int, note: IntakeNote) -> None:
        """Add a note on a pack."""
        self.notes.setdefault(row, []).append(note)


def found_columns(opened: OpenTable, scope: tuple[str, ...]) -> dict[str, str]:
    """Return our names of a table's columns with their names in the table."""
    found: dict[str, str] = {}
    for spelled in column_names(opened):
        name = field_name(spelled, scope)
        if name in found:
            raise FieldError("table.field_twice", field=name, name=opened.name, first=found[name], second=spelled)
        found[name or f"?{spelled}"] = spelled
    return found


def note_unknown_columns(state: TableImport, opened: OpenTable, found: Mapping[str, str]) -> None:
    """Note the columns of a table that are not used."""
    unknown = [spelled for name, spelled in found.items() if name.startswith("?")]
    if unknown:
        note = make_note("I01", fields=", ".join(f"{opened.name}.{name}" for name in unknown))
        state.column_notes.append(note.caution)


def note_placeholders(
    state: TableImport, name: str, mask: BoolArray, row: IntArray, known_from: FloatArray | None
) -> None:
    """Note the rows in which a placeholder was read as unknown."""
    if mask.any():
        places = np.flatnonzero(mask)
        note = make_note("I02", field=name, value=Message("value.placeholder"))
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


def explain_cell(own: Field, cell: object, path: str, opened: OpenTable) -> FieldError:
    """Return why a cell is invalid, with the message of the record reader."""
    if not is_placeholder(own, cell):
        try:
            read_value(own, cell, path, from_text=opened.from_text)
        except FieldError as error:
            error.value = printable(cell)
            return error
    return FieldError("table.cell", field=path, name=own.name)


def row_name(opened: OpenTable, row: int) -> str:
    """Return the name of a row in messages, counted as in a spreadsheet."""
    return Message("file.row", name=opened.name, number=row + (2 if opened.from_text else 1))


def row_problem(opened: OpenTable, row: int, code: str | None, error: FieldError) -> Problem:
    """Return why a pack is rejected, and its row."""
    return Problem(where=row_name(opened, row), battery_code=code, error=error)
