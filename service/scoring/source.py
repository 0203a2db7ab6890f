"""The Parquet files of a fleet: opened, told apart by what they hold, and asked where which codes lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from service.scoring.codes import code_column
from valuation.errors import FieldError, UnreadableRecord
from valuation.ingest.fields.aliases import EVENT_TABLE_SCOPE
from valuation.ingest.fields.headings import field_name

_TAIL = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A Parquet file, its column of codes and its size."""

    path: Path
    codes: str
    rows: int
    groups: int

    def open(self, *, texts_once: bool = False) -> parquet.ParquetFile:
        """Return the file opened for reading; with `texts_once` texts other than codes come as dictionaries.

        Raises
        ------
        UnreadableRecord
            If it is no Parquet file, or damaged.
        """
        file = _opened(self.path)
        if not texts_once:
            return file
        return _opened(self.path, texts_but(self.codes, file.schema_arrow))

    def batches(
        self, rows: int, groups: Sequence[int] | None = None, *, texts_once: bool = False
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the file, or of some of its row groups, no more than so many at a time.

        Raises
        ------
        UnreadableRecord
            If the file is damaged.
        """
        file = self.open(texts_once=texts_once)
        reader = file.iter_batches(batch_size=rows, row_groups=groups, use_threads=False)
        while True:
            try:
                batch = next(reader, None)
            except (pa.ArrowException, OSError) as error:
                raise _unreadable(self.path, error) from error
            if batch is None:
                return
            yield batch

    def spans(self) -> list[tuple[str, str]] | None:
        """Return the first and last code of each row group as the file states them; None unless all are stated."""
        facts = self.open().metadata
        spans = [span_of(facts, group, self.codes) for group in range(facts.num_row_groups)]
        stated = [span for span in spans if span is not None]
        return stated if len(stated) == len(spans) else None

    def identity(self) -> str:
        """Return a text that changes when the file does: size, time, and the hash of where its footer lies."""
        facts = self.path.stat()
        with self.path.open("rb") as stream:
            stream.seek(max(0, facts.st_size - _TAIL))
            tail = hashlib.sha256(stream.read()).hexdigest()
        return f"{facts.st_size}:{facts.st_mtime_ns}:{tail}"


def texts_but(codes: str, schema: pa.Schema) -> list[str]:
    """Return the columns of texts that are read as dictionaries: all but the codes."""
    return [field.name for field in schema if pa.types.is_string(field.type) and field.name != codes]


def span_of(facts: parquet.FileMetaData, group: int, codes: str) -> tuple[str, str] | None:
    """Return the first and last code of a row group as the file states them; None unless it does, for all rows."""
    names = [facts.schema.column(place).path for place in range(facts.num_columns)]
    stated = facts.row_group(group).column(names.index(codes)).statistics
    whole = stated is not None and stated.has_min_max and stated.has_null_count and not stated.null_count
    return (stated.min, stated.max) if whole and isinstance(stated.min, str) else None


def open_source(path: Path, name: str) -> Source:
    """Return a Parquet file of packs or events.

    Raises
    ------
    UnreadableRecord
        If it is no Parquet file, or damaged.
    FieldError
        If it has no column of battery codes, stores them as categories, or holds events where packs are wanted.
    """
    file = _opened(path)
    names = [str(one) for one in file.schema_arrow.names]
    facts = file.metadata
    fields = {field_name(one, EVENT_TABLE_SCOPE) for one in names}
    if name == "packs" and {"type", "on"} <= fields:
        raise FieldError(
            f"{path} holds events (columns type and on), not packs",
            hint="give the packs first, then their events",
            field="PACKS",
        )
    codes = code_column(names, name)
    if pa.types.is_dictionary(file.schema_arrow.field(codes).type):
        raise FieldError(
            f"{path} stores its column {codes} as a category, not as texts",
            hint=f'write the codes as texts: in pandas, table["{codes}"].astype(str)',
            field=codes,
        )
    return Source(path=path, codes=codes, rows=facts.num_rows, groups=facts.num_row_groups)


def _opened(path: Path, texts_once: list[str] | None = None) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(path, pre_buffer=False, memory_map=True, read_dictionary=texts_once)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UnreadableRecord:
    return UnreadableRecord(
        f"{path} is no Parquet file that can be read: {str(error)[:120]}",
        hint="give the tables packs and events as Parquet files; write a damaged one again",
    )
