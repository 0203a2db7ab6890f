"""Habits of a market (市场习惯): how far the judged constants of the routes are off where deals are really struck.

Every constant in :mod:`valuation.pathways.assumptions` that is judged may be moved by sales. A habit is one such move,
a logarithm of a factor or a plain shift; nought is as judged. Its spread says how far the judgement may be off, so that
few sales move it little. Habits belong to a trained model; without one all are nought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

import numpy as np

from valuation.elementary import exp
from valuation.errors import BundleMismatch
from valuation.pathways.assumptions import Assumptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Habit:
    """One constant that sales may move: one standard deviation of the judgement, and what it is called."""

    spread: float
    label_en: str
    label_zh: str


HABITS: Final[Mapping[str, Habit]] = MappingProxyType(
    {
        "metal_share": Habit(spread=0.12, label_en="share of the metals' worth paid", label_zh="金属价值支付比例"),
        "recycling_cost": Habit(spread=0.30, label_en="cost of recycling", label_zh="再生利用成本"),
        "damaged_cost": Habit(spread=2.0, label_en="extra cost of a damaged pack", label_zh="受损电池附加成本"),
        "cost_decline": Habit(spread=0.02, label_en="yearly decline of costs", label_zh="成本年降幅"),
        "second_life_lfp": Habit(spread=0.25, label_en="second-life price of LFP", label_zh="磷酸铁锂梯次售价"),
        "second_life_ternary": Habit(spread=0.35, label_en="second-life price of NMC and NCA", label_zh="三元梯次售价"),
        "second_life_other": Habit(spread=0.35, label_en="second-life price of others", label_zh="其他体系梯次售价"),
        "repurposing_cost": Habit(spread=0.30, label_en="cost of repurposing", label_zh="梯次改制成本"),
        "resistance": Habit(spread=0.50, label_en="weight of internal resistance", label_zh="内阻影响"),
        "health_limit": Habit(spread=0.03, label_en="lowest health that is taken", label_zh="健康状态门槛"),
        "doubt": Habit(spread=0.50, label_en="discount for unsure health", label_zh="健康不确定折价"),
        "reuse_price": Habit(spread=0.25, label_en="price of a used spare", label_zh="再装车售价"),
        "reuse_chance": Habit(spread=0.70, label_en="chance that a vehicle is found", label_zh="再装车机会"),
        "reuse_fade": Habit(spread=0.10, label_en="yearly fall of that chance", label_zh="再装车机会年降幅"),
        "softness": Habit(spread=0.70, label_en="how much buyers differ", label_zh="买家差异"),
        "rule_of_thumb": Habit(spread=0.70, label_en="going by age and BMS", label_zh="凭年限与车端读数估价"),
        "usual_loss": Habit(spread=0.25, label_en="usual loss of health a year", label_zh="惯常年衰减"),
        "usual_loss_sd": Habit(spread=0.40, label_en="trust in that usual loss", label_zh="对惯常衰减的信任"),
        "bms_sd": Habit(spread=0.50, label_en="trust in the battery's own readings", label_zh="对车端读数的信任"),
    }
)
"""Habits by name, in the order in which sales are asked about them."""

START: Final[Mapping[str, float]] = MappingProxyType({"rule_of_thumb": 0.4})
"""Where the search for a habit begins if not at nought, where the habits that rest on it would have no slope."""


def tuned(judged: Assumptions, habits: Mapping[str, float]) -> Assumptions:
    """Return the assumptions of a region as a market's sales have moved them; as judged where there are no habits.

    Raises
    ------
    BundleMismatch
        If a habit is not known to this version.

    >>> from valuation.pathways.assumptions import CHINA
    >>> tuned(CHINA, {}) is CHINA
    True
    >>> round(tuned(CHINA, {"repurposing_cost": 0.1}).repurposing_cny_per_kwh, 2)
    88.41
    """
    if not habits:
        return judged
    unknown = sorted(set(habits) - set(HABITS))
    if unknown:
        raise BundleMismatch(
            f"the model knows habits of the market that this version does not: {', '.join(unknown)}",
            hint="train it again with this version, or install the version it was trained with",
        )
    moved = {name: float(habits.get(name, 0.0)) for name in HABITS}
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
        usual_loss_per_a=judged.usual_loss_per_a * factor["usual_loss"],
        usual_loss_sd=judged.usual_loss_sd * factor["usual_loss_sd"],
        bms_sd=judged.bms_sd * factor["bms_sd"],
    )
