"""Second life (梯次利用): what is left in the pack against a new one, less making it fit, plus recycling it later.

    S = (s h - c sd) P_new (1 - d) f  -  repurposing  -  liability  +  R / 1.08^N
    h = clip((s - s_end) / (1 - s_end), 0, 1) exp(-lambda max(0, r)) (1 - rho v)

with health s, rated-energy price of the new pack it competes with P_new (LFP where that is cheaper than its own kind),
used-goods discount d, resistance growth r, spread of cells v, and years of second life N by chemistry; fitness f of the
chemistry and discount c for unsure health are 1 and 0 until sales say otherwise. Value over the
new asset's price less cost plus a delayed recycling payoff: Bach, Onori, Reichelstein and Zhuang, The Accounting Review
2026, doi 10.2308/tar-2025-0024; health factor and used discount: the B2U calculator (J. Neubauer, NREL 2015).

Not for LCO, NiMH or packs of unknown chemistry. Since 2026-04-01 a Chinese second-life product needs a traced origin
and must not go into electric bicycles (interim measures of 2025-12-31): untraced packs are closed by the findings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.condition.health import StateOfHealth
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp, power
from valuation.pack.chemistry import ROWS, lookup
from valuation.pack.materials import MetalContent
from valuation.pack.nameplate import ASSUMED_AGE_A, Nameplate
from valuation.routes.assumptions import Assumptions
from valuation.routes.recycling import per_pack_cost, surcharge

GATE_HALF_WIDTH: Final = 0.02
"""Half the width over which buyers' minimum health differs. [1]"""
GATE_PER_SD: Final = 0.7
"""How far unsure health widens it: half the distance of the nodes at which health is tried, so that no step shows."""

OLDEST_A: Final = 15.0
"""Beyond this age nothing more is taken off for it (judged, 2026). [a]"""

# Where not measured: resistance grows 1.5 times the loss, cells spread .008 + .10 of it (ageing anchors, 2026).
RESISTANCE_PER_LOSS: Final = 1.5
CELL_SPREAD_AT_NEW, CELL_SPREAD_PER_LOSS = 0.008, 0.10

_ANCHOR_IS_LFP = np.array([row.new_pack == "lfp" for row in ROWS])


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLife:
    """What a second life is made of, one row a pack; CNY without VAT per rated kWh.

    Attributes
    ----------
    new_price : array
        Price of the new pack it competes with; 0 where nobody quotes it.
    revenue_share : array
        One less discount, less what findings take off, times the modules still there. [1]
    minimum_soh, end_soh : arrays
        Health below which nobody repurposes it, and at which its second life ends. [1]
    doubt : array
        Share of a new pack's worth taken off for unsure health. [1]
    later : array
        What one CNY of recycling at the end of the second life is worth today. [1]
    cost : array
        Repurposing and liability.
    gate_half_width : array
        Half the width over which the minimum health is met. [1]
    resistance_growth, cell_spread : arrays
        Measured, or NaN. [1]
    """

    new_price: FloatArray
    revenue_share: FloatArray
    minimum_soh: FloatArray
    end_soh: FloatArray
    later: FloatArray
    cost: FloatArray
    gate_half_width: FloatArray
    resistance_growth: FloatArray
    cell_spread: FloatArray
    doubt: FloatArray
    assumptions: Assumptions

    def revenue(self, soh: FloatArray) -> FloatArray:
        """Return what the repurposed pack sells for at a health, for any leading shape over packs. [CNY/kWh]"""
        sold = np.minimum(soh, 1.0) * self.new_price * self.health_factor(soh) * self.revenue_share
        return np.maximum(sold - self.doubt * (self.new_price * self.revenue_share), 0.0)

    def value(self, soh: FloatArray, recycling: FloatArray) -> FloatArray:
        """Return what a second life is worth at a health, given what recycling fetches. [CNY/kWh]"""
        return self.revenue(soh) - self.cost + self.later * recycling

    def admission(self, soh: FloatArray) -> FloatArray:
        """Return the share of buyers who would still take a pack of that health. [1]"""
        return eligibility(soh, self.minimum_soh, self.gate_half_width)

    def health_factor(self, soh: FloatArray) -> FloatArray:
        """Return what health, resistance and unequal cells leave of a new pack's worth. [1]"""
        loss = np.maximum(1.0 - soh, 0.0)
        known_growth = np.broadcast_to(self.resistance_growth, soh.shape)
        growth = np.where(np.isnan(known_growth), RESISTANCE_PER_LOSS * loss, known_growth)
        spread = np.broadcast_to(self.cell_spread, soh.shape)
        spread = np.where(np.isnan(spread), CELL_SPREAD_AT_NEW + CELL_SPREAD_PER_LOSS * loss, spread)
        left = np.minimum(np.maximum((soh - self.end_soh) / (1.0 - self.end_soh), 0.0), 1.0)
        even = np.maximum(1.0 - self.assumptions.spread_penalty * spread, 0.0)
        return left * exp(-self.assumptions.resistance_decay * np.maximum(growth, 0.0)) * even


