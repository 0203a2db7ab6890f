"""Buyer traits of the synthetic market (买方偏好): systematic premiums and discounts over any formula.

A model can only learn them from sales. They multiply the net value of a route, so that the ratio of two packs of one
kind does not change over time. All constants are expert judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.packs.chemistries import FAMILIES
from training.simulation.packs.vehicle_models import MAKER_NAMES
from training.simulation.plan import SimulationPlan, stream
from training.simulation.prices.quotes import Quotes
from training.simulation.regions import REGIONS
from training.simulation.sales.buyer_view import MarketView
from valuation.numeric.columns import FloatArray, IntArray

_MAKER_RECYCLING, _MAKER_USE, _FAMILY_FORM = 0.03, 0.06, 0.02
_DRIFT_SPREAD, _DRIFT_HALF_LIFE_DAYS = 0.03, 243.0
_USUAL_TAKEN_OFF = 0.12  # deduction of the reference pack, six years old with an average record
_DUTY_TRAIT = np.array([0.0, -0.05, -0.025, -0.02, 0.025, 0.0, -0.02])  # the last one: duty not recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyerTraits:
    """Premiums over a formula, in logarithms; ``drift`` has one level per week."""

    maker_recycling: FloatArray
    maker_use: FloatArray
    family_form: FloatArray
    drift_days: IntArray
    drift: FloatArray


def draw_buyer_traits(plan: SimulationPlan) -> BuyerTraits:
    """Draw the buyer traits of a plan; the margin drifts with a half-life of eight months."""
    rng = stream(plan, "preferences")
    days = np.arange(plan.first_made_day, plan.last_day + 8, 7)
    memory = 0.5 ** (7.0 / _DRIFT_HALF_LIFE_DAYS)
    drift, level = np.empty(len(days)), rng.normal(0.0, _DRIFT_SPREAD)
    for week in range(len(days)):
        level = memory * level + rng.normal(0.0, _DRIFT_SPREAD * np.sqrt(1.0 - memory**2))
        drift[week] = level
    return BuyerTraits(
        maker_recycling=rng.normal(0.0, _MAKER_RECYCLING, len(MAKER_NAMES)),
        maker_use=rng.normal(0.0, _MAKER_USE, len(MAKER_NAMES)),
        family_form=rng.normal(0.0, _FAMILY_FORM, len(FAMILIES)),
        drift_days=days,
        drift=drift,
    )


def use_trait(view: MarketView, traits: BuyerTraits, maker: IntArray) -> FloatArray:
    """Return the price factor of second life and reuse: maker, duty, age, accidents, faults, record gaps, doubt."""
    taken_off = (
        0.014 * np.minimum(view.age_years, 12.0)
        + 0.30 * np.minimum(view.accident, 0.6)
        + 0.02 * np.minimum(view.faults, 4.0)
        + 0.12 * np.clip(1.0 - view.traceability, 0.0, 1.0)
        + 0.08 * view.doubt
        + np.where(view.damage == 1, 0.06, 0.0)
    )
    factor: FloatArray = np.exp(traits.maker_use[maker] + _DUTY_TRAIT[view.duty] + _USUAL_TAKEN_OFF - taken_off)
    return factor


def trait_of_day(region: IntArray, day: FloatArray, quotes: Quotes, traits: BuyerTraits) -> FloatArray:
    """Return the price factor of a day on every positive route value: region, season, margin and lithium trend."""
    ease = np.array([entry.premium for entry in REGIONS])[region]
    season = 0.012 * np.cos(2.0 * np.pi * (day % 365.25) / 365.25)
    drift = np.interp(day, traits.drift_days, traits.drift)
    lithium = quotes.as_of("lithium_carbonate", day)
    before = quotes.as_of("lithium_carbonate", day - 120.0)
    swing = 0.10 * np.tanh(np.log(lithium / np.where(np.isnan(before), lithium, before)) / 0.45)
    factor: FloatArray = np.exp(ease + season + drift + swing)
    return factor
