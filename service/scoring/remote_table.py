"""Parquet tables of one or more files wherever Arrow reaches them: on this machine, on HDFS, in an object store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

import pyarrow as pa
from pyarrow import fs, parquet

from service.scoring.codes import code_column
from service.scoring.source import span_of, texts_but

_REACHED = {"file": "file", "hdfs": "hdfs", "viewfs": "viewfs", "s3": "s3", "s3a": "s3", "gs": "gs", "abfss": "abfss"}
"""Kinds of places by the scheme of their URI, and what Arrow calls them."""


class OutOfReach(Exception):
    """A place that Arrow cannot read or write from here; Java, which has file systems of its own, perhaps can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One row group of a file, and the codes between which its rows lie; None where the file does not state them."""

    place: str
    number: int
    rows: int
    size: int
    span: tuple[str, str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteTable:
    """A table in one or more files of the same columns: its column of codes and its row groups."""

    codes: str
    schema: pa.Schema
    groups: tuple[Group, ...]

    def empty(self, *, texts_once: bool = False) -> pa.Table:
        """Return the table without a row, as :meth:`batches` hands it out."""
        once = texts_but(self.codes, self.schema) if texts_once else []
        fields = [
            field.with_type(pa.dictionary(pa.int32(), field.type)) if field.name in once else field
            for field in self.schema
        ]
        return pa.schema(fields).empty_table()

    def batches(
        self,
        rows: int,
        groups: Iterable[int],
        *,
        texts_once: bool = False,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the rows of some row groups, no more than so many at a time; see :meth:`Source.batches`.

        Raises
        ------
        OutOfReach
            If a file cannot be read.
        """
        once = texts_but(self.codes, self.schema) if texts_once else []
        for place, wanted in groupby((self.groups[one] for one in groups), key=attrgetter("place")):
            file = opened(place, once)
            numbers = [group.number for group in wanted]
            try:
                for batch in file.iter_batches(rows, row_groups=numbers, columns=columns, use_threads=False):
                    yield batch.replace_schema_metadata(None)
            except (pa.ArrowException, OSError) as error:
                raise OutOfReach(f"{place}: {error}") from error


def reached(place: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of a place, given as a URI, and its path there.

    Raises
    ------
    OutOfReach
        If Arrow knows no such file system, or it does not answer.
    """
    scheme, _, rest = place.partition(":")
    if scheme not in _REACHED:
        raise OutOfReach(f"{place}: Arrow knows no {scheme}")
    if scheme == "file":
        rest = f"///{rest.lstrip('/')}"  # Java writes one slash, Arrow reads three
    try:
        files, path = fs.FileSystem.from_uri(f"{_REACHED[scheme]}:{rest}")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise OutOfReach(f"{place}: {error}") from error
    return files, path


def opened(place: str, texts_once: Sequence[str] = ()) -> parquet.ParquetFile:
    """Return a Parquet file opened for reading, the texts of some columns as dictionaries.

    Raises
    ------
    OutOfReach
        If it cannot be read.
    """
    files, path = reached(place)
    once = list(texts_once)
    try:
        if isinstance(files, fs.LocalFileSystem):
            return parquet.ParquetFile(path, memory_map=True, pre_buffer=False, read_dictionary=once)
        return parquet.ParquetFile(files.open_input_file(path), pre_buffer=True, read_dictionary=once)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise OutOfReach(f"{place}: {error}") from error


def inspect_table(place: str, name: str) -> RemoteTable:
    """Return what the footer of one file tells.

    Raises
    ------
    OutOfReach
        If it cannot be read, or its codes are no texts.
    FieldError
        If it has no column of battery codes.
    """
    file = opened(place)
    schema = file.schema_arrow.remove_metadata()
    codes = code_column([str(one) for one in schema.names], name)
    if pa.types.is_dictionary(schema.field(codes).type):
        raise OutOfReach(f"{place}: the codes are stored as a category, which Java reads as texts")
    facts = file.metadata
    groups = [
        Group(
            place=place,
            number=number,
            rows=facts.row_group(number).num_rows,
            size=facts.row_group(number).total_byte_size,
            span=span_of(facts, number, codes),
        )
        for number in range(facts.num_row_groups)
    ]
    return RemoteTable(codes=codes, schema=schema, groups=tuple(groups))


def joined(tables: Sequence[RemoteTable]) -> RemoteTable | None:
    """Return the tables of several files as one; None where their columns differ."""
    first = tables[0]
    if any(not table.schema.equals(first.schema) for table in tables[1:]):
        return None
    return RemoteTable(
        codes=first.codes, schema=first.schema, groups=tuple(group for table in tables for group in table.groups)
    )


def written(table: pa.Table, place: str) -> None:
    """Write a table to a place.

    Raises
    ------
    OutOfReach
        If it cannot be written from here.
    """
    files, path = reached(place)
    try:
        parquet.write_table(table, path, filesystem=files, compression="zstd", compression_level=1)
    except (pa.ArrowException, OSError) as error:
        raise OutOfReach(f"{place}: {error}") from error
