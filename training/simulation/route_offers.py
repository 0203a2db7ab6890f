"""What each of three uses is worth to the synthetic buyers: recycling, a second life, reuse (三条途径的出价).

The legs follow the trade's logic: recycling hardly depends on health, second life is kinked in it, reuse needs a young
sound pack that fits. Buyers read only the record and the public quotes. Their limits of health and age are not all the
same, so a leg fades out over a few points of health rather than at one. Levels of cost are those of the trade: 2 to 2.5
CNY a kg of pack for haul, dismantling and separation, 72 to 100 CNY/kWh for repurposing over the years; the rest is
judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.buyer_traits import BuyerTraits, trait_of_day, use_trait
from training.simulation.chemistries import ELEMENTS, FAMILIES, FAMILY, NAMES
from training.simulation.fleet import REGIONS
from training.simulation.lives import DAMAGED, INTACT
from training.simulation.market_view import MarketView
from training.simulation.quotes import Quotes
from valuation.numeric.columns import FloatArray, IntArray

VAT = 1.13
_CARRIER = {  # element -> (quoted good, mass of the element in a tonne of it, payable metal)
    "lithium": ("lithium_carbonate", 1.0 / 5.323, "li"), "nickel": ("nickel_sulphate", 0.223, "ni"),
    "cobalt": ("cobalt_sulphate", 0.205, "co"), "manganese": ("manganese_sulphate", 0.318, "mn"),
    "copper": ("copper", 1.0, "cu"), "aluminium": ("aluminium", 1.0, "al"), "steel": ("steel", 1.0, ""),
}  # fmt: skip
_RECOVERED = np.array([0.92, 0.95, 0.95, 0.92, 0.95, 0.92, 0.90, 0.0])  # mechanical yields in the order of ELEMENTS
_STEEL_PAID = 0.55
_PROCESS_CNY_PER_KG = (1.6, 1.35)  # of pack, 2015 and 2026: better plants by the year
_HANDLING_CNY_PER_KG, _DAMAGED_CNY_PER_KG, _DANGEROUS_CNY_PER_KG = 0.35, 2.8, 2.0
_PAPERS_CNY = 120.0  # a pack, whatever its size
# Against a new pack of iron phosphate, which a buyer of storage can have instead.
_SECOND_LIFE_FITNESS = {"LFP": 1.0, "LTO": 1.1, "NAION": 0.7, "LMO": 0.70, "NCA": 0.64, "NMC811": 0.64, "NMC622": 0.72,
                        "NMC523": 0.74, "NMC111": 0.74}  # fmt: skip
_LOWEST_HEALTH = {"LFP": 0.68, "LTO": 0.65, "NAION": 0.72}
_LOWEST_HEALTH_OTHERS, _LOWEST_HEALTH_REUSE, _HEALTH_LIMITS_DIFFER = 0.75, 0.82, 0.02
_WORST_ACCIDENT, _ACCIDENT_LIMITS_DIFFER = 0.75, 0.05
_SEARCH_CNY_PER_KWH = 12.0  # to find a vehicle and to test the pack, found or not
_OLDEST_REUSE_A, _AGE_LIMITS_DIFFER_A = 7.0, 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The packs to be priced: what buyers see of each, where and when it is sold, the quotes and the habits."""

    view: MarketView
    region: IntArray
    day: FloatArray
    maker: IntArray
    demand: FloatArray
    ticket: FloatArray
    quotes: Quotes
    habits: BuyerTraits


def legs_of(asked: Asked) -> tuple[FloatArray, FloatArray]:
    """Return what each use is worth [CNY without VAT] and the share of buyers whose limits the pack meets.

    Both have shape (packs, 3). A use that fewer buyers take is drawn towards recycling; one that is barred is worth NaN
    to a share of none: by a finding on the record, which binds every buyer, or because no buyer wants it.
    """
    view = asked.view
    recycling = _recycling(asked)
    second_life, reuse = _second_life(asked, recycling), _reuse(asked, recycling)
    day = trait_of_day(asked.region, asked.day, asked.quotes, asked.habits)
    family = asked.habits.maker_recycling[asked.maker] + asked.habits.family_form[FAMILY[view.chemistry]]
    use = day * use_trait(view, asked.habits, asked.maker)
    worth = np.stack([_lifted(recycling, day * np.exp(family)), _lifted(second_life, use), _lifted(reuse, use)], axis=1)
    worth[view.closed] = np.nan
    lowest = np.array([_LOWEST_HEALTH.get(name, _LOWEST_HEALTH_OTHERS) for name in NAMES])[view.chemistry]
    # What an accident did inside is told by its severity, roughly; some buyers dare more than others.
    unharmed = _meets(_WORST_ACCIDENT - view.accident, _ACCIDENT_LIMITS_DIFFER)
    fit = _meets(view.health - lowest, _HEALTH_LIMITS_DIFFER) * unharmed
    young = _meets(_OLDEST_REUSE_A - view.age_years, _AGE_LIMITS_DIFFER_A)
    fit_for_reuse = _meets(view.health - _LOWEST_HEALTH_REUSE, _HEALTH_LIMITS_DIFFER) * young * unharmed
    taken = np.where(np.isnan(worth), 0.0, np.stack([np.ones(len(fit)), fit, fit_for_reuse], axis=1))
    floor = worth[:, :1]
    return floor + taken * np.maximum(worth - floor, 0.0), taken


