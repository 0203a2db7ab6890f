from __future__ import annotations

import io
import struct

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from valuation.errors import UnreadableRecord
from valuation.ingest import read_trace

CODE, OTHER = "T01PB0A0000001A680000123", "T01PB0A0000001A680000124"


def _parquet(table):
    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="zstd", store_schema=False)
    return sink.getvalue()


def _repeated(text, times):
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(times, dtype=np.int32)), pa.array([text]))


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"battery_code": _repeated("A" * 100_000, 5000)}),
        pa.table({"battery_code": ["x"] * 5000, "remark": _repeated("A" * 100_000, 5000)}),
        pa.table(
            {
                "battery_code": ["x"],
                "modules": pa.ListArray.from_arrays(
                    pa.array([0, 5000]), pa.StructArray.from_arrays([_repeated("A" * 100_000, 5000)], ["battery_code"])
                ),
            }
        ),
        pa.table({"battery_code": _repeated("x", 40_000_000)}),
    ],
    ids=["one column", "a column nobody reads", "inside modules", "very many rows"],
)
def test_a_small_file_that_would_fill_the_memory_is_refused(table):
    content = _parquet(table)
    assert len(content) < 300_000
    with pytest.raises(UnreadableRecord, match="more than the 256000000"):
        read_trace(content)


def test_a_column_of_many_different_texts_is_accepted():
    codes = [f"T01PB0A0000001A68{number:07d}" for number in range(6000)]
    assert [
        history.battery_code for history in read_trace(_parquet(pa.table({"battery_code": codes}))).histories
    ] == codes


def test_an_arrow_file_is_refused():
    sink = io.BytesIO()
    table = pa.table({"battery_code": [CODE, OTHER]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    true, forged = struct.pack("<3i", 0, 24, 48), struct.pack("<3i", 0, 24, 60_000_000)
    with pytest.raises(UnreadableRecord, match="is an Arrow file"):  # else what lies 60 MB behind it is read as a code
        read_trace(sink.getvalue().replace(true, forged))
