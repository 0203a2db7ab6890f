"""Checks that refuse a valuation (拒绝评估), family R: recycled, not yet made, or without code and nameplate."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray, coalesce
from valuation.provenance.check import Check
from valuation.provenance.check_context import CheckContext, found

SLIP_DAYS: Final = 31.0
"""A production date up to this far after the valuation day may be a typing error; later ones are refused. [d]"""


def recycled(context: CheckContext) -> FloatArray:
    """Return the time since the pack was recycled. [d]"""
    return context.cases.as_of_day - context.last_day("recycled_done")


def declared_recycled(context: CheckContext) -> FloatArray:
    """Return 1 if the record or passport gives the status recycled. [1]"""
    return context.with_status("recycled")


def events_after_recycling(context: CheckContext) -> FloatArray:
    """Return the number of events dated after the recycling. [1]"""
    cases = context.cases
    ended = context.first_day("recycled_done")[cases.row]
    after = cases.count((cases.events["on_day"] > ended) & ~cases.is_type("recycled_done"))
    return found(after > 0.0, after)


def no_code_and_no_nameplate(context: CheckContext) -> FloatArray:
    """Return 1 without a valid code, without chemistry and energy or mass, and without a known vehicle. [1]"""
    packs = context.cases.packs
    size = coalesce(
        packs["rated_energy_kwh"], packs["rated_capacity_ah"] * packs["nominal_voltage_v"], packs["mass_kg"]
    )
    plate = ~np.isnan(packs["chemistry"] + size)
    return found((context.code["valid"] != 1.0) & ~plate & np.isnan(context.nameplate.vehicle_match))


def not_yet_made(context: CheckContext) -> FloatArray:
    """Return the time from the valuation day to the declared production date, without a valid code. [d]"""
    ahead = context.cases.packs["made_day"] - context.cases.as_of_day
    return found((ahead > SLIP_DAYS) & (context.code["valid"] != 1.0), ahead)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="R01",
        function=recycled,
        severity="block",
        refuses=True,
        message_en="The pack was recycled {value:.0f} days before the valuation day; nothing is left to value.",
        message_zh="该电池已于评估基准日前{value:.0f}天完成再生利用，已无评估对象。",
        way_out="check the battery code, or choose a valuation day before the recycling",
    ),
    Check(
        id="R04",
        function=declared_recycled,
        severity="block",
        refuses=True,
        message_en="The pack has the status recycled; nothing is left to value.",
        message_zh="该电池的状态为已再生利用，已无评估对象。",
        way_out="check the battery code, or correct life_cycle_status",
    ),
    Check(
        id="T02",
        function=events_after_recycling,
        severity="block",
        refuses=True,
        message_en="{value:.0f} event(s) are dated after the recycling: the code is used twice or the record is false.",
        message_zh="电池完成再生利用后仍有{value:.0f}条记录，疑为一码多用或虚假记录。",
        way_out="find out which pack carries the code before anybody trades it",
    ),
    Check(
        id="R02",
        function=no_code_and_no_nameplate,
        severity="block",
        refuses=True,
        message_en="The record has neither a valid battery code nor a nameplate (chemistry and rated energy).",
        message_zh="既无有效电池编码，也无铭牌信息（电池类型与额定能量）。",
        way_out="correct the code, or give chemistry with rated_energy_kwh or mass_kg, or vehicle_model with make and "
        "model_year",
    ),
    Check(
        id="R03",
        function=not_yet_made,
        severity="block",
        refuses=True,
        message_en="The production date is {value:.0f} days after the valuation day; there is nothing to value yet.",
        message_zh="申报的生产日期晚于评估基准日{value:.0f}天，尚无可评估对象。",
        way_out="correct made_on, or choose a later valuation day",
    ),
)
