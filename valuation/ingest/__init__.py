"""Ingestion (数据入口): trace records, tables, battery passports and quotes, validated and normalised.

Sources: trace records in JSON and JSONL, tables in CSV and Parquet, battery passports of three families, with English
or Chinese names. An invalid value is refused with its field, its value and a hint; a normalised value is accepted with
a note. Reading of tables is imported on first use (PEP 562), because Arrow takes as long to load as numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from valuation.ingest.canonical_json import input_digest, write_trace
from valuation.ingest.decode_bytes import Document, Limits
from valuation.ingest.given_facts import GivenFacts, read_given
from valuation.ingest.notes import IntakeNote, RecordProblem
from valuation.ingest.quotes.read_market import read_market
from valuation.ingest.read_traces import Traces, read_passport, read_passports, read_trace
from valuation.ingest.trace_set import join_traces

if TYPE_CHECKING:
    from valuation.ingest.tables.trace_tables import TableTraces, read_tables

__all__ = [
    "Document",
    "GivenFacts",
    "IntakeNote",
    "Limits",
    "RecordProblem",
    "TableTraces",
    "Traces",
    "input_digest",
    "join_traces",
    "read_given",
    "read_market",
    "read_passport",
    "read_passports",
    "read_tables",
    "read_trace",
    "write_trace",
]


def __getattr__(name: str) -> object:
    if name in {"TableTraces", "read_tables"}:
        return getattr(import_module("valuation.ingest.tables.trace_tables"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
