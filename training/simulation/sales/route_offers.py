"""Offers of the synthetic buyers for recycling, second life and reuse (三条途径的出价).

Recycling hardly depends on health, second life depends on it above a limit, and reuse needs a young undamaged pack.
Buyers read only the record and the public quotes. Their limits of health and age differ, so an offer decreases
smoothly around the limit. Cost levels are those of the trade: 2 to 2.5 CNY per kg of pack for haulage, dismantling and
separation, 72 to 100 CNY/kWh for repurposing over the years; the other constants are expert judgement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.packs.chemistries import ELEMENTS, FAMILIES, FAMILY, NAMES
from training.simulation.packs.service_lives import DAMAGED, INTACT
from training.simulation.prices.quotes import Quotes
from training.simulation.regions import REGIONS
from training.simulation.sales.buyer_traits import BuyerTraits, trait_of_day, use_trait
from training.simulation.sales.buyer_view import MarketView
from valuation.numeric.columns import FloatArray, IntArray

VAT = 1.13
_CARRIER = {  # element -> (quoted good, mass of the element in a tonne of it, payable metal)
    "lithium": ("lithium_carbonate", 1.0 / 5.323, "li"), "nickel": ("nickel_sulphate", 0.223, "ni"),
    "cobalt": ("cobalt_sulphate", 0.205, "co"), "manganese": ("manganese_sulphate", 0.318, "mn"),
    "copper": ("copper", 1.0, "cu"), "aluminium": ("aluminium", 1.0, "al"), "steel": ("steel", 1.0, ""),
}  # fmt: skip
_RECOVERED = np.array([0.92, 0.95, 0.95, 0.92, 0.95, 0.92, 0.90, 0.0])  # mechanical yields in the order of ELEMENTS
_STEEL_PAID = 0.55
_PROCESS_CNY_PER_KG = (1.6, 1.35)  # per kg of pack, 2015 and 2026: plants improve
_HANDLING_CNY_PER_KG, _DAMAGED_CNY_PER_KG, _DANGEROUS_CNY_PER_KG = 0.35, 2.8, 2.0
_PAPERS_CNY = 120.0  # per pack of any size
# Relative to a new LFP pack, the alternative of a storage buyer.
_SECOND_LIFE_FITNESS = {"LFP": 1.0, "LTO": 1.1, "NAION": 0.7, "LMO": 0.70, "NCA": 0.64, "NMC811": 0.64, "NMC622": 0.72,
                        "NMC523": 0.74, "NMC111": 0.74}  # fmt: skip
_LOWEST_HEALTH = {"LFP": 0.68, "LTO": 0.65, "NAION": 0.72}
_LOWEST_HEALTH_OTHERS, _LOWEST_HEALTH_REUSE, _HEALTH_LIMITS_DIFFER = 0.75, 0.82, 0.02
_WORST_ACCIDENT, _ACCIDENT_LIMITS_DIFFER = 0.75, 0.05
_SEARCH_CNY_PER_KWH = 12.0  # cost of finding a vehicle and testing the pack
_OLDEST_REUSE_A, _AGE_LIMITS_DIFFER_A = 7.0, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingInput:
    """Packs to price: the buyers' view, region, day, maker, demand, quotes and buyer traits."""

    view: MarketView
    region: IntArray
    day: FloatArray
    maker: IntArray
    demand: FloatArray
    ticket: FloatArray
    quotes: Quotes
    traits: BuyerTraits


def offers_by_route(inputs: PricingInput) -> tuple[FloatArray, FloatArray]:
    """Return the value of each route [CNY without VAT] and the share of buyers whose limits the pack meets.

    Both have shape (packs, 3). The value of a route that few buyers accept is shrunk towards recycling. A route that is
    closed by a finding, or that no buyer accepts, has the value NaN and the share 0.
    """
    view = inputs.view
    recycling = _recycling(inputs)
    second_life, reuse = _second_life(inputs, recycling), _reuse(inputs, recycling)
    day = trait_of_day(inputs.region, inputs.day, inputs.quotes, inputs.traits)
    family = inputs.traits.maker_recycling[inputs.maker] + inputs.traits.family_form[FAMILY[view.chemistry]]
    use = day * use_trait(view, inputs.traits, inputs.maker)
    worth = np.stack([_scaled(recycling, day * np.exp(family)), _scaled(second_life, use), _scaled(reuse, use)], axis=1)
    worth[view.closed] = np.nan
    lowest = np.array([_LOWEST_HEALTH.get(name, _LOWEST_HEALTH_OTHERS) for name in NAMES])[view.chemistry]
    # The severity approximates the inner damage of an accident; buyers differ in the severity they accept.
    unharmed = _meets(_WORST_ACCIDENT - view.accident, _ACCIDENT_LIMITS_DIFFER)
    fit = _meets(view.health - lowest, _HEALTH_LIMITS_DIFFER) * unharmed
    young = _meets(_OLDEST_REUSE_A - view.age_years, _AGE_LIMITS_DIFFER_A)
    fit_for_reuse = _meets(view.health - _LOWEST_HEALTH_REUSE, _HEALTH_LIMITS_DIFFER) * young * unharmed
    taken = np.where(np.isnan(worth), 0.0, np.stack([np.ones(len(fit)), fit, fit_for_reuse], axis=1))
    floor = worth[:, :1]
    return floor + taken * np.maximum(worth - floor, 0.0), taken


