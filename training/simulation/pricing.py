"""How the synthetic market prices a pack (合成市场定价): the best of three uses, the market's habits, a known noise.

The three legs follow the trade's logic: recycling hardly depends on health, second life is kinked in it, reuse needs a
young sound pack that fits. On top stand habits that no formula knows beforehand and a model has to learn: makers,
duties, regions, sellers, lots, accidents, gaps in the record, and a margin that swings with the market. All constants
are judged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.chemistries import ELEMENTS, FAMILIES, FAMILY, NAMES
from training.simulation.fleet import REGIONS
from training.simulation.market_view import MarketView, is_sound
from training.simulation.offers import Offers
from training.simulation.plan import SimulationPlan, stream
from training.simulation.quotes import Quotes
from training.simulation.vehicle_models import MAKER_NAMES
from valuation.columns import BoolArray, FloatArray, IntArray

ROUTES = ("recycling", "second_life", "reuse")
RECYCLING, SECOND_LIFE, REUSE = range(3)
VAT = 1.13
_CARRIER = {  # element -> (quoted good, mass of the element in a tonne of it, payable metal)
    "lithium": ("lithium_carbonate", 1.0 / 5.323, "li"), "nickel": ("nickel_sulphate", 0.223, "ni"),
    "cobalt": ("cobalt_sulphate", 0.205, "co"), "manganese": ("manganese_sulphate", 0.318, "mn"),
    "copper": ("copper", 1.0, "cu"), "aluminium": ("aluminium", 1.0, "al"), "steel": ("steel", 1.0, ""),
}  # fmt: skip
_RECOVERED = np.array([0.92, 0.95, 0.95, 0.92, 0.95, 0.92, 0.90, 0.0])  # mechanical yields in the order of ELEMENTS
_STEEL_PAID = 0.55
_SECOND_LIFE_FITNESS = {"LFP": 1.0, "LTO": 1.1, "NAION": 0.7, "NCA": 0.55, "NMC811": 0.55, "NMC622": 0.64,
                        "NMC523": 0.66, "NMC111": 0.66}  # fmt: skip
_LOWEST_HEALTH = {"LFP": 0.68, "LTO": 0.65, "NAION": 0.72}
_DUTY_HABIT = np.array([0.0, -0.05, -0.025, -0.02, 0.025, 0.0, -0.02])  # the last one: duty not told
_SELLER_HABIT = np.array([-0.01, 0.0, 0.025, 0.02, -0.015, -0.05])
_NOISE = np.array([  # relative standard deviation of a deal by route and tier of evidence T0 to T4
    [0.080, 0.055, 0.042, 0.038, 0.034],
    [0.150, 0.120, 0.090, 0.070, 0.055],
    [0.160, 0.130, 0.095, 0.080, 0.062],
])  # fmt: skip
_NOISE_FLOOR_CNY_PER_KWH = 12.0
_TAIL = 0.86  # below one: heavier tails than normal
_SPREAD_BEFORE_SCALING = 1.2613  # standard deviation of sinh(asinh(z) / _TAIL) for standard normal z
_Z95 = 1.6448536269514722


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What this market pays over or under a formula: drawn once, the same for every deal."""

    maker_recycling: FloatArray
    maker_use: FloatArray
    family_form: FloatArray
    drift_days: IntArray
    drift: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The deals to be priced: offers, what the buyers see, the market, and its habits."""

    offers: Offers
    view: MarketView
    maker: IntArray
    demand: FloatArray
    quotes: Quotes
    habits: Habits


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Expected price and noise scale of each deal [CNY without VAT], its route and the value of every route."""

    expected: FloatArray
    scale: FloatArray
    route: IntArray
    legs: FloatArray

    @property
    def lower90(self) -> FloatArray:
        """Five per cent of the deals end below this [CNY]."""
        return self.expected - self.scale * float(heavy_tailed(np.array(_Z95)))

    @property
    def upper90(self) -> FloatArray:
        """Five per cent of the deals end above this [CNY]."""
        return self.expected + self.scale * float(heavy_tailed(np.array(_Z95)))


