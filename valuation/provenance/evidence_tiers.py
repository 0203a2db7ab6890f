"""Evidence tier and the trust grade for completeness, before findings (证据等级, 溯源等级)."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.condition.age_and_use import DAYS_PER_YEAR
from valuation.condition.readings import source_code, source_of_events, states_health
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.provenance.check_context import CheckContext

LAB_YEARS: Final = 2.0
"""Time for which a laboratory test counts as tier T4; judged: a pack loses 2 to 5 points in it. [a]"""
LAB_LAPSED_YEARS: Final = 4.0
"""Age up to which it then counts as T3. [a]"""
QUICK_YEARS: Final = 1.5
"""Time for which a quick test or certificate counts as tier T3. [a]"""
USAGE_YEARS: Final = 3.0
"""Time for which a usage summary, a BMS reading or an older test counts as tier T2; then the pack is T1. [a]"""

_USAGE_FACTS: Final = ("full_cycles", "energy_throughput_kwh", "charge_throughput_ah", "odometer_km")


def evidence_tier(context: CheckContext) -> FloatArray:
    """Return the evidence tier from evidence that is not outdated: 0 code alone to 4 laboratory test. [1]"""
    cases = context.cases
    age = (context.as_of_event - cases.events["on_day"]) / DAYS_PER_YEAR
    source, stated = source_of_events(cases), states_health(cases)
    lab = stated & (source == source_code("lab_test"))
    quick = stated & ((source == source_code("quick_test")) | (source == source_code("certificate")))
    reports_use = np.zeros(len(cases.row), dtype=bool)
    for name in _USAGE_FACTS:
        reports_use[cases.known(name)] = True
    used = (reports_use & cases.is_type("usage")) | stated
    tier = np.where(cases.counted > 0.0, 1.0, 0.0)
    steps: tuple[tuple[float, BoolArray], ...] = (
        (2.0, used & (age <= USAGE_YEARS)),
        (3.0, (quick & (age <= QUICK_YEARS)) | (lab & (age <= LAB_LAPSED_YEARS))),
        (4.0, lab & (age <= LAB_YEARS)),
    )
    for reached, where in steps:
        tier = np.where(cases.count(where) > 0.0, reached, tier)
    return tier


def completeness_grade(context: CheckContext, tier: FloatArray) -> FloatArray:
    """Return the grade for completeness: A with modules, first use and a test; B with first use; else C. [1]"""
    complete = ~np.isnan(context.first_day("installed", "sold", "swapped_in"))
    full = complete & (tier >= 3.0) & ~np.isnan(context.cases.packs["module_count"])
    return np.where(full, 0.0, np.where(complete, 1.0, 2.0))
