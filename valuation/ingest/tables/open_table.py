"""Tables in CSV (UTF-8, UTF-16 or GB18030), Parquet or Arrow, opened as one type."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from valuation.errors import FieldError, UnreadableRecord
from valuation.ingest.decode_bytes import Document, Limits, decode_text, open_document
from valuation.ingest.notes import Problem
from valuation.messages import Message

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.csv import InvalidRow

PARQUET_MARK = b"PAR1"
ARROW_MARK = b"ARROW1"
TableSource: TypeAlias = "str | os.PathLike[str] | bytes | Document | pa.Table"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTable:
    """A table with its name, whether all its cells are texts, and the lines that were rejected."""

    name: str
    table: pa.Table
    from_text: bool
    problems: tuple[Problem, ...] = ()


def open_table(source: TableSource, name: str, limits: Limits | None = None) -> OpenTable:
    """Return a table from a path, its bytes, or a table in memory.

    Raises
    ------
    UnreadableRecord
        When it is not a CSV, Parquet or Arrow table, or when it is an Arrow file: Arrow follows the offsets in such a
        file without a check, so a forged file can read memory of this process or crash it.
    """
    limits = limits or Limits()
    if not isinstance(source, str | os.PathLike | bytes | Document):
        return OpenTable(name=name, table=source, from_text=False)
    if isinstance(source, str | os.PathLike) and _is_parquet(Path(source)):
        return OpenTable(name=Path(source).name, table=_read_parquet(source, Path(source).name), from_text=False)
    if isinstance(source, bytes):
        source = Document(name=name, content=source)
    document = source if isinstance(source, Document) else open_document(source, limits)
    if document.content[:6] == ARROW_MARK:
        raise UnreadableRecord("table.arrow_file", name=document.name)
    if document.content[:4] == PARQUET_MARK:
        return OpenTable(name=document.name, table=_read_parquet_content(document, limits), from_text=False)
    return _read_csv(document)


def column_names(opened: OpenTable) -> list[str]:
    """Return the column names, which must be unique.

    Raises
    ------
    FieldError
        When two columns have the same name.
    """
    names = [str(name) for name in opened.table.column_names]
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise FieldError("table.column_twice", field=repeated[0], name=opened.name, column=repeated[0])
    return names


def _is_parquet(path: Path) -> bool:
    """Return whether a path is a Parquet file, by its first bytes."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == PARQUET_MARK
    except (OSError, ValueError):
        return False


def _read_parquet_content(document: Document, limits: Limits) -> pa.Table:
    """Return a Parquet table after a check of its size in memory."""
    import pyarrow as pa  # noqa: PLC0415 - slow to load; records are read without Arrow

    from valuation.ingest.tables.parquet_size import refuse_expanding  # noqa: PLC0415 - see above

    refuse_expanding(document, limits)
    return _read_parquet(pa.BufferReader(document.content), document.name)


def _read_parquet(source: object, name: str) -> pa.Table:
    """Return a Parquet table."""
    import pyarrow as pa  # noqa: PLC0415 - see above
    from pyarrow import parquet  # noqa: PLC0415 - see above

    try:
        return parquet.read_table(source)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableRecord("table.damaged", name=name, reason=str(error)[:120]) from error


def _read_csv(document: Document) -> OpenTable:
    """Return a CSV table with all cells as texts; types are never inferred from the first rows."""
    import pyarrow as pa  # noqa: PLC0415 - see above
    from pyarrow import csv as arrow_csv  # noqa: PLC0415 - see above

    text = decode_text(document, chinese=True)
    header = re.split(r"\r\n|\r|\n", text, maxsplit=1)[0]
    delimiter = max(",\t;", key=header.count)
    try:
        names = next(csv.reader([header], delimiter=delimiter), [])
    except csv.Error:
        names = []
    if not any(name.strip() for name in names) or "\0" in text[:4096]:
        raise UnreadableRecord("table.not_a_table", name=document.name)
    problems: list[Problem] = []

    def reject_row(row: InvalidRow) -> str:
        error = UnreadableRecord("table.cells", cells=row.actual_columns, wanted=row.expected_columns)
        where = Message("file.line", name=document.name, number=row.number)
        problems.append(Problem(where=where, battery_code=None, error=error))
        return "skip"

    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(text.encode()),
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, invalid_row_handler=reject_row
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in names}, strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, UnicodeError) as error:
        raise UnreadableRecord(
            "table.not_a_table_because", hint="table.not_a_table.hint", name=document.name, reason=str(error)[:120]
        ) from error
    return OpenTable(name=document.name, table=table, from_text=True, problems=tuple(problems))
