"""Second life (梯次利用): price against a new pack, less repurposing and liability, plus the later recycling value.

    S = (s l g - c sd) P_new (1 - d) f  -  repurposing  -  liability  +  R / 1.08^N
    l = (1 - 1.08^-L(s)) / (1 - 1.08^-L_new),  L(s) = (s - s_end) / yearly loss;   g = (1 - rho v) exp(-lambda r)

Health s counts in two ways only: as the energy that is left, and as the years L until the end of use at s_end, whose
service is worth an annuity l of that of the competing new pack. P_new is the price of that pack per rated kWh (its own
kind or LFP, whichever is cheaper), d the discount on a repurposed pack for being used, v the spread of its cells, and r
the resistance measured beyond what its loss of capacity explains; both v and r change nothing beyond the usual unless
they are measured. The price ratio f of the chemistry and the discount c for uncertain health are calibrated on sales.

Published levels conflict (docs/explanation/value-check.md): repurposed products about 30 % below new (China, 2021),
retired LFP packs at 30 to 50 % of new (trader, 2025) or 10 to 20 % (buyers, 2025), above 40 % in a model (Bach, Onori,
Reichelstein and Zhuang, The Accounting Review 2026, doi 10.2308/tar-2025-0024), whose form of the value this is.

It does not apply to LCO, NiMH or unknown chemistry. Since 2026-04-01 a Chinese second-life product needs a traced
origin and must not be used in electric bicycles (interim measures of 2025-12-31): findings close untraced packs.
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
from valuation.routes.assumptions import Assumptions, assumptions_for
from valuation.routes.recycling import per_pack_cost, surcharge

GATE_HALF_WIDTH: Final = 0.12
"""Half the range of the minimum health that different buyers require (judged, 2026). [1]"""
GATE_PER_SD: Final = 0.7
"""Increase of that half-width per sd of health: half the distance of the quadrature nodes, to avoid steps. [1]"""

OLDEST_A: Final = 15.0
"""Age above which the age discount is constant (judged, 2026). [a]"""

RESISTANCE_PER_LOSS: Final = 1.5
"""Usual growth of resistance per loss of capacity; only a measured excess counts (judged, 2026). [1]"""
USUAL_CELL_SPREAD: Final = 0.02
"""Spread of health between cells if it is not measured (judged, 2026). [1]"""
YEARLY_LOSS: Final = 0.03
"""Loss of health per year in a second life for NMC: fleets in heavy use lose up to 3 % (Geotab 2025); other chemistries
by their ageing factor. [1/a]"""
LEAST_YEARLY_LOSS: Final = 0.02
"""Lowest loss per year of any chemistry: contactors, cooling and electronics end the use of cells that hardly fade
(judged, 2026). [1/a]"""

_ANCHOR_IS_LFP = np.array([row.new_pack == "lfp" for row in ROWS])


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondLife:
    """Terms of the value of a second life, one row per pack; CNY without VAT per rated kWh.

    Attributes
    ----------
    new_price : array
        Price of the competing new pack; 0 if it is not quoted.
    revenue_share : array
        Product of (1 - discount), (1 - haircut) and the share of modules present. [1]
    minimum_soh, end_soh : arrays
        Minimum health for repurposing, and health at the end of the second life. [1]
    doubt : array
        Share of the new pack's value deducted for uncertain health. [1]
    yearly_loss : array
        Loss of health per year in the second life. [1/a]
    life_of_new : array
        Annuity of the competing new pack, of which the pack's own is a share. [a]
    later : array
        Present value of one CNY of recycling value at the end of the second life. [1]
    cost : array
        Repurposing and liability.
    handling : array or float
        Additional cost of packing, haul and storage for a damaged pack, due now; part of the recycling value too.
    gate_half_width : array
        Half the range of the minimum health among buyers. [1]
    resistance_growth, cell_spread : arrays
        Measured values, or NaN. [1]
    """

    new_price: FloatArray
    revenue_share: FloatArray
    minimum_soh: FloatArray
    end_soh: FloatArray
    later: FloatArray
    cost: FloatArray
    handling: FloatArray | float
    gate_half_width: FloatArray
    resistance_growth: FloatArray
    cell_spread: FloatArray
    yearly_loss: FloatArray
    life_of_new: FloatArray | float
    doubt: FloatArray
    assumptions: Assumptions

    def revenue(self, soh: FloatArray) -> FloatArray:
        """Return the price of the repurposed pack at a state of health of shape (…, packs). [CNY/kWh]"""
        sold = np.minimum(soh, 1.0) * self.new_price * self.health_factor(soh) * self.revenue_share
        return np.maximum(sold - self.doubt * (self.new_price * self.revenue_share), 0.0)

    def value(self, soh: FloatArray, recycling: FloatArray) -> FloatArray:
        """Return the value of a second life at a state of health, given the value of recycling. [CNY/kWh]"""
        return self.revenue(soh) - self.cost - (1.0 - self.later) * self.handling + self.later * recycling

    def admission(self, soh: FloatArray) -> FloatArray:
        """Return the share of buyers who would take a pack of this health. [1]"""
        return eligibility(soh, self.minimum_soh, self.gate_half_width)

    def health_factor(self, soh: FloatArray) -> FloatArray:
        """Return the factor on the remaining energy for the life left, unequal cells and excess resistance. [1]"""
        usual_growth = RESISTANCE_PER_LOSS * np.maximum(1.0 - soh, 0.0)
        known_growth = np.broadcast_to(self.resistance_growth, soh.shape)
        excess = np.where(np.isnan(known_growth), 0.0, np.maximum(known_growth - usual_growth, 0.0))
        known_spread = np.broadcast_to(self.cell_spread, soh.shape)
        spread = np.where(np.isnan(known_spread), USUAL_CELL_SPREAD, known_spread)
        even = np.maximum(1.0 - self.assumptions.spread_penalty * spread, 0.0)
        return self.life_left(soh) * exp(-self.assumptions.resistance_decay * excess) * even

    def life_left(self, soh: FloatArray) -> FloatArray:
        """Return the present value of the years of service left over that of a new pack. [1]"""
        years = np.maximum(soh - self.end_soh, 0.0) / self.yearly_loss
        return np.minimum(annuity(years, self.assumptions.yearly_discount) / self.life_of_new, 1.0)


def annuity(years: FloatArray, yearly_discount: float) -> FloatArray:
    """Return the present value of one unit of service a year, times the rate. [1]

    >>> annuity(np.array([0.0, 9.0, 18.0]), 0.08).round(3).tolist()
    [0.0, 0.5, 0.75]
    """
    return 1.0 - power(np.full(np.shape(years), 1.0 / (1.0 + yearly_discount)), years)


def gate_half_width(soh_sd: FloatArray) -> FloatArray:
    """Return half the range of the minimum health among buyers, wider if health is uncertain. [1]

    >>> gate_half_width(np.array([0.0, 0.1])).round(6).tolist()
    [0.12, 0.19]
    """
    return GATE_HALF_WIDTH + GATE_PER_SD * soh_sd


def eligibility(soh: FloatArray, minimum: FloatArray | float, half_width: FloatArray) -> FloatArray:
    """Return the share of buyers whose minimum health is met, linear across the range of their minimums. [1]

    >>> eligibility(np.array([0.67, 0.70, 0.73]), 0.70, np.array([0.02])).round(6).tolist()
    [0.0, 0.5, 1.0]
    """
    return np.minimum(np.maximum((soh - minimum + half_width) / (2.0 * half_width), 0.0), 1.0)


def new_pack_price(nameplate: Nameplate, market: Market) -> FloatArray:
    """Return the price of a new pack of the same kind; NaN if it is not quoted. [CNY/kWh]"""
    is_lfp = _ANCHOR_IS_LFP[nameplate.chemistry.astype(np.int64)]
    return np.where(is_lfp, local_price("new_pack_lfp", market), local_price("new_pack_ternary", market))


def local_price(instrument: str, market: Market) -> FloatArray:
    """Return the quote of a new pack in the market's region, scaled to it if it is borrowed from China. [CNY/kWh]"""
    ratio = assumptions_for(market.region).new_pack_over_china
    price = market.price[instrument]
    return price if ratio == 1.0 else np.where(market.borrowed(instrument), price * ratio, price)


