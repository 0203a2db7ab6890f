"""All checks in one table, and those of the trade's list that one pack's own record cannot decide."""

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
"""Every check, refusals first."""

IDS: Final = tuple(check.id for check in CHECKS)

ELSEWHERE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "C04": "vendor codes are not public: no register to look one up in",
        "C05": "spec codes are filed by the makers and not public",
        "H02": "needs the whole batch or ledger: see valuation.provenance.hierarchy_checks.repeated_packs",
        "H05": "the number of modules of a spec is filed by the makers and not public",
        "T06": "needs the vehicle's own record",
        "T08": "the reporter's identity number is checked where the record is read; columns hold its fingerprint only",
        "P05": "a second, stamped date is no field of the trace record; T10 compares the two dates that are",
        "S04": "signatures belong to the files of a platform, not to a pack's record",
    }
)
"""Checks of the trade's list that are not decided here, and why."""
