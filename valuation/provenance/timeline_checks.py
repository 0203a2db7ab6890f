"""Checks on the order and the completeness of a pack's life (时序核验), family T."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray, chosen, coalesce, count, highest, successive
from valuation.provenance.check import Check, Evidence
from valuation.provenance.check_context import DAYS_PER_MONTH, LEAVING, CheckContext, at_least_one, found
from valuation.record.fields import EVENT_TYPES, REPORTER_KINDS

ORDER_TOLERANCE_DAYS: Final = 3.0  # judged: records of one week stand in any order
LONG_GAP_DAYS: Final = 540.0  # judged: a year and a half without a word, yearly inspections being usual
CODE_DATE_TOLERANCE_DAYS: Final = 60.0  # judged; 17 days between code and report were seen on a real record
SCRAPPED_WITHOUT_PACK_DAYS: Final = 60.0  # judged: 15 working days to report the removal, and a month of grace
LONG_STORAGE_DAYS: Final = 365.0  # judged
HOLIDAY_DAYS: Final = 10.0  # working days become calendar days by 7/5, and the two long holiday weeks may fall within

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
"""Reporting deadlines of the 2018 traceability rules (those of the 2026 measures were not readable). [working days]"""

ALLOWED_REPORTERS: Final = {
    "produced": ("battery_maker", "importer", "vehicle_maker", "swap_operator"),
    "recycled_in": ("recycler", "dismantler"),
    "recycled_done": ("recycler",),
    "vehicle_scrapped": ("dismantler", "vehicle_maker", "service_outlet"),
    "swapped_in": ("swap_operator", "vehicle_maker"),
    "swapped_out": ("swap_operator", "vehicle_maker"),
    "dismantled": ("dismantler", "recycler", "repair_shop", "service_outlet"),
}
"""Who may report an event, where not everybody may (the six kinds of reporting enterprises, by their trade)."""

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
"""Stages of a life in their order, by the first event of each; a sale to the vehicle maker may precede the first."""


def wrong_order(record: CheckContext) -> FloatArray:
    """Return by how many days a stage of the life comes before the one that must precede it. [d]"""
    latest = record.nameplate.made_day
    worst = np.zeros(record.rows)
    for stage in STAGES:
        day = record.first_day(*stage)
        worst = np.maximum(worst, np.where(latest - day > 0.0, latest - day, 0.0))
        latest = np.where(np.isnan(latest) | (day > latest), coalesce(day, latest), latest)
    return found(worst > ORDER_TOLERANCE_DAYS, worst)


def long_gap(record: CheckContext) -> FloatArray:
    """Return the longest silence between two events of the pack's service. [months]"""
    cases = record.cases
    now, before = cases.pairs("on_day")
    row, day = cases.row[now], cases.events["on_day"]
    left = coalesce(record.first_day(*LEAVING), cases.as_of_day)
    gap = chosen(day[now] <= left[row], day[now] - day[before])
    silence = highest(row, gap, cases.rows)
    return found(silence > LONG_GAP_DAYS, silence / DAYS_PER_MONTH)


def late_reports(record: CheckContext) -> FloatArray:
    """Return how many events were reported after their deadline. [1]"""
    cases = record.cases
    later = (record.reporting_days > HOLIDAY_DAYS).nonzero()[0]  # no deadline is shorter
    allowed = _DEADLINE_DAYS[cases.events["type"][later].astype(np.int64)]
    return at_least_one(count(cases.row[later], record.reporting_days[later] > allowed, cases.rows))


def two_vehicles(record: CheckContext) -> FloatArray:
    """Return how often the pack turns up in another vehicle without having left the one before. [1]"""
    cases = record.cases
    left_so_far = np.cumsum(cases.is_type(*LEAVING, "swapped_out", "collected_in", "collected_out"))
    told, vin = cases.known("vin"), cases.events["vin"]
    entering = told[cases.is_type("installed", "sold", "owner_changed")[told]]
    now, before = successive(cases.row, entering)
    moved = (vin[now] != vin[before]) & (left_so_far[now] == left_so_far[before])
    return at_least_one(count(cases.row[now], moved, cases.rows))


def scrapped_without_pack(record: CheckContext) -> FloatArray:
    """Return for how many days the vehicle has been scrapped with nothing said of the pack. [d]"""
    since = record.cases.as_of_day - record.last_day("vehicle_scrapped")
    seen = record.last_day("removed", "collected_in", "collected_out", "dismantled", "recycled_in", "second_life_out")
    return found((since > SCRAPPED_WITHOUT_PACK_DAYS) & np.isnan(seen), since)


def wrong_reporter(record: CheckContext) -> FloatArray:
    """Return how many events were reported by a kind of enterprise that cannot report them. [1]"""
    cases = record.cases
    named = cases.known("reporter_kind")
    kind, reporter = cases.events["type"][named], cases.events["reporter_kind"][named]
    may = _MAY_REPORT[kind.astype(np.int64), reporter.astype(np.int64)]
    return at_least_one(count(cases.row[named], ~may, cases.rows))


def two_production_dates(record: CheckContext) -> FloatArray:
    """Return how many days lie between the code's production date and the declared one. [d]"""
    apart = np.abs(record.cases.packs["made_day"] - record.code["made_day"])
    return found(apart > CODE_DATE_TOLERANCE_DAYS, apart)