def _scaled(value: FloatArray, factor: FloatArray) -> FloatArray:
    """Multiply positive route values by a factor; gate fees are unchanged."""
    return np.where(value < 0.0, value, value * factor)


def _meets(margin: FloatArray, scale: float) -> FloatArray:
    """Return the share of buyers whose limit a pack meets by a margin; limits have a logistic distribution."""
    share: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(margin / scale, -40.0, 40.0)))
    return share


def _quote(inputs: PricingInput, name: str) -> FloatArray:
    return inputs.quotes.as_of(name, inputs.day) / VAT


def _recycling(inputs: PricingInput) -> FloatArray:
    """Return the paid metal value less haulage, handling and processing; damaged packs cost more."""
    view = inputs.view
    family = FAMILY[view.chemistry]
    gross = np.zeros(len(inputs.day))
    for column, element in enumerate(ELEMENTS[:-1]):
        good, share, metal = _CARRIER[element]
        paid = _payable(inputs, metal, family) if metal else np.full(len(inputs.day), _STEEL_PAID)
        gross += view.metal_kg[:, column] * _RECOVERED[column] * paid * _quote(inputs, good) / (1000.0 * share)
    kept = 1.0 - 0.09 * np.minimum(view.missing_modules, 6.0)
    process = np.interp(_year(inputs), (2015.0, 2026.0), _PROCESS_CNY_PER_KG)
    haul = np.array([region.haul_cny_per_kg for region in REGIONS])[inputs.region]
    handling = np.where(view.damage >= 2, _DAMAGED_CNY_PER_KG, _HANDLING_CNY_PER_KG)
    handling = handling + np.where((view.damage == 3) | (view.damage == 6), _DANGEROUS_CNY_PER_KG, 0.0)
    net: FloatArray = gross * kept - view.mass_kg * (process * kept + haul + handling) - _PAPERS_CNY
    return net


def _payable(inputs: PricingInput, metal: str, family: IntArray) -> FloatArray:
    """Return the quoted payable of a metal for the family of each pack; 0 if it is not quoted."""
    paid = np.zeros(len(inputs.day))
    for code, name in enumerate(FAMILIES):
        instrument = f"payable_{metal}_{name}"
        if instrument in inputs.quotes.instruments:
            quoted = inputs.quotes.as_of(instrument, inputs.day)
            paid = np.where(family == code, np.where(np.isnan(quoted), 0.0, quoted), paid)
    return paid


def _new_pack(inputs: PricingInput) -> FloatArray:
    lfp_like = FAMILY[inputs.view.chemistry] != FAMILIES.index("ternary")
    return np.where(lfp_like, _quote(inputs, "new_pack_lfp"), _quote(inputs, "new_pack_ternary"))


def _second_life(inputs: PricingInput, recycling: FloatArray) -> FloatArray:
    """Return the value of the remaining energy less repurposing, plus later recycling; NaN if not accepted."""
    view = inputs.view
    fitness = np.array([_SECOND_LIFE_FITNESS.get(name, np.nan) for name in NAMES])[view.chemistry]
    # Remaining energy and life. Uncertain health is worth less, because some packs turn out to be below the limit.
    factor = np.maximum(view.health * (view.health - 0.56) / 0.44 - 0.25 * view.health_sd, 0.0)
    discount = inputs.quotes.as_of("second_life_discount", inputs.day)
    repurposing = np.interp(_year(inputs), (2015.0, 2020.0, 2026.0), (100.0, 85.0, 72.0))
    gross = view.energy_kwh * _quote(inputs, "new_pack_lfp") * factor * (1.0 - discount) * fitness
    gross = gross * np.where(view.second_hand_product, 0.9, 1.0) * np.where(view.damage == DAMAGED, 0.75, 1.0)
    gross = gross * (1.0 - 0.12 * np.minimum(view.missing_modules, 6.0))
    value = gross - repurposing * view.energy_kwh - 250.0 + 0.5 * np.maximum(recycling, 0.0)
    return np.where(np.isnan(fitness), np.nan, value)


def _reuse(inputs: PricingInput, recycling: FloatArray) -> FloatArray:
    """Return the value as a spare part, weighted by demand, else for recycling; NaN if not accepted."""
    view = inputs.view
    wanted = inputs.demand * np.exp(-0.11 * view.age_years)
    spare = view.energy_kwh * (0.88 * view.health * _new_pack(inputs) - 18.0) - 450.0
    value = wanted * spare + (1.0 - wanted) * np.maximum(recycling, 0.0) - _SEARCH_CNY_PER_KWH * view.energy_kwh
    allowed = (view.damage == INTACT) & ~view.second_hand_product & (view.faults < 2.5)
    return np.where(allowed, value, np.nan)


def _year(inputs: PricingInput) -> FloatArray:
    return 1970.0 + inputs.day / 365.25
