"""Tests of the benchmark of record reading: its three spellings are one record."""

from benchmarks.record_reading import records
from valuation.ingest import read_trace


def test_the_spellings_are_one_record():
    canonical, chinese, unknown = (read_trace(content).histories[0] for content in records().values())
    assert chinese == canonical
    assert unknown.events == canonical.events
    assert unknown.extras == {"remark_of_the_yard": "shelf 4"}
