"""Checks on the reporters of events and the time of their reports (来源核验), family S."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.condition.readings import source_code
from valuation.numeric.columns import FloatArray, chosen, count, last, previous
from valuation.provenance.check import Check
from valuation.provenance.check_context import CheckContext, at_least_one, found

BACK_FILLED_AFTER_DAYS: Final = 180.0  # judged: far later than any deadline of the 2018 rules (30 working days)


def both_ends(context: CheckContext) -> FloatArray:
    """Return the number of hand-overs reported on both sides by the same reporter. [1]"""
    cases = context.cases
    giving, taking = cases.is_type("removed", "collected_out"), cases.is_type("collected_in", "recycled_in")
    either = (giving | taking).nonzero()[0]
    row, reporter = cases.row[either], cases.events["reporter"][either]
    giver = previous(row, chosen(giving[either], reporter))
    return at_least_one(count(row, taking[either] & (giver == reporter), cases.rows))


def health_by_owner(context: CheckContext) -> FloatArray:
    """Return 1 if the latest reading of health comes from the owner, who is the seller. [1]"""
    cases = context.cases
    reported = cases.known("soh")
    by_owner = cases.is_choice("reporter_kind", "owner")[reported].astype(np.float64)
    latest = last(cases.row[reported], by_owner, cases.rows)
    certified = context.health.source == source_code("certificate")
    return found((latest == 1.0) & ~certified)


def back_filled(context: CheckContext) -> FloatArray:
    """Return the number of events reported long after they happened. [1]"""
    cases = context.cases
    return at_least_one(cases.count(context.reporting_days > BACK_FILLED_AFTER_DAYS))


def code_before_standard(context: CheckContext) -> FloatArray:
    """Return 1 if the code is dated before coding began, so it was assigned later. [1]"""
    return found(context.code["back_filled"] == 1.0)


def nameless_reporters(context: CheckContext) -> FloatArray:
    """Return the number of events if none names its reporter. [1]"""
    cases = context.cases
    named = cases.count(~np.isnan(cases.events["reporter"]) | ~np.isnan(cases.events["reporter_kind"]))
    events = cases.counted
    return found((events > 0.0) & (named == 0.0), events)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="S01",
        function=both_ends,
        severity="warn",
        widen=1.05,
        grade="C",
    ),
    Check(
        id="S02",
        function=health_by_owner,
        severity="warn",
        widen=1.05,
        grade="C",
    ),
    Check(
        id="S03",
        function=back_filled,
        severity="info",
        widen=1.03,
        grade="C",
    ),
    Check(
        id="S05",
        function=code_before_standard,
        severity="info",
        grade="C",
    ),
    Check(
        id="S06",
        function=nameless_reporters,
        severity="info",
        grade="C",
    ),
)