def _lifted(leg: FloatArray, factor: FloatArray) -> FloatArray:
    """Return a leg times a factor where it pays; a gate fee stays as it is."""
    return np.where(leg < 0.0, leg, leg * factor)


def _meets(margin: FloatArray, scale: float) -> FloatArray:
    """Return the share of buyers whose limit a pack meets by a margin; limits are spread like a logistic."""
    share: FloatArray = 1.0 / (1.0 + np.exp(-np.clip(margin / scale, -40.0, 40.0)))
    return share


def _quote(asked: Asked, name: str) -> FloatArray:
    return asked.quotes.as_of(name, asked.day) / VAT


def _recycling(asked: Asked) -> FloatArray:
    """Return metal paid for, less haul, handling and processing; a damaged pack costs extra; no health in it."""
    view = asked.view
    family = FAMILY[view.chemistry]
    gross = np.zeros(len(asked.day))
    for column, element in enumerate(ELEMENTS[:-1]):
        good, share, metal = _CARRIER[element]
        paid = _payable(asked, metal, family) if metal else np.full(len(asked.day), _STEEL_PAID)
        gross += view.metal_kg[:, column] * _RECOVERED[column] * paid * _quote(asked, good) / (1000.0 * share)
    kept = 1.0 - 0.09 * np.minimum(view.missing_modules, 6.0)
    process = np.interp(_year(asked), (2015.0, 2026.0), _PROCESS_CNY_PER_KG)
    haul = np.array([region.haul_cny_per_kg for region in REGIONS])[asked.region]
    handling = np.where(view.damage >= 2, _DAMAGED_CNY_PER_KG, _HANDLING_CNY_PER_KG)
    handling = handling + np.where((view.damage == 3) | (view.damage == 6), _DANGEROUS_CNY_PER_KG, 0.0)
    net: FloatArray = gross * kept - view.mass_kg * (process * kept + haul + handling) - _PAPERS_CNY
    return net


def _payable(asked: Asked, metal: str, family: IntArray) -> FloatArray:
    """Return the quoted payable of a metal in the form of each pack; what is not quoted is not paid."""
    paid = np.zeros(len(asked.day))
    for code, name in enumerate(FAMILIES):
        instrument = f"payable_{metal}_{name}"
        if instrument in asked.quotes.instruments:
            quoted = asked.quotes.as_of(instrument, asked.day)
            paid = np.where(family == code, np.where(np.isnan(quoted), 0.0, quoted), paid)
    return paid


def _new_pack(asked: Asked) -> FloatArray:
    lfp_like = FAMILY[asked.view.chemistry] != FAMILIES.index("ternary")
    return np.where(lfp_like, _quote(asked, "new_pack_lfp"), _quote(asked, "new_pack_ternary"))


def _second_life(asked: Asked, recycling: FloatArray) -> FloatArray:
    """Return remaining energy priced off new packs, less repurposing, plus recycling years later; NaN where barred."""
    view = asked.view
    fitness = np.array([_SECOND_LIFE_FITNESS.get(name, np.nan) for name in NAMES])[view.chemistry]
    # What is left, and how long it will last. A health known badly is worth less: some packs turn out below the limit.
    factor = np.maximum(view.health * (view.health - 0.56) / 0.44 - 0.25 * view.health_sd, 0.0)
    discount = asked.quotes.as_of("second_life_discount", asked.day)
    repurposing = np.interp(_year(asked), (2015.0, 2020.0, 2026.0), (100.0, 85.0, 72.0))
    gross = view.energy_kwh * _quote(asked, "new_pack_lfp") * factor * (1.0 - discount) * fitness
    gross = gross * np.where(view.second_hand_product, 0.9, 1.0) * np.where(view.damage == DAMAGED, 0.75, 1.0)
    gross = gross * (1.0 - 0.12 * np.minimum(view.missing_modules, 6.0))
    value = gross - repurposing * view.energy_kwh - 250.0 + 0.5 * np.maximum(recycling, 0.0)
    return np.where(np.isnan(fitness), np.nan, value)


def _reuse(asked: Asked, recycling: FloatArray) -> FloatArray:
    """Return the price of a spare for the same vehicle where one is wanted, else what recycling pays; NaN if barred."""
    view = asked.view
    wanted = asked.demand * np.exp(-0.11 * view.age_years)
    spare = view.energy_kwh * (0.88 * view.health * _new_pack(asked) - 18.0) - 450.0
    value = wanted * spare + (1.0 - wanted) * np.maximum(recycling, 0.0) - _SEARCH_CNY_PER_KWH * view.energy_kwh
    allowed = (view.damage == INTACT) & ~view.second_hand_product & (view.faults < 2.5)
    return np.where(allowed, value, np.nan)


def _year(asked: Asked) -> FloatArray:
    return 1970.0 + asked.day / 365.25
