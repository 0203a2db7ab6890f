"""Calibration of judged constants to the sales of a market (市场习惯).

Training estimates a shift for each judged constant of :mod:`valuation.routes.assumptions`: the logarithm of a factor,
or a difference. Zero keeps the judged value. The spread of a constant is the standard deviation of its prior, so that
few sales shift it little. The calibration is part of a trained model; without a model all shifts are zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from valuation.errors import BundleMismatch
from valuation.numeric.exact_math import exp
from valuation.pack.design_sizes import DESIGN_MARK
from valuation.routes.assumptions import Assumptions


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedConstant:
    """One constant that sales calibrate: standard deviation of its prior, and what it means."""

    spread: float
    meaning: str


CALIBRATED_CONSTANTS: Final[Mapping[str, CalibratedConstant]] = MappingProxyType(
    {
        "metal_share": CalibratedConstant(spread=0.12, meaning="paid share of the metal value"),
        "recycling_cost": CalibratedConstant(spread=0.30, meaning="cost of recycling"),
        "damaged_cost": CalibratedConstant(spread=2.0, meaning="extra cost of a damaged pack"),
        "dangerous_cost": CalibratedConstant(spread=2.0, meaning="extra cost of a pack that may react"),
        "cost_decline": CalibratedConstant(spread=0.02, meaning="yearly decline of costs"),
        "second_life_lfp": CalibratedConstant(spread=0.25, meaning="second-life price of LFP"),
        "second_life_ternary": CalibratedConstant(spread=0.35, meaning="second-life price of NMC and NCA"),
        "second_life_other": CalibratedConstant(spread=0.35, meaning="second-life price of others"),
        "second_life_lto": CalibratedConstant(spread=0.35, meaning="second-life price of LTO"),
        "unknown_kind": CalibratedConstant(spread=0.50, meaning="metals of unknown chemistry"),
        "repurposing_cost": CalibratedConstant(spread=0.30, meaning="cost of repurposing"),
        "resistance": CalibratedConstant(spread=0.50, meaning="weight of internal resistance"),
        "health_limit": CalibratedConstant(spread=0.03, meaning="minimum health for further use"),
        "doubt": CalibratedConstant(spread=0.50, meaning="discount for uncertain health"),
        "reuse_price": CalibratedConstant(spread=0.25, meaning="price of a used spare"),
        "reuse_chance": CalibratedConstant(spread=0.70, meaning="chance that a vehicle is found"),
        "reuse_fade": CalibratedConstant(spread=0.10, meaning="yearly fall of that chance"),
        "softness": CalibratedConstant(spread=0.70, meaning="spread among buyers"),
        "softness_share": CalibratedConstant(spread=0.03, meaning="spread among buyers, relative to value"),
        "momentum": CalibratedConstant(spread=0.10, meaning="response of bids to the lithium trend"),
        "rule_of_thumb": CalibratedConstant(spread=0.70, meaning="weight of age and BMS readings"),
        "usual_loss": CalibratedConstant(spread=0.25, meaning="usual yearly loss of health"),
        "usual_loss_taxi": CalibratedConstant(spread=0.30, meaning="usual loss, taxis"),
        "usual_loss_bus": CalibratedConstant(spread=0.30, meaning="usual loss, buses"),
        "usual_loss_logistics": CalibratedConstant(spread=0.30, meaning="usual loss, vans"),
        "usual_loss_swap": CalibratedConstant(spread=0.30, meaning="usual loss, swapped packs"),
        "usual_loss_unknown": CalibratedConstant(spread=0.30, meaning="usual loss, unknown use"),
        "usual_loss_sd": CalibratedConstant(spread=0.40, meaning="uncertainty of the usual loss"),
        "bms_sd": CalibratedConstant(spread=0.50, meaning="uncertainty of BMS readings"),
        "bms_flattery": CalibratedConstant(spread=0.15, meaning="loss hidden by the BMS"),
        "unsureness": CalibratedConstant(spread=0.70, meaning="assumed uncertainty of health"),
        "premium_falls": CalibratedConstant(spread=0.50, meaning="lower premium with few buyers"),
        "severity_limit": CalibratedConstant(spread=0.40, meaning="worst accepted incident"),
        "end_health": CalibratedConstant(spread=0.03, meaning="health at the end of a second life"),
        "age_discount": CalibratedConstant(spread=0.02, meaning="yearly discount for age"),
        "recycling_pack": CalibratedConstant(spread=2.0, meaning="cost of recycling a pack"),
        "further_use_pack": CalibratedConstant(spread=3.0, meaning="cost of further use of a pack"),
        "search": CalibratedConstant(spread=10.0, meaning="cost of the search for a vehicle"),
        "reuse_age": CalibratedConstant(spread=1.0, meaning="maximum age for reuse"),
        "reuse_age_width": CalibratedConstant(spread=0.70, meaning="spread of that maximum age"),
        "keen_age": CalibratedConstant(spread=0.02, meaning="further use, discount per year"),
        "keen_harm": CalibratedConstant(spread=0.30, meaning="further use, discount after an incident"),
        "keen_missing": CalibratedConstant(spread=0.10, meaning="further use, discount per missing module"),
        "keen_damaged": CalibratedConstant(spread=0.30, meaning="further use, discount for damage"),
        "keen_again": CalibratedConstant(spread=0.20, meaning="further use, discount after a second life"),
    }
)
"""Calibrated constants by name, in the order of estimation. The names are stored in model bundles."""

START: Final[Mapping[str, float]] = MappingProxyType(
    {
        "rule_of_thumb": 0.6,
        "premium_falls": 0.4,
        "severity_limit": -0.3,
        "keen_harm": 0.2,
        "keen_missing": 0.05,
        "keen_damaged": 0.1,
    }
)
"""Start of the estimation for constants that must not start at zero, where dependent constants have no gradient."""

RETIRED: Final = frozenset({"daring"})
"""Constants of earlier models that have no effect any more. `daring`: share of buyers who ignored findings."""


def apply_calibration(judged: Assumptions, calibration: Mapping[str, float]) -> Assumptions:
    """Return the assumptions of a region with a calibration applied; the judged ones without a calibration.

    Raises
    ------
    BundleMismatch
        If a constant is unknown to this version.

    >>> from valuation.routes.assumptions import CHINA
    >>> apply_calibration(CHINA, {}) is CHINA
    True
    >>> round(apply_calibration(CHINA, {"repurposing_cost": 0.1}).repurposing_cny_per_kwh, 2)
    88.41
    """
    if not calibration:
        return judged
    unknown = sorted(
        name for name in set(calibration) - set(CALIBRATED_CONSTANTS) - RETIRED if not name.startswith(DESIGN_MARK)
    )
    if unknown:
        raise BundleMismatch("bundle.unknown_constants", hint="bundle.train_again_here", constants=unknown)
    moved = {name: float(calibration.get(name, 0.0)) for name in CALIBRATED_CONSTANTS}
    factors = exp(np.array(list(moved.values()))).tolist()
    factor = dict(zip(moved, factors, strict=True))
    of_kind = judged.second_life_fitness
    return replace(
        judged,
        trade_margin=1.0 - (1.0 - judged.trade_margin) * factor["metal_share"],
        transport_cny_per_kg=judged.transport_cny_per_kg * factor["recycling_cost"],
        dismantling_cny_per_kg=judged.dismantling_cny_per_kg * factor["recycling_cost"],
        treatment_cny_per_kg=judged.treatment_cny_per_kg * factor["recycling_cost"],
        damaged_cny_per_kg=max(judged.damaged_cny_per_kg + moved["damaged_cost"], 0.0),
        cost_decline_per_a=judged.cost_decline_per_a + moved["cost_decline"],
        second_life_fitness={
            "lfp": of_kind["lfp"] * factor["second_life_lfp"],
            "ternary": of_kind["ternary"] * factor["second_life_ternary"],
            "lto": of_kind["lto"] * factor["second_life_lto"],
            "other": of_kind["other"] * factor["second_life_other"],
        },
        repurposing_cny_per_kwh=judged.repurposing_cny_per_kwh * factor["repurposing_cost"],
        resistance_decay=judged.resistance_decay * factor["resistance"],
        health_shift=judged.health_shift + moved["health_limit"],
        doubt_discount=max(judged.doubt_discount + moved["doubt"], 0.0),
        reuse_discount=1.0 - (1.0 - judged.reuse_discount) * factor["reuse_price"],
        reuse_odds=judged.reuse_odds * factor["reuse_chance"],
        reuse_fade_per_a=max(judged.reuse_fade_per_a + moved["reuse_fade"], 0.0),
        softness_cny_per_kwh=judged.softness_cny_per_kwh * factor["softness"],
        rule_of_thumb=min(max(judged.rule_of_thumb + moved["rule_of_thumb"], 0.0), 1.0),
        usual_loss_per_a={
            duty: loss * factor["usual_loss"] * factor.get(f"usual_loss_{duty}", 1.0)
            for duty, loss in judged.usual_loss_per_a.items()
        },
        usual_loss_sd=judged.usual_loss_sd * factor["usual_loss_sd"],
        bms_sd=judged.bms_sd * factor["bms_sd"],
        dangerous_cny_per_kg=max(judged.dangerous_cny_per_kg + moved["dangerous_cost"], 0.0),
        momentum=judged.momentum + moved["momentum"],
        softness_share=max(judged.softness_share + moved["softness_share"], 0.0),
        unknown_kind=judged.unknown_kind * factor["unknown_kind"],
        bms_flattery=judged.bms_flattery * factor["bms_flattery"],
        unsureness=judged.unsureness * factor["unsureness"],
        premium_falls=min(max(judged.premium_falls + moved["premium_falls"], 0.0), 1.0),
        severity_limit=judged.severity_limit + moved["severity_limit"],
        end_shift=judged.end_shift + moved["end_health"],
        age_discount_per_a=judged.age_discount_per_a + moved["age_discount"],
        recycling_cny=max(judged.recycling_cny + 100.0 * moved["recycling_pack"], 0.0),
        further_use_cny=max(judged.further_use_cny + 100.0 * moved["further_use_pack"], 0.0),
        search_cny_per_kwh=max(judged.search_cny_per_kwh + moved["search"], 0.0),
        reuse_age_shift_a=judged.reuse_age_shift_a + moved["reuse_age"],
        reuse_age_width=judged.reuse_age_width * factor["reuse_age_width"],
        keen_age_per_a=judged.keen_age_per_a + moved["keen_age"],
        keen_harm=max(judged.keen_harm + moved["keen_harm"], 0.0),
        keen_missing=max(judged.keen_missing + moved["keen_missing"], 0.0),
        keen_again=judged.keen_again + moved["keen_again"],
        keen_damaged=max(judged.keen_damaged + moved["keen_damaged"], 0.0),
    )