def gate_half_width(soh_sd: FloatArray) -> FloatArray:
    """Return half the width over which a minimum health is met, wider where health is unsure. [1]

    >>> gate_half_width(np.array([0.0, 0.1])).round(6).tolist()
    [0.02, 0.09]
    """
    return GATE_HALF_WIDTH + GATE_PER_SD * soh_sd


def eligibility(soh: FloatArray, minimum: FloatArray | float, half_width: FloatArray) -> FloatArray:
    """Return the share of buyers whose minimum health is met, straight across the width of their minimums. [1]

    >>> eligibility(np.array([0.67, 0.70, 0.73]), 0.70, np.array([0.02])).round(6).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.minimum(np.maximum((soh - minimum + half_width) / (2.0 * half_width), 0.0), 1.0)


def new_pack_price(nameplate: Nameplate, market: Market) -> FloatArray:
    """Return the price of the new pack of each pack's own kind; NaN where it is not quoted. [CNY/kWh]"""
    is_lfp = _ANCHOR_IS_LFP[nameplate.chemistry.astype(np.int64)]
    return np.where(is_lfp, market.price["new_pack_lfp"], market.price["new_pack_ternary"])


def price_ratio(chemistry: FloatArray, assumptions: Assumptions) -> FloatArray:
    """Return what a second life of each kind earns beside one of iron phosphate. [1]"""
    of_kind = assumptions.second_life_fitness
    kind = np.array([of_kind.get(row.family, of_kind["other"]) for row in ROWS])
    return kind[chemistry.astype(np.int64)]


def ageing_cost(age: FloatArray | float, assumptions: Assumptions) -> FloatArray | float:
    """Return what buyers of used packs take off for age itself, beside one of the usual age. [1]"""
    if assumptions.age_discount_per_a == 0.0:
        return 1.0
    return exp(-assumptions.age_discount_per_a * (np.minimum(age, OLDEST_A) - ASSUMED_AGE_A))


def price_second_life(  # noqa: PLR0913, PLR0917 - one argument for each step of the dossier it rests on
    nameplate: Nameplate,
    health: StateOfHealth,
    market: Market,
    metals: MetalContent,
    haircut: FloatArray,
    assumptions: Assumptions,
    age: FloatArray | float = ASSUMED_AGE_A,
    bids: FloatArray | float = 1.0,
) -> SecondLife:
    """Return what a second life of each pack is made of; where no new pack is quoted it earns nothing."""
    chemistry = nameplate.chemistry
    # A buyer of storage can have a new LFP pack instead, whatever the used one is made of: the cheaper one counts.
    new_price = np.fmin(new_pack_price(nameplate, market), market.price["new_pack_lfp"])
    is_lfp = _ANCHOR_IS_LFP[chemistry.astype(np.int64)]
    usual = np.where(is_lfp, assumptions.used_discount["lfp"], assumptions.used_discount["ternary"])
    quoted = market.price["second_life_discount"]
    discount = np.minimum(np.where(np.isnan(quoted), usual, quoted), 1.0)
    relative = price_ratio(chemistry, assumptions) * ageing_cost(age, assumptions) * bids
    yearly = np.full(len(chemistry), 1.0 / (1.0 + assumptions.yearly_discount))
    return SecondLife(
        new_price=np.where(np.isnan(new_price), 0.0, new_price),
        revenue_share=(1.0 - discount) * (1.0 - haircut) * metals.present_share * relative,
        minimum_soh=lookup("second_life_minimum_soh", chemistry) - assumptions.health_shift,
        end_soh=lookup("second_life_end_soh", chemistry) - (assumptions.health_shift + assumptions.end_shift),
        later=power(yearly, lookup("second_life_years", chemistry)),
        cost=assumptions.repurposing_cny_per_kwh * surcharge(market, assumptions)
        + assumptions.liability_cny_per_kwh
        + per_pack_cost(assumptions.further_use_cny, nameplate),
        gate_half_width=gate_half_width(health.soh_sd),
        resistance_growth=health.resistance_growth,
        cell_spread=health.cell_spread,
        doubt=assumptions.doubt_discount * health.soh_sd,
        assumptions=assumptions,
    )
