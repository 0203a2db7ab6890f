"""Parquet files read as Arrow tables, after a check of their size in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from valuation.errors import UnreadableRecord
from valuation.ingest.decode_bytes import Document, Limits, check_size

_TEXT = "BYTE_ARRAY"
_NUMBER_BYTES = 8


def read_parquet_content(document: Document, limits: Limits) -> pa.Table:
    """Return a Parquet table after a check of its size in memory.

    Raises
    ------
    UnreadableRecord
        When the file is damaged, or larger than a source may be once it is read.
    """
    _refuse_expanding(document, limits)
    return read_parquet(pa.BufferReader(document.content), document.name)


def read_parquet(source: object, name: str) -> pa.Table:
    """Return a Parquet table.

    Raises
    ------
    UnreadableRecord
        When the file is damaged.
    """
    try:
        return parquet.read_table(source)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableRecord("table.damaged", name=name, reason=str(error)[:120]) from error


def _refuse_expanding(document: Document, limits: Limits) -> None:
    """Raise if a Parquet file would expand beyond the limit, before its texts are expanded.

    A few hundred bytes can expand to gigabytes of repeated text. Texts are first read as a dictionary, which is about
    as small as the file; its indices give the size of the expanded column.

    Raises
    ------
    UnreadableRecord
        When the file is damaged, or larger than a source may be once it is read.
    """
    try:
        source = pa.BufferReader(document.content)
        shape = parquet.read_metadata(source)
        # Metadata of single columns in a damaged file can crash the process, so they are not read.
        numbers = shape.num_rows * shape.num_columns * _NUMBER_BYTES
        check_size(document.name, numbers, limits)
        leaves = [shape.schema.column(place) for place in range(shape.num_columns)]
        texts = [leaf.path for leaf in leaves if leaf.physical_type == _TEXT]
        check_size(document.name, numbers + _spelled_out(source, texts), limits)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise UnreadableRecord("table.damaged", name=document.name, reason=str(error)[:120]) from error


def _spelled_out(source: pa.BufferReader, paths: list[str]) -> int:
    """Return how many bytes the text columns hold with every cell expanded."""
    total = 0
    for path in paths:  # one after the other, so that never two dictionaries are held
        source.seek(0)
        column = parquet.ParquetFile(source, read_dictionary=[path]).read(columns=[path])
        total += sum(_bytes_of(array) for chunked in column.columns for array in chunked.chunks)
    return total


def _bytes_of(array: pa.Array) -> int:
    """Return the bytes of the texts in the dictionary arrays of an array."""
    total = 0
    for inner in _dictionaries(array):
        lengths = pc.binary_length(inner.dictionary).to_numpy(zero_copy_only=False).astype(np.float64)
        used = inner.indices.drop_null().to_numpy(zero_copy_only=False)
        total += int(np.nansum(lengths[used]))
    return total


def _dictionaries(array: pa.Array) -> Iterator[pa.DictionaryArray]:
    """Yield the dictionary arrays inside an array, however deep."""
    if isinstance(array, pa.DictionaryArray):
        yield array
    elif pa.types.is_struct(array.type):
        for place in range(array.type.num_fields):
            yield from _dictionaries(array.field(place))
    elif isinstance(array, pa.MapArray):
        yield from _dictionaries(array.keys)
        yield from _dictionaries(array.items)
    elif isinstance(array, pa.ListArray | pa.LargeListArray | pa.FixedSizeListArray):
        yield from _dictionaries(array.values)
