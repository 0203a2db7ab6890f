"""CSV tables in any usual encoding and separator, with all cells as texts."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from valuation.errors import UnreadableRecord
from valuation.ingest.decode_bytes import Document, decode_text
from valuation.ingest.tables.opened_table import HEADING_WITHIN, Grid, OpenTable

_NEWLINE: Final = re.compile(r"\r\n|\r|\n")
_SEPARATORS: Final = ",\t;|"


def read_csv(document: Document, scope: tuple[str, ...]) -> OpenTable:
    """Return a CSV table with all cells as texts; types are never inferred from the first rows.

    Short rows are filled up, because spreadsheets leave out empty cells at the end of a row.

    Raises
    ------
    UnreadableRecord
        When it is not a table.
    """
    text = decode_text(document, chinese=True)
    if "\0" in text[:4096] or not text.strip():
        raise UnreadableRecord("table.not_a_table", name=document.name)
    readings = {separator: _heads(document.name, text, separator) for separator in _SEPARATORS}
    widest = sorted(readings, key=lambda one: -max(map(len, readings[one][0].heads), default=0))
    found = {separator: readings[separator][0].heading_row(scope) for separator in widest[:2]}
    separator = max(found, key=lambda one: found[one][0])
    (grid, ends), start = readings[separator], found[separator][1]
    if not grid.heads or not any(cell.strip() for cell in grid.heads[start]):
        raise UnreadableRecord("table.not_a_table", name=document.name)
    names = grid.headings(start, scope)
    body = _after_line(text, ends[start])
    short: dict[int, list[str | None]] = {}
    broken: dict[int, int] = {}

    def take_odd_row(row: arrow_csv.InvalidRow) -> str:
        cells: list[str | None] = [cell or None for cell in next(csv.reader([row.text], delimiter=separator), [])]
        while len(cells) > len(names) and cells[-1] is None:
            cells.pop()
        if len(cells) > len(names):
            broken[row.number] = row.actual_columns
        else:
            short[row.number] = cells + [None] * (len(names) - len(cells))
        return "skip"

    try:
        table = _parse(body, names, separator, take_odd_row)
    except (pa.ArrowException, UnicodeError, csv.Error) as error:
        raise UnreadableRecord(
            "table.not_a_table_because", hint="table.not_a_table.hint", name=document.name, reason=str(error)[:120]
        ) from error
    first = start + 2  # the first row below the headings, as a spreadsheet counts
    numbers = np.arange(1, 1 + table.num_rows + len(broken) + len(short))
    row = np.setdiff1d(numbers, [*broken, *short])[: table.num_rows]
    if short:
        more = pa.table([pa.array(column, pa.string()) for column in zip(*short.values(), strict=True)], names=names)
        row = np.concatenate([row, np.array(list(short))])
        order = np.argsort(row)
        table, row = pa.concat_tables([table, more]).take(pa.array(order)), row[order]
    return OpenTable(
        name=document.name,
        table=table,
        from_text=True,
        row=row + first - 1,
        broken=tuple((number + first - 1, cells) for number, cells in broken.items()),
        stated_day=grid.stated_day(start),
    )


def _heads(name: str, text: str, separator: str) -> tuple[Grid, list[int]]:
    """Return the first rows of a text, and the line on which each ends; a quoted cell may hold line breaks."""
    lines = csv.reader(io.StringIO(text[: 1 << 18], newline=""), delimiter=separator)
    heads, ends = [], []
    try:
        for cells in lines:
            heads.append(cells)
            ends.append(lines.line_num)
            if len(heads) == HEADING_WITHIN:
                break
    except csv.Error:
        pass  # what was read so far is enough to find the headings
    return Grid(name=name, heads=heads), ends


def _after_line(text: str, line: int) -> str:
    """Return the text after a number of lines."""
    ends = (match.end() for match in _NEWLINE.finditer(text))
    return text[next((end for number, end in enumerate(ends, 1) if number == line), len(text)) :]


def _parse(
    body: str, names: Sequence[str], separator: str, take_odd_row: Callable[[arrow_csv.InvalidRow], str]
) -> pa.Table:
    """Return the rows below the headings as texts; an empty cell is null."""
    if not body.strip():
        return pa.table([pa.array([], pa.string())] * len(names), names=list(names))
    places = [f"{place}" for place in range(len(names))]
    table = arrow_csv.read_csv(
        pa.BufferReader(body.encode()),
        read_options=arrow_csv.ReadOptions(use_threads=False, column_names=places),
        parse_options=arrow_csv.ParseOptions(
            delimiter=separator, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=take_odd_row
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    )
    return table.rename_columns(list(names))
