"""Value traction batteries from their traced histories (残值评估): pure functions on columns, without input or output.

The public functions are imported on first access (PEP 562), so that importing one subpackage does not load the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from valuation.appraisal import appraise, appraise_many
    from valuation.ingest import read_market, read_tables, read_trace, write_trace

_HOMES = {
    "appraise": "valuation.appraisal",
    "appraise_many": "valuation.appraisal",
    "read_market": "valuation.ingest",
    "read_tables": "valuation.ingest",
    "read_trace": "valuation.ingest",
    "write_trace": "valuation.ingest",
}

__all__ = ["appraise", "appraise_many", "read_market", "read_tables", "read_trace", "write_trace"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
