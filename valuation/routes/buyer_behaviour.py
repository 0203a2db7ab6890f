"""How buyers look at a pack (买方视角): the health they go by, the harm they put up with, what they must pack apart.

Deals are struck on what buyers believe, not on what is true. As judged they believe a valuer's estimate; how far a
market's buyers differ from that is told by its sales (:mod:`habits`). A route that a finding closes is closed whatever
buyers do: what is said here grades open routes only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from valuation.battery_code.layout import KINDS
from valuation.condition.health import DRIFT_SD_PER_A, MOST_EXPECTED_LOSS, StateOfHealth
from valuation.condition.life import DAYS_PER_YEAR
from valuation.condition.readings import reported_by_bms
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp, log
from valuation.pack.nameplate import ASSUMED_AGE_A, read_codes
from valuation.record.cases import Cases
from valuation.record.fields import DUTIES
from valuation.routes.assumptions import Assumptions
from valuation.routes.second_life import OLDEST_A

HARMED: Final = ("damaged", "burned", "corroded", "swollen", "leaking")
DANGEROUS: Final = ("burned", "leaking")
HARMFUL: Final = ("accident", "fire", "water", "swelling", "leak")
USUAL_SEVERITY: Final = 0.3
"""Of an event whose severity nobody states (judged)."""
READ_UP_TO_A: Final = 3.0
"""Buyers carry a reading forward for so many years at most (judged, 2026). [a]"""
TREND_TELLS_TO: Final = 0.4
"""Logarithm of a change over 90 days beyond which more of it hardly moves buyers further (judged, 2026). [1]"""
MOST_MISSING: Final = 6.0
"""Modules missing beyond which one more makes nobody less keen (judged, 2026). [1]"""
SECOND_LIFE_CODE: Final = float(KINDS.index("second_life19"))
SEVERITY_HALF_WIDTH: Final = 0.10
"""Half the width over which the worst mishap that buyers put up with differs (judged, 2026). [1]"""


def perceived_health(health: StateOfHealth, cases: Cases, age: FloatArray, assumptions: Assumptions) -> StateOfHealth:
    """Return health as the market believes it: between a valuer's estimate and the buyers' rule of thumb.

    Their rule weighs tests as a valuer does, the battery's own readings, and a usual loss a year by kind of use.
    """
    share = min(max(assumptions.rule_of_thumb, 0.0), 1.0)
    if share == 0.0:
        return _as_sure(health, assumptions)
    duty = cases.packs["duty"]
    kind = np.where(np.isnan(duty), float(len(DUTIES)), duty).astype(np.int64)
    losses = np.array([assumptions.usual_loss_per_a[name] for name in (*DUTIES, "unknown")])[kind]
    sources = (
        (1.0 - np.minimum(losses * age, MOST_EXPECTED_LOSS), np.full(len(age), assumptions.usual_loss_sd)),
        _last_told(cases, losses, assumptions),
        (health.tested_soh, health.tested_sd),
    )
    weight, weighted = np.zeros(len(age)), np.zeros(len(age))
    for value, sd in sources:
        known = ~np.isnan(value)
        own = np.where(known, 1.0 / np.where(known, sd * sd, 1.0), 0.0)
        weight = weight + own
        weighted = weighted + own * np.where(known, value, 0.0)
    believed = replace(
        health,
        soh=(1.0 - share) * health.soh + share * (weighted / weight),
        soh_sd=(1.0 - share) * health.soh_sd + share * np.sqrt(1.0 / weight),
    )
    return _as_sure(believed, assumptions)


def _last_told(cases: Cases, losses: FloatArray, assumptions: Assumptions) -> tuple[FloatArray, FloatArray]:
    """Return what the battery's own computer told last, as buyers read it on the day, and how sure they are of it."""
    told = reported_by_bms(cases)
    years = np.minimum((cases.as_of_day - cases.last("on_day", told)) / DAYS_PER_YEAR, READ_UP_TO_A)
    value = 1.0 - (1.0 - cases.last("soh", told)) * assumptions.bms_flattery - losses * years
    drift = DRIFT_SD_PER_A * years
    return value, np.sqrt(assumptions.bms_sd * assumptions.bms_sd + drift * drift)


