"""Behaviour of buyers (买方视角): the health they assume, the damage they accept, their response to the trend.

Prices follow from what buyers believe about a pack. By default they believe the valuer's estimate; sales calibrate how
far the buyers of a market differ from it (:mod:`valuation.routes.market_calibration`). This module affects open routes
only: a route closed by a finding stays closed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from valuation.battery_code.layout import KINDS
from valuation.condition.age_and_use import DAYS_PER_YEAR
from valuation.condition.health import DRIFT_SD_PER_A, MOST_EXPECTED_LOSS, StateOfHealth
from valuation.condition.readings import last_bms_reading, reported_by_bms
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp, log
from valuation.pack.nameplate import ASSUMED_AGE_A, read_codes
from valuation.record.cases import Cases
from valuation.record.fields import DUTIES
from valuation.routes.assumptions import Assumptions
from valuation.routes.second_life import OLDEST_A

HARMFUL: Final = ("accident", "fire", "water", "swelling", "leak")
USUAL_SEVERITY: Final = 0.3
"""Severity assumed for an event without a stated one (judged). [1]"""
LONGEST_EXTRAPOLATION_A: Final = 3.0
"""Longest time over which buyers extrapolate a reading (judged, 2026). [a]"""
TREND_SATURATION: Final = 0.4
"""Logarithm of the price change over 90 days at which the response of buyers saturates (judged, 2026). [1]"""
MOST_MISSING: Final = 6.0
"""Number of missing modules above which the discount is constant (judged, 2026). [1]"""
SECOND_LIFE_CODE: Final = float(KINDS.index("second_life19"))
SEVERITY_HALF_WIDTH: Final = 0.10
"""Half the range of the worst incident severity that different buyers accept (judged, 2026). [1]"""


def perceived_health(health: StateOfHealth, cases: Cases, age: FloatArray, assumptions: Assumptions) -> StateOfHealth:
    """Return the health that buyers assume: a weighted mean of the valuer's estimate and a rule of thumb.

    The rule of thumb combines tests, BMS readings and a usual yearly loss by kind of use, weighted by precision.
    """
    share = min(max(assumptions.rule_of_thumb, 0.0), 1.0)
    if share == 0.0:
        return _scale_uncertainty(health, assumptions)
    duty = cases.packs["duty"]
    kind = np.where(np.isnan(duty), float(len(DUTIES)), duty).astype(np.int64)
    losses = np.array([assumptions.usual_loss_per_a[name] for name in (*DUTIES, "unknown")])[kind]
    sources = (
        (1.0 - np.minimum(losses * age, MOST_EXPECTED_LOSS), np.full(len(age), assumptions.usual_loss_sd)),
        _last_bms_reading(cases, losses, assumptions),
        (health.tested_soh, health.tested_sd),
    )
    weight, weighted = np.zeros(len(age)), np.zeros(len(age))
    for value, sd in sources:
        known = ~np.isnan(value)
        own = np.where(known, 1.0 / np.where(known, sd * sd, 1.0), 0.0)
        weight = weight + own
        weighted = weighted + own * np.where(known, value, 0.0)
    perceived = replace(
        health,
        soh=(1.0 - share) * health.soh + share * (weighted / weight),
        soh_sd=(1.0 - share) * health.soh_sd + share * np.sqrt(1.0 / weight),
    )
    return _scale_uncertainty(perceived, assumptions)


def _last_bms_reading(cases: Cases, losses: FloatArray, assumptions: Assumptions) -> tuple[FloatArray, FloatArray]:
    """Return the last health reported by the BMS, as buyers extrapolate it to the day, and its uncertainty."""
    by_bms = reported_by_bms(cases)
    years = np.minimum((cases.as_of_day - cases.last("on_day", by_bms)) / DAYS_PER_YEAR, LONGEST_EXTRAPOLATION_A)
    value = 1.0 - (1.0 - last_bms_reading(cases)) * assumptions.bms_flattery - losses * years
    drift = DRIFT_SD_PER_A * years
    return value, np.sqrt(assumptions.bms_sd * assumptions.bms_sd + drift * drift)


def _scale_uncertainty(health: StateOfHealth, assumptions: Assumptions) -> StateOfHealth:
    """Return health with the uncertainty that buyers assign to it."""
    if assumptions.unsureness == 1.0:
        return health
    return replace(health, soh_sd=health.soh_sd * assumptions.unsureness)


def momentum_factor(market: Market, earlier: Market | None, assumptions: Assumptions) -> FloatArray | float:
    """Return the factor on prices from the trend of the lithium price (买涨不买跌). [1]

    Buyers who hold the goods until resale bid below the quotes of the day in a falling market, and above them in a
    rising one. `earlier` is the market 90 days before; the factor is 1 if it is not given or lithium was not quoted.
    """
    if assumptions.momentum == 0.0 or earlier is None:
        return 1.0
    ratio = market.price["lithium_carbonate"] / earlier.price["lithium_carbonate"]
    trend = log(np.where(ratio > 0.0, ratio, 1.0))
    saturated = trend / np.sqrt(1.0 + trend * trend / (TREND_SATURATION * TREND_SATURATION))
    return exp(assumptions.momentum * saturated)


def worst_incident(cases: Cases) -> FloatArray:
    """Return the severity of the worst incident that can harm a pack; 0 without one. [1]"""
    stated = cases.events["severity"]
    severity = np.where(np.isnan(stated), USUAL_SEVERITY, stated)
    harmful = cases.is_choice("kind", *HARMFUL)
    worst = np.zeros(cases.rows)
    np.maximum.at(worst, cases.row[harmful], severity[harmful])
    return worst


def willingness_to_pay(cases: Cases, age: FloatArray, assumptions: Assumptions) -> FloatArray | float:
    """Return the factor on the value of a further use, against a sound pack of the usual age. [1]"""
    per_year, for_harm, for_damage = assumptions.keen_age_per_a, assumptions.keen_harm, assumptions.keen_damaged
    per_module, for_reuse = assumptions.keen_missing, assumptions.keen_again
    if per_year == for_harm == for_damage == per_module == for_reuse == 0.0:
        return 1.0
    missing = cases.packs["missing_modules"]
    missing = np.minimum(np.where(np.isnan(missing), 0.0, missing), MOST_MISSING)
    reused = np.where(read_codes(cases)["kind_code"] == SECOND_LIFE_CODE, 1.0, 0.0)
    damaged = np.where(cases.count(cases.is_choice("condition", "damaged")) > 0.0, 1.0, 0.0)
    years = np.minimum(age, OLDEST_A) - ASSUMED_AGE_A
    discount = per_year * years + for_harm * worst_incident(cases) + for_damage * damaged
    return exp(-(discount + per_module * missing + for_reuse * reused))


def damage_tolerance(cases: Cases, assumptions: Assumptions) -> FloatArray:
    """Return the share of buyers who accept the worst incident of each pack, on its open routes. [1]"""
    margin = assumptions.severity_limit - worst_incident(cases)
    share: FloatArray = np.minimum(np.maximum(0.5 + margin / (2.0 * SEVERITY_HALF_WIDTH), 0.0), 1.0)
    return share