def no_reason(record: CheckContext) -> FloatArray:
    """Return how many retirements there are, none of which gives its reason. [1]"""
    cases = record.cases
    retired = cases.is_type("retired")
    return found(
        (cases.count(retired) > 0.0) & (cases.count(retired & ~np.isnan(cases.events["reason"])) == 0.0),
        cases.count(retired),
    )


def long_storage(record: CheckContext) -> FloatArray:
    """Return how long the pack has been out of its vehicle. [months]"""
    stored = record.cases.as_of_day - record.last_day(*LEAVING)
    again = record.last_day("installed", "swapped_in") > record.last_day(*LEAVING)
    return found((stored > LONG_STORAGE_DAYS) & ~again, stored / DAYS_PER_MONTH)


def dismantled(record: CheckContext) -> FloatArray:
    """Return for how many days the pack has been taken apart. [d]"""
    return record.cases.as_of_day - record.last_day("dismantled")


def at_recycler(record: CheckContext) -> FloatArray:
    """Return for how many days the pack has been in a recycler's hands. [d]"""
    return record.cases.as_of_day - record.last_day("recycled_in")


def second_life_made(record: CheckContext) -> FloatArray:
    """Return for how many days the pack has been a second-life product under another code. [d]"""
    return record.cases.as_of_day - record.last_day("second_life_out")


def no_first_use(record: CheckContext) -> FloatArray:
    """Return how many events there are where none tells of the first use. [1]"""
    cases = record.cases
    events = cases.counted
    return found((events > 0.0) & np.isnan(record.first_day("installed", "sold", "swapped_in")), events)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="T01",
        function=wrong_order,
        severity="warn",
        widen=1.15,
        grade="D",
        message_en="The life is out of order: a later stage is dated {value:.0f} days before an earlier one.",
        message_zh="溯源时序颠倒：后续环节早于前序环节{value:.0f}天。",
    ),
    Check(
        id="T03",
        function=long_gap,
        severity="info",
        widen=1.05,
        grade="C",
        message_en="{value:.0f} months without any event while in service.",
        message_zh="服役期间有{value:.0f}个月无任何记录。",
    ),
    Check(
        id="T04",
        function=late_reports,
        severity="info",
        grade="B",
        message_en="{value:.0f} event(s) were reported after their deadline.",
        message_zh="有{value:.0f}条记录超过规定时限上报。",
    ),
    Check(
        id="T05",
        function=two_vehicles,
        severity="block",
        widen=1.30,
        blocks=("reuse", "second_life"),
        evidence=Evidence(event_fields=("vin",)),
        grade="D",
        message_en="The pack turns up in another vehicle {value:.0f} time(s) without having left the one before.",
        message_zh="电池有{value:.0f}次未离开原车即出现在另一车辆。",
    ),
    Check(
        id="T07",
        function=scrapped_without_pack,
        severity="warn",
        widen=1.10,
        grade="C",
        message_en="The vehicle was scrapped {value:.0f} days ago and nothing is said of the pack since.",
        message_zh="车辆已报废{value:.0f}天，此后无电池去向记录。",
    ),
    Check(
        id="T09",
        function=wrong_reporter,
        severity="warn",
        widen=1.05,
        grade="C",
        message_en="{value:.0f} event(s) were reported by a kind of enterprise that cannot report them.",
        message_zh="有{value:.0f}条记录的上报单位类型与环节不符。",
    ),
    Check(
        id="T10",
        function=two_production_dates,
        severity="warn",
        widen=1.10,
        grade="D",
        message_en="The production date in the code and the declared one lie {value:.0f} days apart.",
        message_zh="编码生产日期与申报生产日期相差{value:.0f}天。",
    ),
    Check(
        id="T11",
        function=no_reason,
        severity="info",
        message_en="Retired without a reason given.",
        message_zh="退役记录未注明原因。",
    ),
    Check(
        id="T12",
        function=long_storage,
        severity="info",
        widen=1.05,
        message_en="Out of its vehicle for {value:.0f} months: it has aged in storage since.",
        message_zh="离车存放已{value:.0f}个月，期间存在日历老化。",
    ),
    Check(
        id="T13",
        function=dismantled,
        severity="block",
        widen=1.05,
        blocks=("reuse", "second_life"),
        evidence=Evidence(event_types=("dismantled",)),
        message_en="Taken apart {value:.0f} days ago: as a pack only its material is left.",
        message_zh="已于{value:.0f}天前拆解，作为电池包仅剩材料价值。",
    ),
    Check(
        id="T14",
        function=at_recycler,
        severity="block",
        blocks=("reuse", "second_life"),
        evidence=Evidence(event_types=("recycled_in",)),
        message_en="In a recycler's hands for {value:.0f} days: only recycling is open.",
        message_zh="已进入再生利用企业{value:.0f}天，仅可再生利用。",
    ),
    Check(
        id="T15",
        function=second_life_made,
        severity="block",
        widen=1.10,
        blocks=("reuse",),
        evidence=Evidence(event_types=("second_life_out",)),
        grade="C",
        message_en="Made into a second-life product {value:.0f} days ago: value that product by its own code.",
        message_zh="已于{value:.0f}天前制成梯次利用产品，应按新编码评估。",
    ),
    Check(
        id="T16",
        function=no_first_use,
        severity="info",
        widen=1.02,
        grade="C",
        message_en="None of the {value:.0f} event(s) tells when the pack went into use.",
        message_zh="{value:.0f}条记录中无装车或销售信息。",
    ),
)
