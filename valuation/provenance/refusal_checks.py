"""Packs that must not be valued (拒绝评估): recycled already, not made yet, or neither a valid code nor a nameplate."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.provenance.check import Check
from valuation.provenance.check_context import CheckContext, found

SLIP_DAYS: Final = 31.0
"""A production date so far ahead may be a slip of the pen; one further ahead leaves nothing to value. [d]"""


def recycled(record: CheckContext) -> FloatArray:
    """Return for how many days the pack has been recycled. [d]"""
    return record.cases.as_of_day - record.last_day("recycled_done")


def alive_after_recycling(record: CheckContext) -> FloatArray:
    """Return how many events are dated after the pack was recycled. [1]"""
    cases = record.cases
    ended = record.first_day("recycled_done")[cases.row]
    after = cases.count((cases.events["on_day"] > ended) & ~cases.is_type("recycled_done"))
    return found(after > 0.0, after)


def nothing_to_go_by(record: CheckContext) -> FloatArray:
    """Return 1 where there is neither a valid code nor chemistry and rated energy. [1]"""
    packs = record.cases.packs
    energy = ~np.isnan(packs["rated_energy_kwh"]) | ~np.isnan(packs["rated_capacity_ah"] * packs["nominal_voltage_v"])
    return found((record.code["valid"] != 1.0) & (np.isnan(packs["chemistry"]) | ~energy))


def not_yet_made(record: CheckContext) -> FloatArray:
    """Return how long after the valuation day the pack is said to be made, where no valid code says otherwise. [d]"""
    ahead = record.cases.packs["made_day"] - record.cases.as_of_day
    return found((ahead > SLIP_DAYS) & (record.code["valid"] != 1.0), ahead)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="R01",
        function=recycled,
        severity="block",
        refuses=True,
        message_en="The pack was recycled {value:.0f} days before the valuation day: there is nothing left to value.",
        message_zh="该电池已于评估基准日前{value:.0f}天完成再生利用，不再具有可评估对象。",
        way_out="check the battery code, or choose a valuation day before the recycling",
    ),
    Check(
        id="T02",
        function=alive_after_recycling,
        severity="block",
        refuses=True,
        message_en="{value:.0f} event(s) are dated after the pack was recycled: a code used twice, or a false record.",
        message_zh="电池完成再生利用后仍有{value:.0f}条记录，存在一码多用或虚假记录。",
        way_out="find out which pack carries the code before anybody trades it",
    ),
    Check(
        id="R02",
        function=nothing_to_go_by,
        severity="block",
        refuses=True,
        message_en="There is neither a valid battery code nor a nameplate (chemistry and rated energy).",
        message_zh="既无有效电池编码，也无铭牌信息（电池类型与额定能量）。",
        way_out="correct the code, or give chemistry and rated_energy_kwh",
    ),
    Check(
        id="R03",
        function=not_yet_made,
        severity="block",
        refuses=True,
        message_en="The pack is dated {value:.0f} days after the valuation day: there is nothing to value yet.",
        message_zh="申报的生产日期晚于评估基准日{value:.0f}天，尚无可评估对象。",
        way_out="correct made_on, or choose a later valuation day",
    ),
)
