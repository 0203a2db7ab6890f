"""Tables in CSV, Excel, Parquet or Arrow, opened as one type: titles, merged cells and empty columns are handled.

The heading row is the row with the most known headings among the first ones. Rows keep the numbers that a spreadsheet
shows.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from valuation.errors import UnreadableRecord
from valuation.ingest.decode_bytes import Document, Limits, open_document
from valuation.ingest.fields.headings import recognised
from valuation.ingest.tables.opened_table import OpenTable

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET_MARK = b"PAR1"
ARROW_MARK = b"ARROW1"
WORKBOOK_MARKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # Excel since 2007, and before
TableSource: TypeAlias = "str | os.PathLike[str] | bytes | Document | pa.Table"

_UNNAMED: Final = re.compile(r"(?:unnamed: \d+|__index_level_\d+__|)", re.IGNORECASE)


def open_table(source: TableSource, name: str, scope: tuple[str, ...], limits: Limits | None = None) -> OpenTable:
    """Return a table from a path, its bytes, or a table in memory; of a workbook, the sheet with most known headings.

    Parameters
    ----------
    source
        A path, the bytes of a file, or an Arrow table.
    name
        Its name in messages, unless the file has one.
    scope
        The fields whose headings are looked for.
    limits
        The most that is read.

    Raises
    ------
    UnreadableRecord
        When it is not a table, or when it is an Arrow file: Arrow follows the offsets in such a file without a check,
        so a forged file can read memory of this process or crash it.
    FieldError
        When two columns have the same known heading.
    """
    return open_sheets(source, name, scope, limits)[0]


def open_sheets(
    source: TableSource, name: str, scope: tuple[str, ...], limits: Limits | None = None
) -> list[OpenTable]:
    """Return every sheet of a workbook that has known headings, the one with the most first; of other files, the table.

    See :func:`open_table`.
    """
    # Arrow, which takes as long to load as numpy; records are read without it
    from valuation.ingest.tables import csv_table, parquet_file  # noqa: PLC0415 - see above

    limits = limits or Limits()
    if not isinstance(source, str | os.PathLike | bytes | Document):
        return [_of_arrow(source, name)]
    if isinstance(source, str | os.PathLike) and _starts_as_parquet(Path(source)):
        return [_of_arrow(parquet_file.read_parquet(source, Path(source).name), Path(source).name)]
    if isinstance(source, bytes):
        source = Document(name=name, content=source)
    document = source if isinstance(source, Document) else open_document(source, limits)
    if document.content[:6] == ARROW_MARK:
        raise UnreadableRecord("table.arrow_file", name=document.name)
    if document.content[:4] == PARQUET_MARK:
        return [_of_arrow(parquet_file.read_parquet_content(document, limits), document.name)]
    if document.content[:4] in WORKBOOK_MARKS:
        from valuation.ingest.tables.workbook import read_workbook  # noqa: PLC0415 - only a workbook needs its reader

        return [_tidied(one, scope) for one in read_workbook(document, scope, limits)]
    return [_tidied(csv_table.read_csv(document, scope), scope)]


def _of_arrow(table: pa.Table, name: str) -> OpenTable:
    """Return an Arrow table, without columns that have neither a name nor content."""
    opened = OpenTable(name=name, table=table, from_text=False, row=np.arange(1, table.num_rows + 1))
    return _without_empty_columns(opened)


def _tidied(opened: OpenTable, scope: tuple[str, ...]) -> OpenTable:
    """Return a table of texts without unnamed empty columns, its unknown repeated headings numbered, no row empty."""
    opened = _without_empty_columns(opened)
    names, times = [], Counter[str]()
    for spelled in opened.table.column_names:
        times[spelled] += 1
        repeated = times[spelled] > 1 and not recognised([spelled], scope)
        names.append(f"{spelled} #{times[spelled]}" if repeated else spelled)
    opened = replace(opened, table=opened.table.rename_columns(names))
    filled = np.zeros(opened.table.num_rows, dtype=np.bool_)
    for column in opened.table.columns:
        filled |= column.is_valid().to_numpy()
    return replace(opened.rows_where(filled), blank=int((~filled).sum()))


def _without_empty_columns(opened: OpenTable) -> OpenTable:
    """Return a table whose columns all have a name: one without a name gets one, or is left out if it is empty."""
    table = opened.table
    unnamed = [at for at, name in enumerate(table.column_names) if _UNNAMED.fullmatch(str(name).strip())]
    if not unnamed:
        return opened
    empty = {at for at in unnamed if table.column(at).null_count == table.num_rows}
    names = [f"column {at + 1}" if at in unnamed else str(name) for at, name in enumerate(table.column_names)]
    kept = [at for at in range(len(names)) if at not in empty]
    return replace(opened, table=table.select(kept).rename_columns([names[at] for at in kept]))


def _starts_as_parquet(path: Path) -> bool:
    """Return whether a path is a Parquet file, by its first bytes."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == PARQUET_MARK
    except (OSError, ValueError):
        return False