def draw_habits(plan: SimulationPlan) -> Habits:
    """Return the habits of the market of a plan; the margin drifts slowly, half of it gone in eight months."""
    rng = stream(plan, "preferences")
    days = np.arange(plan.first_made_day, plan.last_day + 8, 7)
    memory = 0.5 ** (7.0 / 243.0)
    drift, level = np.empty(len(days)), rng.normal(0.0, 0.03)
    for week in range(len(days)):
        level = memory * level + rng.normal(0.0, 0.03 * np.sqrt(1.0 - memory**2))
        drift[week] = level
    return Habits(
        maker_recycling=rng.normal(0.0, 0.025, len(MAKER_NAMES)), maker_use=rng.normal(0.0, 0.06, len(MAKER_NAMES)),
        family_form=rng.normal(0.0, 0.02, len(FAMILIES)), drift_days=days, drift=drift,
    )  # fmt: skip


def price(asked: Asked) -> Priced:
    """Return the expected price of every deal, exactly, given the record and the quotes of the day.

    The expectation is over the noise of the deal alone; the noise is symmetric, so it is the median as well.
    """
    view, day = asked.view, asked.offers.sold_on.astype(np.float64)
    recycling = _recycling(asked, day)
    second_life = _second_life(asked, day, recycling)
    reuse = _reuse(asked, day)
    legs = np.stack([recycling, second_life, reuse], axis=1) * _habit_of_deal(asked, day)[:, None]
    # Costs of a leg are not scaled by habits that lift prices: what is negative stays as it is.
    legs = np.where(legs < 0.0, np.stack([recycling, second_life, reuse], axis=1), legs)
    route = np.where(np.isnan(legs), -np.inf, legs).argmax(axis=1)
    best = legs[np.arange(len(route)), route]
    softness = 0.03 * np.abs(best) + 0.5 * view.energy_kwh
    with np.errstate(over="ignore"):
        open_legs = np.where(np.isnan(legs), 0.0, np.exp((legs - best[:, None]) / softness[:, None]))
    expected = best + softness * np.log(open_legs.sum(axis=1)) * 0.5
    noise = (
        _NOISE[route, view.tier]
        * np.where(asked.offers.seller == 5, 1.25, 1.0)
        * np.where(asked.offers.lot >= 0, 0.85, 1.0)
    )
    scale = noise * (np.abs(expected) + _NOISE_FLOOR_CNY_PER_KWH * view.energy_kwh)
    return Priced(expected=expected, scale=scale, route=route, legs=legs)


def heavy_tailed(z: FloatArray) -> FloatArray:
    """Turn standard normal numbers into symmetric ones with unit scale and mildly heavier tails.

    >>> float(heavy_tailed(np.array(0.0))), bool(heavy_tailed(np.array(4.0)) > 4.0)
    (0.0, True)
    """
    scaled: FloatArray = np.sinh(np.arcsinh(z) / _TAIL) / _SPREAD_BEFORE_SCALING
    return scaled


def _quote(asked: Asked, name: str, day: FloatArray) -> FloatArray:
    return asked.quotes.as_of(name, day) / VAT


def _recycling(asked: Asked, day: FloatArray) -> FloatArray:
    """Return metal paid for, less haul, handling and processing; a damaged pack costs extra; no health in it."""
    view = asked.view
    family = FAMILY[view.chemistry]
    gross = np.zeros(len(day))
    for column, element in enumerate(ELEMENTS[:-1]):
        good, share, metal = _CARRIER[element]
        paid = _payable(asked, metal, family, day) if metal else np.full(len(day), _STEEL_PAID)
        gross += view.metal_kg[:, column] * _RECOVERED[column] * paid * _quote(asked, good, day) / (1000.0 * share)
    maker_known = asked.habits.maker_recycling[asked.maker] + asked.habits.family_form[family]
    kept = 1.0 - 0.09 * np.minimum(view.missing_modules, 6.0)
    year = 1970.0 + day / 365.25
    process = (
        np.interp(year, (2015.0, 2026.0), (2.5, 2.0)) * view.mass_kg * kept
    )  # CNY per kg, better plants by the year
    haul = np.array([region.haul_cny_per_kg for region in REGIONS])[asked.offers.region]
    handling = np.where(view.damage >= 2, 3.2, 0.35) + np.where((view.damage == 3) | (view.damage == 6), 2.5, 0.0)
    fixed = 190.0 / np.sqrt(asked.offers.lot_size)
    net: FloatArray = gross * (1.0 + maker_known) * kept - process - view.mass_kg * (haul + handling) - fixed
    return net


