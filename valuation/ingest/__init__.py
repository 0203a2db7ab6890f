"""The porch (数据入口): the one place where foreign records become histories, tables and quotes.

Trace records in JSON and JSONL, tables in CSV and Parquet, battery passports of three families; English and
Chinese names. What is wrong is refused with the field, the value and the way out; what is odd is accepted with a note.
Reading of tables is imported when first named (PEP 562): it needs Arrow, which loads as long as numpy does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from valuation.ingest.canonical_json import input_digest, write_trace
from valuation.ingest.decode_bytes import Document, Limits
from valuation.ingest.notes import IntakeNote, Problem
from valuation.ingest.quotes import read_market
from valuation.ingest.read_traces import Traces, read_passport, read_passports, read_trace
from valuation.ingest.trace_set import join_traces

if TYPE_CHECKING:
    from valuation.ingest.trace_tables import TableTraces, read_tables

__all__ = [
    "Document",
    "IntakeNote",
    "Limits",
    "Problem",
    "TableTraces",
    "Traces",
    "input_digest",
    "join_traces",
    "read_market",
    "read_passport",
    "read_passports",
    "read_tables",
    "read_trace",
    "write_trace",
]


def __getattr__(name: str) -> object:
    if name in {"TableTraces", "read_tables"}:
        from valuation.ingest import trace_tables  # noqa: PLC0415 - see the module's first lines

        return getattr(trace_tables, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
