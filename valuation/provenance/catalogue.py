"""All checks in one table, and the known checks that the record of a single pack cannot decide."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from valuation.provenance import (
    code_checks,
    hierarchy_checks,
    physical_checks,
    refusal_checks,
    reporter_checks,
    timeline_checks,
    usage_check_table,
)
from valuation.provenance.check import Check

CHECKS: Final[tuple[Check, ...]] = (
    *refusal_checks.CHECKS,
    *code_checks.CHECKS,
    *hierarchy_checks.CHECKS,
    *timeline_checks.CHECKS,
    *usage_check_table.CHECKS,
    *physical_checks.CHECKS,
    *reporter_checks.CHECKS,
)
"""All checks, refusals first."""

IDS: Final = tuple(check.id for check in CHECKS)

ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "C04": "there is no public register of vendor codes",
        "C05": "spec codes are not public",
        "H02": "needs all packs of a batch or ledger; the record of one pack does not show it",
        "H05": "the number of modules per spec is not public",
        "T06": "needs the record of the vehicle",
        "T08": "the reporter's identity number is checked when the record is read; columns hold its hash only",
        "P05": "the stamped date is not a field of the trace record; T10 compares the other two dates",
        "S04": "a platform signs files, not the records of packs",
    }
)
"""Known checks that are not part of :data:`CHECKS`, with the reason."""