def _payable(asked: Asked, metal: str, family: IntArray, day: FloatArray) -> FloatArray:
    """Return the quoted payable of a metal in the form of each pack; what is not quoted is not paid."""
    paid = np.zeros(len(day))
    for code, name in enumerate(FAMILIES):
        instrument = f"payable_{metal}_{name}"
        if instrument in asked.quotes.instruments:
            quoted = asked.quotes.as_of(instrument, day)
            paid = np.where(family == code, np.where(np.isnan(quoted), 0.0, quoted), paid)
    return paid


def _new_pack(asked: Asked, day: FloatArray) -> FloatArray:
    lfp_like = FAMILY[asked.view.chemistry] != FAMILIES.index("ternary")
    return np.where(lfp_like, _quote(asked, "new_pack_lfp", day), _quote(asked, "new_pack_ternary", day))


def _use_habit(asked: Asked) -> FloatArray:
    """Return the factor on any further use: maker, duty, age, faults, gaps in the record, suspicion."""
    view = asked.view
    habit = 1.0 + asked.habits.maker_use[asked.maker] + _DUTY_HABIT[view.duty]
    habit = habit * (1.0 - 0.014 * np.minimum(view.age_years, 12.0)) * (1.0 - 0.25 * np.minimum(view.accident, 0.6))
    habit = (
        habit * (1.0 - 0.02 * np.minimum(view.faults, 4.0)) * (1.0 - 0.12 * np.clip(1.0 - view.traceability, 0.0, 1.0))
    )
    doubted: FloatArray = habit * np.where(view.suspicious, 0.93, 1.0) * np.where(view.damage == 1, 0.94, 1.0)
    return doubted


def _second_life(asked: Asked, day: FloatArray, recycling: FloatArray) -> FloatArray:
    """Return remaining energy priced off new packs, less repurposing, plus recycling years later; NaN where barred."""
    view = asked.view
    fitness = np.array([_SECOND_LIFE_FITNESS.get(name, np.nan) for name in NAMES])[view.chemistry]
    lowest = np.array([_LOWEST_HEALTH.get(name, 0.75) for name in NAMES])[view.chemistry]
    factor = np.clip((view.health - 0.58) / 0.42, 0.0, 1.0)
    # A health known badly is worth less: part of the packs will turn out below the limit.
    factor = np.maximum(factor - 0.35 * view.health_sd, 0.0)
    discount = asked.quotes.as_of("second_life_discount", day)
    year = 1970.0 + day / 365.25
    repurposing = np.interp(year, (2015.0, 2020.0, 2026.0), (190.0, 120.0, 62.0))
    gross = view.energy_kwh * view.health * _new_pack(asked, day) * factor * (1.0 - discount) * fitness
    gross = gross * _use_habit(asked) * np.where(view.second_hand_product, 0.9, 1.0)
    later = 0.5 * np.maximum(recycling, 0.0)
    value = gross - repurposing * view.energy_kwh + later
    allowed: BoolArray = is_sound(view) & (view.health >= lowest) & (view.energy_kwh > 8.0)
    return np.where(allowed & ~np.isnan(fitness), value, np.nan)


def _reuse(asked: Asked, day: FloatArray) -> FloatArray:
    """Return the price of a spare pack for the same vehicle, times the chance that one is wanted; NaN where barred."""
    view = asked.view
    wanted = asked.demand * np.exp(-0.11 * view.age_years)
    gross = view.energy_kwh * view.health * _new_pack(asked, day) * 0.92 * wanted * _use_habit(asked)
    value = gross - 450.0 - 18.0 * view.energy_kwh
    allowed = is_sound(view) & (view.health >= 0.82) & (view.age_years < 7.0) & ~view.second_hand_product
    return np.where(allowed & (view.damage == 0) & (view.faults < 2.5), value, np.nan)


def _habit_of_deal(asked: Asked, day: FloatArray) -> FloatArray:
    """Return the factor on every positive leg: seller, region, lot, season, and the margin of the moment."""
    offers = asked.offers
    region = np.array([entry.premium for entry in REGIONS])[offers.region]
    lot = -0.010 * np.log2(offers.lot_size)
    season = 0.012 * np.cos(2.0 * np.pi * (day % 365.25) / 365.25)
    drift = np.interp(day, asked.habits.drift_days, asked.habits.drift)
    lithium = asked.quotes.as_of("lithium_carbonate", day)
    before = asked.quotes.as_of("lithium_carbonate", day - 120.0)
    swing = 0.10 * np.tanh(np.log(lithium / np.where(np.isnan(before), lithium, before)) / 0.45)
    factor: FloatArray = np.exp(_SELLER_HABIT[offers.seller] + region + lot + season + drift + swing)
    return factor
