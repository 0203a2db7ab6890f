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
    ),
    Check(
        id="R04",
        function=declared_recycled,
        severity="block",
        refuses=True,
    ),
    Check(
        id="T02",
        function=events_after_recycling,
        severity="block",
        refuses=True,
    ),
    Check(
        id="R02",
        function=no_code_and_no_nameplate,
        severity="block",
        refuses=True,
    ),
    Check(
        id="R03",
        function=not_yet_made,
        severity="block",
        refuses=True,
    ),
)
