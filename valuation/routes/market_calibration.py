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
    """One constant that sales calibrate: standard deviation of its prior, and its label."""

    spread: float
    label_en: str
    label_zh: str


CALIBRATED_CONSTANTS: Final[Mapping[str, CalibratedConstant]] = MappingProxyType(
    {
        "metal_share": CalibratedConstant(
            spread=0.12, label_en="paid share of the metal value", label_zh="金属价值支付比例"
        ),
        "recycling_cost": CalibratedConstant(spread=0.30, label_en="cost of recycling", label_zh="再生利用成本"),
        "damaged_cost": CalibratedConstant(
            spread=2.0, label_en="extra cost of a damaged pack", label_zh="受损电池附加成本"
        ),
        "dangerous_cost": CalibratedConstant(
            spread=2.0, label_en="extra cost of a pack that may react", label_zh="危险电池附加成本"
        ),
        "cost_decline": CalibratedConstant(spread=0.02, label_en="yearly decline of costs", label_zh="成本年降幅"),
        "second_life_lfp": CalibratedConstant(
            spread=0.25, label_en="second-life price of LFP", label_zh="磷酸铁锂梯次售价"
        ),
        "second_life_ternary": CalibratedConstant(
            spread=0.35, label_en="second-life price of NMC and NCA", label_zh="三元梯次售价"
        ),
        "second_life_other": CalibratedConstant(
            spread=0.35, label_en="second-life price of others", label_zh="其他体系梯次售价"
        ),
        "second_life_lto": CalibratedConstant(
            spread=0.35, label_en="second-life price of LTO", label_zh="钛酸锂梯次售价"
        ),
        "unknown_kind": CalibratedConstant(
            spread=0.50, label_en="metals of unknown chemistry", label_zh="未知体系的金属"
        ),
        "repurposing_cost": CalibratedConstant(spread=0.30, label_en="cost of repurposing", label_zh="梯次改制成本"),
        "resistance": CalibratedConstant(spread=0.50, label_en="weight of internal resistance", label_zh="内阻影响"),
        "health_limit": CalibratedConstant(
            spread=0.03, label_en="minimum health for further use", label_zh="健康状态门槛"
        ),
        "doubt": CalibratedConstant(spread=0.50, label_en="discount for uncertain health", label_zh="健康不确定折价"),
        "reuse_price": CalibratedConstant(spread=0.25, label_en="price of a used spare", label_zh="再装车售价"),
        "reuse_chance": CalibratedConstant(
            spread=0.70, label_en="chance that a vehicle is found", label_zh="再装车机会"
        ),
        "reuse_fade": CalibratedConstant(
            spread=0.10, label_en="yearly fall of that chance", label_zh="再装车机会年降幅"
        ),
        "softness": CalibratedConstant(spread=0.70, label_en="spread among buyers", label_zh="买家差异"),
        "softness_share": CalibratedConstant(
            spread=0.03, label_en="spread among buyers, relative to value", label_zh="买家差异占价值比例"
        ),
        "momentum": CalibratedConstant(
            spread=0.10, label_en="response of bids to the lithium trend", label_zh="随锂价走势出价"
        ),
        "rule_of_thumb": CalibratedConstant(
            spread=0.70, label_en="weight of age and BMS readings", label_zh="凭年限与车端读数估价"
        ),
        "usual_loss": CalibratedConstant(spread=0.25, label_en="usual yearly loss of health", label_zh="惯常年衰减"),
        "usual_loss_taxi": CalibratedConstant(spread=0.30, label_en="usual loss, taxis", label_zh="出租车惯常衰减"),
        "usual_loss_bus": CalibratedConstant(spread=0.30, label_en="usual loss, buses", label_zh="客车惯常衰减"),
        "usual_loss_logistics": CalibratedConstant(spread=0.30, label_en="usual loss, vans", label_zh="物流车惯常衰减"),
        "usual_loss_swap": CalibratedConstant(
            spread=0.30, label_en="usual loss, swapped packs", label_zh="换电车惯常衰减"
        ),
        "usual_loss_unknown": CalibratedConstant(
            spread=0.30, label_en="usual loss, unknown use", label_zh="用途不明惯常衰减"
        ),
        "usual_loss_sd": CalibratedConstant(
            spread=0.40, label_en="uncertainty of the usual loss", label_zh="对惯常衰减的信任"
        ),
        "bms_sd": CalibratedConstant(spread=0.50, label_en="uncertainty of BMS readings", label_zh="对车端读数的信任"),
        "bms_flattery": CalibratedConstant(spread=0.15, label_en="loss hidden by the BMS", label_zh="车端读数虚高修正"),
        "unsureness": CalibratedConstant(
            spread=0.70, label_en="assumed uncertainty of health", label_zh="健康不确定的计价"
        ),
        "premium_falls": CalibratedConstant(
            spread=0.50, label_en="lower premium with few buyers", label_zh="买家稀少时的压价"
        ),
        "severity_limit": CalibratedConstant(
            spread=0.40, label_en="worst accepted incident", label_zh="可接受的事故程度"
        ),
        "end_health": CalibratedConstant(
            spread=0.03, label_en="health at the end of a second life", label_zh="梯次寿命终点健康"
        ),
        "age_discount": CalibratedConstant(spread=0.02, label_en="yearly discount for age", label_zh="年限折价"),
        "recycling_pack": CalibratedConstant(
            spread=2.0, label_en="cost of recycling a pack", label_zh="每包再生处理费"
        ),
        "further_use_pack": CalibratedConstant(
            spread=3.0, label_en="cost of further use of a pack", label_zh="每包再用处理费"
        ),
        "search": CalibratedConstant(
            spread=10.0, label_en="cost of the search for a vehicle", label_zh="寻找适配车辆成本"
        ),
        "reuse_age": CalibratedConstant(spread=1.0, label_en="maximum age for reuse", label_zh="再装车年限上限"),
        "reuse_age_width": CalibratedConstant(
            spread=0.70, label_en="spread of that maximum age", label_zh="年限上限差异"
        ),
        "keen_age": CalibratedConstant(
            spread=0.02, label_en="further use, discount per year", label_zh="再用意愿逐年下降"
        ),
        "keen_harm": CalibratedConstant(
            spread=0.30, label_en="further use, discount after an incident", label_zh="事故后再用意愿下降"
        ),
        "keen_missing": CalibratedConstant(
            spread=0.10, label_en="further use, discount per missing module", label_zh="缺失模块时再用意愿下降"
        ),
        "keen_damaged": CalibratedConstant(
            spread=0.30, label_en="further use, discount for damage", label_zh="外观受损后再用意愿下降"
        ),
        "keen_again": CalibratedConstant(
            spread=0.20, label_en="further use, discount after a second life", label_zh="已梯次利用后再用意愿下降"
        ),
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
