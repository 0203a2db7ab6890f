"""Checks on the order and completeness of a pack's life (时序核验), family T."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray, chosen, coalesce, count, highest, successive
from valuation.provenance.check import Check, Evidence
from valuation.provenance.check_context import DAYS_PER_MONTH, LEAVING, CheckContext, at_least_one, found
from valuation.record.fields import DUTIES, EVENT_TYPES, REPORTER_KINDS

ORDER_TOLERANCE_DAYS: Final = 3.0  # judged: within a week the order of records is not reliable
LONG_GAP_DAYS: Final = 540.0  # judged: a year and a half without an event, as yearly inspections are usual
CODE_DATE_TOLERANCE_DAYS: Final = 60.0  # judged; 17 days between code and report were seen on a real record
SCRAPPED_WITHOUT_PACK_DAYS: Final = 60.0  # judged: 15 working days to report the removal, plus a month
LONG_STORAGE_DAYS: Final = 365.0  # judged
HOLIDAY_DAYS: Final = 10.0  # two long holiday weeks, added to working days times 7/5

DEADLINE_WORKING_DAYS: Final = {
    "installed": 15.0,
    "sold": 30.0,
    "maintained": 30.0,
    "collected_in": 30.0,
    "collected_out": 30.0,
    "vehicle_scrapped": 15.0,
    "removed": 15.0,
    "second_life_out": 15.0,
    "recycled_in": 30.0,
    "recycled_done": 30.0,
}
"""Reporting deadlines of the 2018 traceability rules, for events from :data:`RULES_2018_DAY` until the day before
:data:`MEASURES_2026_DAY`. Those of the 2026 measures are not published in a readable form, and no deadline is judged by
rules that are not in force on the day of the event. [working days]"""
RULES_2018_DAY: Final = 17744.0
"""2018-08-01: interim rules for traceability (MIIT notice 2018 No. 35) in force. [days since 1970-01-01]"""
MEASURES_2026_DAY: Final = 20544.0
"""2026-04-01: interim measures of 2025-12-31 in force, which replace the rules of 2018. A scrapped vehicle without its
battery is incomplete from this day, except for battery-swap models. [days since 1970-01-01]"""

ALLOWED_REPORTERS: Final = {
    "produced": ("battery_maker", "importer", "vehicle_maker", "swap_operator"),
    "recycled_in": ("recycler", "dismantler"),
    "recycled_done": ("recycler",),
    "vehicle_scrapped": ("dismantler", "vehicle_maker", "service_outlet"),
    "swapped_in": ("swap_operator", "vehicle_maker"),
    "swapped_out": ("swap_operator", "vehicle_maker"),
    "dismantled": ("dismantler", "recycler", "repair_shop", "service_outlet"),
}
"""Kinds of enterprises that may report an event, for events that not every kind may report."""

_DEADLINE_DAYS: Final = np.array(
    [DEADLINE_WORKING_DAYS.get(name, np.inf) * 7.0 / 5.0 + HOLIDAY_DAYS for name in EVENT_TYPES]
)
_MAY_REPORT: Final = np.array(
    [[kind in ALLOWED_REPORTERS.get(name, REPORTER_KINDS) for kind in REPORTER_KINDS] for name in EVENT_TYPES]
)

STAGES: Final = (
    ("produced",),
    ("installed",),
    LEAVING,
    ("collected_in",),
    ("dismantled",),
    ("recycled_in",),
    ("recycled_done",),
)
"""Stages of a life in order, by the first event of each; a sale to the vehicle maker may come before the first."""


def wrong_order(context: CheckContext) -> FloatArray:
    """Return the days by which a stage comes before its predecessor. [d]"""
    latest = context.nameplate.made_day
    worst = np.zeros(context.rows)
    for stage in STAGES:
        day = context.first_day(*stage)
        worst = np.maximum(worst, np.where(latest - day > 0.0, latest - day, 0.0))
        latest = np.where(np.isnan(latest) | (day > latest), coalesce(day, latest), latest)
    return found(worst > ORDER_TOLERANCE_DAYS, worst)


def long_gap(context: CheckContext) -> FloatArray:
    """Return the longest time without an event while in service. [months]"""
    cases = context.cases
    now, before = cases.pairs("on_day")
    row, day = cases.row[now], cases.events["on_day"]
    left = coalesce(context.first_day(*LEAVING), cases.as_of_day)
    gap = chosen(day[now] <= left[row], day[now] - day[before])
    silence = highest(row, gap, cases.rows)
    return found(silence > LONG_GAP_DAYS, silence / DAYS_PER_MONTH)


def late_reports(context: CheckContext) -> FloatArray:
    """Return the number of events reported after the deadline of the rules in force on their day. [1]"""
    cases = context.cases
    on_day = cases.events["on_day"]
    ruled = (on_day >= RULES_2018_DAY) & (on_day < MEASURES_2026_DAY)
    later = ((context.reporting_days > HOLIDAY_DAYS) & ruled).nonzero()[0]  # no deadline is shorter
    allowed = _DEADLINE_DAYS[cases.events["type"][later].astype(np.int64)]
    return at_least_one(count(cases.row[later], context.reporting_days[later] > allowed, cases.rows))


def two_vehicles(context: CheckContext) -> FloatArray:
    """Return how often the pack appears in another vehicle without having left the previous one. [1]"""
    cases = context.cases
    left_so_far = np.cumsum(cases.is_type(*LEAVING, "swapped_out", "collected_in", "collected_out"))
    with_vin, vin = cases.known("vin"), cases.events["vin"]
    entering = with_vin[cases.is_type("installed", "sold", "owner_changed")[with_vin]]
    now, before = successive(cases.row, entering)
    moved = (vin[now] != vin[before]) & (left_so_far[now] == left_so_far[before])
    return at_least_one(count(cases.row[now], moved, cases.rows))


def scrapped_without_pack(context: CheckContext) -> FloatArray:
    """Return the days since the vehicle was scrapped without a later record of the pack. [d]

    The vehicle of a swapped pack may be scrapped without it under the measures of 2026.
    """
    scrapped = context.last_day("vehicle_scrapped")
    since = context.cases.as_of_day - scrapped
    swapped = context.cases.packs["duty"] == float(DUTIES.index("swap"))
    excepted = (swapped | ~np.isnan(context.last_day("swapped_in", "swapped_out"))) & (scrapped >= MEASURES_2026_DAY)
    seen = context.last_day("removed", "collected_in", "collected_out", "dismantled", "recycled_in", "second_life_out")
    return found((since > SCRAPPED_WITHOUT_PACK_DAYS) & np.isnan(seen) & ~excepted, since)


def wrong_reporter(context: CheckContext) -> FloatArray:
    """Return the number of events reported by a kind of enterprise that may not report them. [1]"""
    cases = context.cases
    named = cases.known("reporter_kind")
    kind, reporter = cases.events["type"][named], cases.events["reporter_kind"][named]
    may = _MAY_REPORT[kind.astype(np.int64), reporter.astype(np.int64)]
    return at_least_one(count(cases.row[named], ~may, cases.rows))


def two_production_dates(context: CheckContext) -> FloatArray:
    """Return the days between the production date in the code and the declared one. [d]"""
    apart = np.abs(context.cases.packs["made_day"] - context.code["made_day"])
    return found(apart > CODE_DATE_TOLERANCE_DAYS, apart)


def no_reason(context: CheckContext) -> FloatArray:
    """Return the number of retirements if none states a reason. [1]"""
    cases = context.cases
    retired = cases.is_type("retired")
    return found(
        (cases.count(retired) > 0.0) & (cases.count(retired & ~np.isnan(cases.events["reason"])) == 0.0),
        cases.count(retired),
    )


def long_storage(context: CheckContext) -> FloatArray:
    """Return the time since the pack left its vehicle. [months]"""
    stored = context.cases.as_of_day - context.last_day(*LEAVING)
    again = context.last_day("installed", "swapped_in") > context.last_day(*LEAVING)
    return found((stored > LONG_STORAGE_DAYS) & ~again, stored / DAYS_PER_MONTH)


def dismantled(context: CheckContext) -> FloatArray:
    """Return the time since the pack was dismantled. [d]"""
    return context.cases.as_of_day - context.last_day("dismantled")


def at_recycler(context: CheckContext) -> FloatArray:
    """Return the time since the pack arrived at a recycler. [d]"""
    return context.cases.as_of_day - context.last_day("recycled_in")


def second_life_made(context: CheckContext) -> FloatArray:
    """Return the time since the pack became a second-life product with another code. [d]"""
    return context.cases.as_of_day - context.last_day("second_life_out")


def declared_waste(context: CheckContext) -> FloatArray:
    """Return 1 if the record or passport gives the status waste. [1]"""
    return context.with_status("waste")


def declared_second_use(context: CheckContext) -> FloatArray:
    """Return 1 if the record or passport gives the status repurposed. [1]"""
    return context.with_status("repurposed")


def no_first_use(context: CheckContext) -> FloatArray:
    """Return the number of events if none reports the first use. [1]"""
    cases = context.cases
    events = cases.counted
    return found((events > 0.0) & np.isnan(context.first_day("installed", "sold", "swapped_in")), events)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="T01",
        function=wrong_order,
        severity="warn",
        widen=1.15,
        grade="D",
    ),
    Check(
        id="T03",
        function=long_gap,
        severity="info",
        widen=1.05,
        grade="C",
    ),
    Check(
        id="T04",
        function=late_reports,
        severity="info",
        grade="B",
    ),
    Check(
        id="T05",
        function=two_vehicles,
        severity="block",
        widen=1.30,
        blocks=("reuse", "second_life"),
        evidence=Evidence(event_fields=("vin",)),
        grade="D",
    ),
    Check(
        id="T07",
        function=scrapped_without_pack,
        severity="warn",
        widen=1.10,
        grade="C",
    ),
    Check(
        id="T09",
        function=wrong_reporter,
        severity="warn",
        widen=1.05,
        grade="C",
    ),
    Check(
        id="T10",
        function=two_production_dates,
        severity="warn",
        widen=1.10,
        grade="D",
    ),
    Check(
        id="T11",
        function=no_reason,
        severity="info",
    ),
    Check(
        id="T12",
        function=long_storage,
        severity="info",
        widen=1.05,
    ),
    Check(
        id="T13",
        function=dismantled,
        severity="block",
        widen=1.05,
        blocks=("reuse", "second_life"),
        evidence=Evidence(event_types=("dismantled",)),
    ),
    Check(
        id="T14",
        function=at_recycler,
        severity="block",
        blocks=("reuse", "second_life"),
        evidence=Evidence(event_types=("recycled_in",)),
    ),
    Check(
        id="T15",
        function=second_life_made,
        severity="block",
        widen=1.10,
        blocks=("reuse",),
        evidence=Evidence(event_types=("second_life_out",)),
        grade="C",
    ),
    Check(
        id="T17",
        function=declared_waste,
        severity="block",
        widen=1.05,
        blocks=("reuse", "second_life"),
        evidence=Evidence(pack_fields=("life_cycle_status",)),
        grade="C",
    ),
    Check(
        id="T18",
        function=declared_second_use,
        severity="block",
        widen=1.10,
        blocks=("reuse",),
        evidence=Evidence(pack_fields=("life_cycle_status",)),
        grade="C",
    ),
    Check(
        id="T16",
        function=no_first_use,
        severity="info",
        widen=1.02,
        grade="C",
    ),
)
