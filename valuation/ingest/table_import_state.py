"""What is read of a table of packs so far: notes, problems and which rows are set aside, and how both are worded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from valuation.errors import FieldError
from valuation.ingest.aliases import field_name
from valuation.ingest.notes import IntakeNote, Problem, make_note, printable
from valuation.ingest.open_table import OpenTable, column_names
from valuation.ingest.values import is_placeholder, read_value
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.record.fields import Field
from valuation.record.to_columns import calendar_day
from valuation.result import Caution


@dataclass(slots=True)
class Reading:
    """What has been read so far, by the rows of the table of packs."""

    packs: OpenTable
    codes: list[str | None]
    aside: BoolArray
    notes: dict[int, list[IntakeNote]] = field(default_factory=dict)
    column_notes: list[Caution] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def reject_row(self, row: int, problem: Problem) -> None:
        """Set a pack aside with the reason."""
        self.aside[row] = True
        self.problems.append(replace(problem, row=row))

    def note(self, row: int, note: IntakeNote) -> None:
        """Keep a note about a pack."""
        self.notes.setdefault(row, []).append(note)


def found_columns(opened: OpenTable, scope: tuple[str, ...]) -> dict[str, str]:
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


def say_unknown_columns(reading: Reading, opened: OpenTable, found: Mapping[str, str]) -> None:
    """Say which columns of a table are not used."""
    unknown = [spelled for name, spelled in found.items() if name.startswith("?")]
    if unknown:
        note = make_note("I01", fields=", ".join(f"{opened.name}.{name}" for name in unknown))
        reading.column_notes.append(note.caution)


def note_placeholders(
    reading: Reading, name: str, mask: BoolArray, row: IntArray, known_from: FloatArray | None
) -> None:
    """Say where a placeholder was read as not known."""
    if mask.any():
        places = np.flatnonzero(mask)
        note = make_note("I02", fields=name, value="a placeholder")
        note_at(reading, note, row[places], None if known_from is None else known_from[places])


def note_at(reading: Reading, note: IntakeNote, row: IntArray, known_from: FloatArray | None) -> None:
    """Keep a note about the packs of some rows, each from its day on; None where it speaks of the pack itself."""
    if known_from is None:
        for pack in row.tolist():
            reading.note(pack, note)
        return
    dated: dict[float, IntakeNote] = {}
    for pack, number in zip(row.tolist(), known_from.tolist(), strict=True):
        if number not in dated:
            dated[number] = note.since(calendar_day(number))
        reading.note(pack, dated[number])


def why(own: Field, cell: object, path: str, opened: OpenTable) -> FieldError:
    """Return why a cell is wrong, in the words of the record reader."""
    if not is_placeholder(own, cell):
        try:
            read_value(own, cell, path, from_text=opened.from_text)
        except FieldError as error:
            return FieldError(error.message, hint=error.hint, field=path, value=printable(cell))
    return FieldError(f"{path} cannot be read", hint=f"give {own.name} as in the contract", field=path, value=None)


def place_of(opened: OpenTable, row: int) -> str:
    """Return the place of a row as a person counts it."""
    return f"{opened.name} row {row + (2 if opened.from_text else 1)}"


def row_problem(opened: OpenTable, row: int, code: str | None, error: FieldError) -> Problem:
    """Return why a pack is set aside, and where."""
    return Problem(where=place_of(opened, row), battery_code=code, error=error)
