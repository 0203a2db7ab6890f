"""The porch (数据入口): the one place where foreign records become histories, tables and quotes.

Trace records in JSON and JSONL, tables in CSV and Parquet, battery passports of three families; English and
Chinese names. What is wrong is refused with the field, the value and the way out; what is odd is accepted with a note.
Reading of tables is imported when first named (PEP 562): it needs Arrow, which loads as long as numpy does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from valuation.intake.digest import input_digest, write_trace
from valuation.intake.documents import Document, Limits
from valuation.intake.notes import IntakeNote, Problem
from valuation.intake.quotes import read_market
from valuation.intake.readings import join_traces
from valuation.intake.traces import Traces, read_passport, read_passports, read_trace

if TYPE_CHECKING:
    from valuation.intake.tables import TableTraces, read_tables

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
        from valuation.intake import tables  # noqa: PLC0415 - see the module's first lines

        return getattr(tables, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
