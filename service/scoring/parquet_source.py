"""The Parquet files of a fleet: opened, checked and read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet

from service.scoring.code_join_key import code_column
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

    @property
    def schema(self) -> pa.Schema:
        """The columns of the file."""
        return _opened(self.path).schema_arrow

    def batches(
        self, rows: int, groups: Sequence[int] | None = None, columns: Sequence[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of the file, or of some of its row groups, in batches of at most the given size.

        Raises
        ------
        UnreadableRecord
            If the file is damaged.
        """
        file = _opened(self.path)
        try:
            yield from file.iter_batches(batch_size=rows, row_groups=groups, columns=columns, use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self.path, error) from error

    def identity(self) -> str:
        """Return a text that changes with the file: size, time, and hash of its end, which has the footer."""
        facts = self.path.stat()
        with self.path.open("rb") as stream:
            stream.seek(max(0, facts.st_size - _TAIL))
            tail = hashlib.sha256(stream.read()).hexdigest()
        return f"{facts.st_size}:{facts.st_mtime_ns}:{tail}"


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
        raise FieldError("fleet.events_first", field="PACKS", path=path)
    codes = code_column(names, name)
    if pa.types.is_dictionary(file.schema_arrow.field(codes).type):
        raise FieldError("fleet.category", field=codes, path=path, column=codes)
    return Source(path=path, codes=codes, rows=facts.num_rows, groups=facts.num_row_groups)


def _opened(path: Path) -> parquet.ParquetFile:
    try:
        return parquet.ParquetFile(path, pre_buffer=False, memory_map=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> UnreadableRecord:
    return UnreadableRecord("fleet.bad_parquet", path=path, reason=str(error)[:120])
