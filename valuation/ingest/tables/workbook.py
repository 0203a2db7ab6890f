"""Sheets of Excel workbooks as tables of texts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time

import numpy as np
import pyarrow as pa
import python_calamine

from valuation.errors import UnreadableRecord
from valuation.ingest.decode_bytes import Document, Limits, check_size
from valuation.ingest.tables.opened_table import HEADING_WITHIN, Grid, OpenTable


def read_workbook(document: Document, scope: tuple[str, ...], limits: Limits) -> list[OpenTable]:
    """Return the sheets of an Excel workbook that have known headings, the one with the most first.

    A cell merged over several rows counts in each of them; a heading merged over several columns is a title, or a group
    that completes the headings below it.

    Raises
    ------
    UnreadableRecord
        When it is not a workbook, is protected by a password, would expand beyond the limit, or is empty.
    """
    sheets = [(name, cells) for name, cells in _sheets(document, limits) if cells]
    if not sheets:
        raise UnreadableRecord("file.empty", name=document.name)
    found = [_grid(name, cells).heading_row(scope) for name, cells in sheets]
    order = sorted(range(len(sheets)), key=lambda at: -found[at][0])
    kept = [at for at in order if found[at][0] > 1] or order[:1]
    return [_of_sheet(document.name, sheets, at, (found[at][1], scope)) for at in kept]


def _grid(name: str, cells: Sequence[Sequence[str | None]]) -> Grid:
    return Grid(name=name, heads=[[cell or "" for cell in row] for row in cells[:HEADING_WITHIN]])


def _of_sheet(
    file: str, sheets: Sequence[tuple[str, list[list[str | None]]]], at: int, head: tuple[int, tuple[str, ...]]
) -> OpenTable:
    """Return one sheet as a table; `head` is the row of the headings, and the fields among which they are read."""
    (title, cells), (start, scope) = sheets[at], head
    grid = _grid(title, cells)
    width = max(len(row) for row in cells[start:])
    body = [row + [None] * (width - len(row)) for row in cells[start + 1 :]]
    names = grid.headings(start, scope)
    names += [""] * (width - len(names))
    columns = [pa.array([row[place] for row in body], pa.string()) for place in range(width)]
    return OpenTable(
        name=f"{file} [{title}]" if len(sheets) > 1 else file,
        table=pa.Table.from_arrays(columns, names=names),
        from_text=True,
        row=np.arange(start + 2, start + 2 + len(body)),
        stated_day=grid.stated_day(start),
    )


def _sheets(document: Document, limits: Limits) -> Iterator[tuple[str, list[list[str | None]]]]:
    """Yield the visible sheets of a workbook with their cells as texts."""
    try:
        if document.content[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(document.content)) as archive:
                check_size(document.name, sum(entry.file_size for entry in archive.infolist()), limits)
        book = python_calamine.load_workbook(io.BytesIO(document.content))
        for sheet in book.sheets_metadata:
            if sheet.visible == python_calamine.SheetVisibleEnum.Visible:
                yield sheet.name, _cells(book.get_sheet_by_name(sheet.name))
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        raise UnreadableRecord("file.not_a_workbook", name=document.name, reason=str(error)[:120]) from error


def _cells(sheet: python_calamine.CalamineSheet) -> list[list[str | None]]:
    """Return the cells of a sheet as texts; a cell merged over several rows is copied to each of them."""
    cells = [[_text(value) for value in row] for row in sheet.to_python(skip_empty_area=False)]
    for (top, left), (bottom, right) in sheet.merged_cell_ranges or ():
        if left == right:
            for row in range(top + 1, min(bottom + 1, len(cells))):
                cells[row][left] = cells[top][left]
    return cells


def _text(value: object) -> str | None:
    """Return a cell as text: days in ISO 8601, whole numbers without a decimal point; None if it is empty."""
    if isinstance(value, datetime):
        return (value.date() if value.time() == time() else value).isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = value.isoformat() if isinstance(value, date) else str(value)
    return text if text.strip() else None
