"""Open a CSV, Excel or Parquet file as one table with spreadsheet row numbers (读取表格文件).

CSV may be UTF-8, UTF-16 or GB18030. Title rows above the headings, blank rows and merged cells are handled.
"""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
from pyarrow import parquet

from valuation.errors import UnreadableLedger, UnreadableRecord
from valuation.ingest.decode_bytes import Limits, decode_text, open_document
from valuation.numeric.columns import IntArray

_WORKBOOKS = {".xlsx", ".xlsm"}
_HEADING_WITHIN = 30
_LARGEST = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Worksheet:
    """A table, the spreadsheet row number of each row, malformed lines, and the names of unread sheets."""

    name: str
    table: pa.Table
    row: IntArray
    broken: tuple[tuple[int, str], ...] = ()
    other_sheets: tuple[str, ...] = ()


def open_worksheet(path: Path, recognise: Callable[[Sequence[str]], int]) -> Worksheet:
    """Open the table of a file.

    Parameters
    ----------
    path : Path
        CSV, Excel workbook or Parquet.
    recognise : callable
        Returns the number of known headings; used to find the heading row and the sheet of a workbook.

    Raises
    ------
    UnreadableLedger
        If the file cannot be read as a table.
    """
    try:
        if path.suffix.lower() in _WORKBOOKS:
            return _read_workbook(path, recognise)
        if _is_parquet(path):
            table = parquet.read_table(path)
            return Worksheet(name=path.name, table=table, row=np.arange(1, table.num_rows + 1))
        return _read_csv(path, recognise)
    except (OSError, pa.ArrowException, UnreadableRecord, csv.Error, ValueError, KeyError, zipfile.BadZipFile) as error:
        first = (str(error).splitlines() or [""])[0][:200]
        raise UnreadableLedger(
            f"{path.name} cannot be read as a table: {first}",
            hint="give a CSV (UTF-8 or GB18030), Excel (.xlsx) or Parquet file with a row of headings",
            field="ledger",
        ) from error


def as_csv(table: pa.Table) -> bytes:
    """Return a table as CSV in UTF-8."""
    stream = pa.BufferOutputStream()
    arrow_csv.write_csv(table, stream)
    return bytes(stream.getvalue())


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _read_csv(path: Path, recognise: Callable[[Sequence[str]], int]) -> Worksheet:
    """Read a CSV table with all cells as text."""
    text = decode_text(open_document(path, Limits(source_bytes=_LARGEST)), chinese=True)
    lines = text.split("\n", _HEADING_WITHIN)[:_HEADING_WITHIN]
    if "\0" in text[:4096] or not any(line.strip() for line in lines):
        raise ValueError("it is empty or is not text")
    delimiter = max(",\t;", key=lambda mark: max(line.count(mark) for line in lines))
    heads = [next(csv.reader([line.rstrip("\r")], delimiter=delimiter), []) for line in lines]
    start = _heading_row(heads, recognise)
    names = _unique_names(heads[start])
    broken: list[tuple[int, str]] = []
    short: dict[int, list[str | None]] = {}

    def refuse(row: arrow_csv.InvalidRow) -> str:
        if row.actual_columns < row.expected_columns:
            short[row.number + start] = _filled_up(row.text, delimiter, row.expected_columns)
        else:
            broken.append((row.number + start, f"{row.actual_columns} cells, but {row.expected_columns} headings"))
        return "skip"

    table = arrow_csv.read_csv(
        pa.BufferReader("\n".join(text.split("\n", start)[start:]).encode()),
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=names, skip_rows=1),
        parse_options=arrow_csv.ParseOptions(
            delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=refuse
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    )
    numbers = np.arange(start + 2, start + 2 + table.num_rows + len(broken) + len(short))
    kept = np.setdiff1d(numbers, [number for number, _ in broken] + list(short))[: table.num_rows]
    return _with_short_rows(Worksheet(name=path.name, table=table, row=kept, broken=tuple(broken)), short)


