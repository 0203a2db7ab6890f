"""Checks of the physical pack against its record (实物核验), family P."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.provenance.check import Check, Evidence
from valuation.provenance.check_context import CheckContext, at_least_one, found

WEIGHT_TOLERANCE: Final = 0.15  # judged: scale, pallet and coolant cause smaller differences
NAMEPLATE_TOLERANCE: Final = 0.15  # judged: energy is rated at mean, not nominal voltage, which causes 5 %
LIGHTEST_WH_PER_KG, HEAVIEST_WH_PER_KG = 250.0, 25.0
"""Limits of plausible energy density: the best packs of 2026 have 205 Wh/kg, NiMH 44, plus a margin. [Wh/kg]"""
RUINED: Final = ("burned", "corroded", "swollen", "leaking")
BURNT_OUT: Final = 0.9
"""Severity of a fire above which no recycler pays for the remains (judged, 2026). [1]"""


def opened_without_record(context: CheckContext) -> FloatArray:
    """Return 1 if the pack shows signs of opening without a recorded repair (GB/T 38698.1). [1]"""
    cases = context.cases
    opened = cases.count(cases.is_choice("condition", "opened")) > 0.0
    repaired = cases.count(cases.is_type("maintained", "dismantled")) > 0.0
    return found(opened & ~repaired)


def other_weight(context: CheckContext) -> FloatArray:
    """Return the difference of the weighed mass from the nameplate. [%]"""
    cases = context.cases
    apart = np.abs(cases.last("mass_kg") / cases.packs["mass_kg"] - 1.0)
    return found((apart > WEIGHT_TOLERANCE) & (_missing(context) == 0.0), apart * 100.0)


def missing_modules(context: CheckContext) -> FloatArray:
    """Return the number of missing modules. [1]"""
    return at_least_one(_missing(context))


def ruined(context: CheckContext) -> FloatArray:
    """Return 1 if the pack is burned, corroded, swollen or leaking. [1]"""
    cases = context.cases
    return found(cases.count(cases.is_choice("condition", *RUINED)) > 0.0)


def impossible_weight(context: CheckContext) -> FloatArray:
    """Return energy per mass if it is implausible, for example because of grams or tonnes. [Wh/kg]"""
    packs = context.cases.packs
    energy = np.where(np.isnan(packs["rated_energy_kwh"]), _ah_times_v(context), packs["rated_energy_kwh"])
    density = energy * 1000.0 / packs["mass_kg"]
    return found((density > LIGHTEST_WH_PER_KG) | (density < HEAVIEST_WH_PER_KG), density)


def nameplate_disagrees(context: CheckContext) -> FloatArray:
    """Return the difference of rated energy from capacity times voltage. [%]"""
    apart = np.abs(context.cases.packs["rated_energy_kwh"] / _ah_times_v(context) - 1.0)
    return found(apart > NAMEPLATE_TOLERANCE, apart * 100.0)


def damaged(context: CheckContext) -> FloatArray:
    """Return 1 if visible damage is on record. [1]"""
    return found(context.cases.count(context.cases.is_choice("condition", "damaged")) > 0.0)


def burnt_out(context: CheckContext) -> FloatArray:
    """Return the severity of the fire of a burned pack if its remains have no recycling value. [1]"""
    cases = context.cases
    burned = cases.count(cases.is_choice("condition", "burned")) > 0.0
    severity = cases.highest("severity", cases.is_choice("kind", "fire"))
    return found(burned & (severity >= BURNT_OUT), severity)


def _missing(context: CheckContext) -> FloatArray:
    """Return the number of missing modules, 0 if not stated. [1]"""
    missing = context.cases.packs["missing_modules"]
    return np.where(np.isnan(missing), 0.0, missing)


def _ah_times_v(context: CheckContext) -> FloatArray:
    """Return rated capacity times nominal voltage. [kWh]"""
    return context.cases.packs["rated_capacity_ah"] * context.cases.packs["nominal_voltage_v"] / 1000.0


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="P01",
        function=opened_without_record,
        severity="block",
        widen=1.15,
        haircut={"second_life": 0.10},
        blocks=("reuse",),
        evidence=Evidence(conditions=("opened",)),
        grade="D",
    ),
    Check(
        id="P02",
        function=other_weight,
        severity="warn",
        widen=1.10,
        grade="D",
    ),
    Check(
        id="P03",
        function=missing_modules,
        severity="block",
        widen=1.10,
        blocks=("reuse",),
        evidence=Evidence(pack_fields=("missing_modules",)),
        grade="C",
    ),
    Check(
        id="P04",
        function=ruined,
        severity="block",
        widen=1.10,
        blocks=("reuse", "second_life"),
        evidence=Evidence(conditions=RUINED),
        grade="C",
    ),
    Check(
        id="P06",
        function=impossible_weight,
        severity="warn",
        widen=1.20,
        grade="D",
    ),
    Check(
        id="P07",
        function=nameplate_disagrees,
        severity="warn",
        widen=1.10,
        grade="C",
    ),
    Check(
        id="P08",
        function=damaged,
        severity="block",
        widen=1.10,
        haircut={"second_life": 0.15},
        blocks=("reuse",),
        evidence=Evidence(conditions=("damaged",)),
        grade="C",
    ),
    Check(
        id="P09",
        function=burnt_out,
        severity="block",
        widen=1.10,
        blocks=("recycling", "second_life", "reuse"),
        evidence=Evidence(conditions=("burned",), kinds=("fire",)),
        grade="C",
    ),
)
