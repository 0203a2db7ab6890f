"""Reuse (维修更换 / 再装车): the pack goes back into a vehicle unchanged, if a matching vehicle is found.

    D = p (s P_new (1 - d) - test)  +  (1 - p) F

with health s, price of a new pack P_new, discount of a used spare d, and the probability p that a vehicle is found;
otherwise the pack takes the better of recycling and second life, with value F. Only complete, safe and young packs
above a minimum health are reused. Probabilities are judged, 2026: few buyers need a given model; a swap operator (换电)
can use a standard pack itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.condition.health import StateOfHealth
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp
from valuation.pack.nameplate import DAYS_PER_YEAR, EPOCH_YEAR, Nameplate
from valuation.record.cases import Cases
from valuation.record.fields import DUTIES
from valuation.routes.assumptions import Assumptions
from valuation.routes.recycling import per_pack_cost
from valuation.routes.second_life import ageing_cost, eligibility, gate_half_width, new_pack_price

MINIMUM_SOH: Final = 0.80
YOUNG_A, OLD_A = 5.0, 9.0
"""Age up to which every buyer takes a pack, and age from which none does (judged, 2026). [a]"""

CHANCE_SWAP, CHANCE_KNOWN_MODEL, CHANCE_UNKNOWN = 0.60, 0.25, 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """Terms of the value of reuse, one row per pack; CNY without VAT per rated kWh."""

    new_price: FloatArray
    revenue_share: FloatArray
    chance: FloatArray
    young_enough: FloatArray
    gate_half_width: FloatArray
    test_cost: FloatArray | float
    search_cost: FloatArray
    minimum_soh: float

    def revenue(self, soh: FloatArray) -> FloatArray:
        """Return the price of a spare at a state of health of shape (…, packs). [CNY/kWh]"""
        return np.minimum(soh, 1.0) * self.new_price * self.revenue_share

    def value(self, soh: FloatArray, fallback: FloatArray) -> FloatArray:
        """Return the expected value of a reuse at a state of health, given the value of the other routes. [CNY/kWh]"""
        return self.chance * (self.revenue(soh) - self.test_cost) + (1.0 - self.chance) * fallback - self.search_cost

    def admission(self, soh: FloatArray) -> FloatArray:
        """Return the share of buyers who would take a pack of this health and age. [1]"""
        return eligibility(soh, self.minimum_soh, self.gate_half_width) * self.young_enough


def price_reuse(  # noqa: PLR0913, PLR0917 - one argument for each step of the dossier it rests on
    cases: Cases,
    nameplate: Nameplate,
    health: StateOfHealth,
    market: Market,
    haircut: FloatArray,
    assumptions: Assumptions,
    bids: FloatArray | float = 1.0,
    handling: FloatArray | float = 0.0,
) -> Reuse:
    """Return the terms of reuse for each pack; its revenue is zero if no new pack of its kind is quoted."""
    new_price = new_pack_price(nameplate, market)
    named = np.array([model is not None for model in cases.texts["vehicle_model"]])
    is_swap = cases.packs["duty"] == float(DUTIES.index("swap"))
    chance = np.where(is_swap, CHANCE_SWAP, np.where(named, CHANCE_KNOWN_MODEL, CHANCE_UNKNOWN))
    age = age_a(cases, nameplate)
    odds = assumptions.reuse_odds * exp(-assumptions.reuse_fade_per_a * age)
    return Reuse(
        new_price=np.where(np.isnan(new_price), 0.0, new_price),
        revenue_share=(1.0 - assumptions.reuse_discount) * (1.0 - haircut) * ageing_cost(age, assumptions) * bids,
        chance=chance * odds / (1.0 - chance + chance * odds),
        young_enough=_young_enough(age, assumptions),
        gate_half_width=gate_half_width(health.soh_sd),
        test_cost=assumptions.test_cny_per_kwh + handling,
        search_cost=assumptions.search_cny_per_kwh + per_pack_cost(assumptions.further_use_cny, nameplate),
        minimum_soh=MINIMUM_SOH - assumptions.health_shift,
    )


def _young_enough(age: FloatArray, assumptions: Assumptions) -> FloatArray:
    """Return the share of buyers who take a pack of this age. [1]"""
    width = (OLD_A - YOUNG_A) * assumptions.reuse_age_width
    old = OLD_A - 0.5 * ((OLD_A - YOUNG_A) - width) + assumptions.reuse_age_shift_a
    share: FloatArray = np.minimum(np.maximum((old - age) / width, 0.0), 1.0)
    return share


def age_a(cases: Cases, nameplate: Nameplate) -> FloatArray:
    """Return the age since production, with the typical age if the pack has no date. [a]"""
    return EPOCH_YEAR + cases.as_of_day / DAYS_PER_YEAR - nameplate.year