def _as_sure(health: StateOfHealth, assumptions: Assumptions) -> StateOfHealth:
    """Return health as sure as buyers take it to be."""
    if assumptions.unsureness == 1.0:
        return health
    return replace(health, soh_sd=health.soh_sd * assumptions.unsureness)


def packed_apart(cases: Cases) -> FloatArray:
    """Return 1 where a pack was seen in a state in which it must be packed and hauled apart (UN 3480, P908). [1]"""
    seen = cases.count(cases.is_choice("condition", *HARMED))
    return np.where(seen > 0.0, 1.0, 0.0)


def hauled_as_dangerous(cases: Cases) -> FloatArray:
    """Return 1 where a pack was seen in a state in which it may react and needs special drums (UN 3480, P911). [1]"""
    seen = cases.count(cases.is_choice("condition", *DANGEROUS))
    return np.where(seen > 0.0, 1.0, 0.0)


def momentum_factor(market: Market, earlier: Market | None, assumptions: Assumptions) -> FloatArray | float:
    """Return what buyers pay of a formula's price while lithium rises or falls (买涨不买跌). [1]

    Who carries the goods until they are sold bids below the day's quotes while they fall, and runs after them while
    they rise. `earlier` is the market 90 days before; 1 where it is not given, or lithium was not quoted.
    """
    if assumptions.momentum == 0.0 or earlier is None:
        return 1.0
    ratio = market.price["lithium_carbonate"] / earlier.price["lithium_carbonate"]
    trend = log(np.where(ratio > 0.0, ratio, 1.0))
    tamed = trend / np.sqrt(1.0 + trend * trend / (TREND_TELLS_TO * TREND_TELLS_TO))
    return exp(assumptions.momentum * tamed)


def worst_incident(cases: Cases) -> FloatArray:
    """Return the severity of the worst mishap that can harm a pack from outside or within; 0 without one. [1]"""
    stated = cases.events["severity"]
    severity = np.where(np.isnan(stated), USUAL_SEVERITY, stated)
    harmful = cases.is_choice("kind", *HARMFUL)
    worst = np.zeros(cases.rows)
    np.maximum.at(worst, cases.row[harmful], severity[harmful])
    return worst


def willingness_to_pay(cases: Cases, age: FloatArray, assumptions: Assumptions) -> FloatArray | float:
    """Return what buyers pay of what a further use leaves them, beside a sound pack of the usual age. [1]"""
    by_age, by_harm, by_damage = assumptions.keen_age_per_a, assumptions.keen_harm, assumptions.keen_damaged
    by_gap, by_turn = assumptions.keen_missing, assumptions.keen_again
    if by_age == by_harm == by_damage == by_gap == by_turn == 0.0:
        return 1.0
    missing = cases.packs["missing_modules"]
    gap = np.minimum(np.where(np.isnan(missing), 0.0, missing), MOST_MISSING)
    again = np.where(read_codes(cases)["kind_code"] == SECOND_LIFE_CODE, 1.0, 0.0)
    damaged = np.where(cases.count(cases.is_choice("condition", "damaged")) > 0.0, 1.0, 0.0)
    beyond = np.minimum(age, OLDEST_A) - ASSUMED_AGE_A
    taken_off = by_age * beyond + by_harm * worst_incident(cases) + by_damage * damaged + by_gap * gap + by_turn * again
    return exp(-taken_off)


def damage_tolerance(cases: Cases, assumptions: Assumptions) -> FloatArray:
    """Return the share of buyers who put up with the worst mishap of each pack, on routes that are open to it. [1]"""
    margin = assumptions.severity_limit - worst_incident(cases)
    share: FloatArray = np.minimum(np.maximum(0.5 + margin / (2.0 * SEVERITY_HALF_WIDTH), 0.0), 1.0)
    return share