def price_ratio(chemistry: FloatArray, assumptions: Assumptions) -> FloatArray:
    """Return the second-life revenue of each kind over that of iron phosphate. [1]"""
    of_kind = assumptions.second_life_fitness
    kind = np.array([of_kind.get(row.family, of_kind["other"]) for row in ROWS])
    return kind[chemistry.astype(np.int64)]


def ageing_cost(age: FloatArray | float, assumptions: Assumptions) -> FloatArray | float:
    """Return the factor on the price for the pack's age, against a pack of the usual age. [1]"""
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
    handling: FloatArray | float = 0.0,
) -> SecondLife:
    """Return the terms of a second life for each pack; its revenue is zero if no new pack is quoted."""
    chemistry = nameplate.chemistry
    # A buyer of storage can use a new LFP pack instead of any used one, so the cheaper new pack counts.
    new_price = np.fmin(new_pack_price(nameplate, market), local_price("new_pack_lfp", market))
    is_lfp = _ANCHOR_IS_LFP[chemistry.astype(np.int64)]
    usual = np.where(is_lfp, assumptions.used_discount["lfp"], assumptions.used_discount["ternary"])
    quoted = market.price["second_life_discount"]
    discount = np.minimum(np.where(np.isnan(quoted), usual, quoted), 1.0)
    relative = price_ratio(chemistry, assumptions) * ageing_cost(age, assumptions) * bids
    yearly = np.full(len(chemistry), 1.0 / (1.0 + assumptions.yearly_discount))
    end_shift = assumptions.health_shift + assumptions.end_shift
    as_new = np.zeros(1)  # the competing new pack is always LFP
    new_years = (1.0 - lookup("second_life_end_soh", as_new) + end_shift) / _yearly_loss(as_new)
    return SecondLife(
        new_price=np.where(np.isnan(new_price), 0.0, new_price),
        revenue_share=(1.0 - discount) * (1.0 - haircut) * metals.present_share * relative,
        minimum_soh=lookup("second_life_minimum_soh", chemistry) - assumptions.health_shift,
        end_soh=lookup("second_life_end_soh", chemistry) - end_shift,
        yearly_loss=_yearly_loss(chemistry),
        life_of_new=annuity(new_years, assumptions.yearly_discount),
        later=power(yearly, lookup("second_life_years", chemistry)),
        cost=assumptions.repurposing_cny_per_kwh * surcharge(market, assumptions)
        + assumptions.liability_cny_per_kwh
        + per_pack_cost(assumptions.further_use_cny, nameplate),
        handling=handling,
        gate_half_width=gate_half_width(health.soh_sd),
        resistance_growth=health.resistance_growth,
        cell_spread=health.cell_spread,
        doubt=assumptions.doubt_discount * health.soh_sd,
        assumptions=assumptions,
    )


def _yearly_loss(chemistry: FloatArray) -> FloatArray:
    """Return the loss of health per year in a second life. [1/a]"""
    return np.maximum(YEARLY_LOSS * lookup("ageing_factor", chemistry), LEAST_YEARLY_LOSS)