def _filled_up(line: str, delimiter: str, columns: int) -> list[str | None]:
    """Return the cells of a short line, padded with empty cells; spreadsheets omit trailing empty cells."""
    cells: list[str | None] = [cell or None for cell in next(csv.reader([line], delimiter=delimiter), [])]
    return cells + [None] * (columns - len(cells))


def _with_short_rows(sheet: Worksheet, short: Mapping[int, list[str | None]]) -> Worksheet:
    """Return a sheet with the short rows inserted in order."""
    if not short:
        return sheet
    names = sheet.table.column_names
    more = pa.table([pa.array(column, pa.string()) for column in zip(*short.values(), strict=True)], names=names)
    row = np.concatenate([sheet.row, np.array(list(short), dtype=np.int64)])
    order = np.argsort(row)
    return replace(sheet, table=pa.concat_tables([sheet.table, more]).take(pa.array(order)), row=row[order])


def _read_workbook(path: Path, recognise: Callable[[Sequence[str]], int]) -> Worksheet:
    """Read the sheet with the most known headings, with all cells as text and merged cells filled."""
    import openpyxl  # noqa: PLC0415 - needed only for workbooks

    book = openpyxl.load_workbook(path, data_only=True)
    grids = {sheet.title: _grid(sheet) for sheet in book.worksheets if sheet.max_row and sheet.max_column}
    best, start, score = "", 0, -1
    for title, cells in grids.items():
        heads = [[cell or "" for cell in row] for row in cells[:_HEADING_WITHIN]]
        at = _heading_row(heads, recognise) if heads else 0
        found = recognise(heads[at]) if heads else 0
        if found > score:
            best, start, score = title, at, found
    if not grids or not grids[best]:
        raise ValueError("all sheets of the workbook are empty")
    cells = grids[best]
    names = _unique_names([cell or "" for cell in cells[start]])
    body = cells[start + 1 :]
    columns = [pa.array([row[at] for row in body], pa.string()) for at in range(len(names))]
    return Worksheet(
        name=f"{path.name} [{best}]" if len(grids) > 1 else path.name,
        table=pa.table(columns, names=names),
        row=np.arange(start + 2, start + 2 + len(body)),
        other_sheets=tuple(title for title in grids if title != best),
    )


def _grid(sheet: object) -> list[list[str | None]]:
    """Return the cells of a worksheet as texts; a vertically merged cell is copied to each of its rows."""
    cells = [[_cell(value) for value in row] for row in sheet.iter_rows(values_only=True)]  # type: ignore[attr-defined]  # openpyxl's worksheet
    for merged in sheet.merged_cells.ranges:  # type: ignore[attr-defined]  # same
        if merged.min_col == merged.max_col:  # a heading merged sideways is a title
            value = cells[merged.min_row - 1][merged.min_col - 1]
            for row in range(merged.min_row, min(merged.max_row, len(cells))):
                cells[row][merged.min_col - 1] = value
    return cells


def _cell(value: object) -> str | None:
    """Format a cell as text: dates as ISO, whole numbers without a decimal point."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _heading_row(rows: Sequence[Sequence[str]], recognise: Callable[[Sequence[str]], int]) -> int:
    """Return the index of the heading row: the row with the most known headings."""
    scores = [recognise(row) for row in rows]
    return scores.index(max(scores))


def _unique_names(names: Sequence[str]) -> list[str]:
    """Return trimmed unique headings; an empty heading gets a name, a repeated one a number."""
    taken: dict[str, int] = {}
    result = []
    for at, spelled in enumerate(names):
        name = re.sub(r"\s+", " ", spelled.replace("\ufeff", "")).strip() or f"column {at + 1}"
        taken[name] = taken.get(name, 0) + 1
        result.append(name if taken[name] == 1 else f"{name} #{taken[name]}")
    return result
