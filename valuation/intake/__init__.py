"""The porch (数据入口): the one place where foreign records become histories, tables and quotes.

Trace records in JSON and JSONL, tables in CSV and Parquet, battery passports of three families; English and
Chinese names. What is wrong is refused with the field, the value and the way out; what is odd is accepted with a note.
"""

from __future__ import annotations

from valuation.intake.digest import input_digest, write_trace
from valuation.intake.documents import Document, Limits
from valuation.intake.notes import IntakeNote, Problem
from valuation.intake.quotes import read_market
from valuation.intake.readings import join_traces
from valuation.intake.tables import TableTraces, read_tables
from valuation.intake.traces import Traces, read_passport, read_passports, read_trace

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
