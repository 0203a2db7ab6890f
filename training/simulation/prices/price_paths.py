"""Simulate daily prices of metals, salts, new packs and currencies (价格路径): autocorrelated shocks around an anchor.

The log price is an anchor path plus a boom-and-crash hump plus a deviation whose daily returns follow an AR(1) and are
pulled back slowly. Monthly volatilities, the autocorrelation of lithium and the correlations are those measured on
2017-2025 series (World Bank, USGS and trade averages: Li2CO3 13.0 % a month with autocorrelation .58, Co 10.0, Ni 7.4,
Cu 4.6, Al 4.7 %; Li-Co .21, Li-Ni .26, Ni-Cu .49, Ni-Al .50, Cu-Al .65, Co-Ni .26). Anchor levels are round numbers
of the order of published annual means, in CNY including 13 % value-added tax; all quotes are synthetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from training.simulation.plan import DAYS_PER_YEAR, SimulationPlan, day_number, stream
from valuation.numeric.columns import FloatArray, IntArray

_BUSINESS_DAYS_PER_MONTH = 21
_WARM_UP_DAYS = 260
_MONTHLY_MEAN_LIFT = 1.18  # monthly means vary less than month-end values; the volatilities above are of means


class _Driver(NamedTuple):
    """A simulated price: anchor levels by years before the last day, and its dynamics."""

    name: str
    anchor: tuple[float, ...]  # at _KNOT_YEARS before the last day
    monthly_sd: float
    daily_memory: float
    boom_share: float  # of lithium's boom, in logs
    half_life_years: float


_KNOT_YEARS = (14.0, 12.0, 10.5, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.4, 0.9, 0.4, 0.0)
_DRIVERS = (
    _Driver("lithium_carbonate",
            (40e3, 41e3, 120e3, 145e3, 95e3, 60e3, 45e3, 60e3, 72e3, 74e3, 72e3, 62e3, 100e3, 152e3, 150e3),
            0.100, 0.930, 1.0, 0.8),
    _Driver("cobalt",
            (205e3, 210e3, 215e3, 430e3, 470e3, 265e3, 255e3, 300e3, 290e3, 220e3, 175e3, 230e3, 340e3, 330e3, 320e3),
            0.090, 0.70, 0.22, 1.2),
    _Driver("nickel",
            (105e3, 100e3, 78e3, 82e3, 103e3, 112e3, 108e3, 125e3, 140e3, 140e3, 128e3, 122e3, 120e3, 128e3, 130e3),
            0.070, 0.40, 0.18, 1.5),
    _Driver("copper",
            (49e3, 47e3, 37e3, 45e3, 50e3, 47e3, 47e3, 60e3, 62e3, 67e3, 74e3, 79e3, 90e3, 103e3, 108e3),
            0.045, 0.30, 0.05, 1.5),
    _Driver("aluminium",
            (14e3, 13.5e3, 12e3, 14.5e3, 14.3e3, 13.9e3, 14e3, 18e3, 18.6e3, 18.8e3, 20e3, 20.5e3, 21.5e3, 23.5e3,
             23.9e3),
            0.046, 0.30, 0.06, 1.5),
    _Driver("manganese",
            (13e3, 12e3, 10.5e3, 12e3, 14e3, 12e3, 11e3, 15e3, 15.5e3, 14e3, 13e3, 13.5e3, 14e3, 15e3, 15.2e3),
            0.055, 0.50, 0.25, 1.2),
    _Driver("steel",
            (2300, 1700, 1600, 2200, 2500, 2500, 2500, 3000, 2900, 2700, 2500, 2350, 2300, 2300, 2300),
            0.040, 0.30, 0.03, 1.2),
    _Driver("graphite",
            (42e3, 40e3, 41e3, 46e3, 47e3, 43e3, 38e3, 40e3, 41e3, 33e3, 27e3, 26e3, 26e3, 27e3, 27e3),
            0.025, 0.60, 0.12, 1.2),
    _Driver("iron_phosphate",
            (14e3, 14e3, 14e3, 13e3, 13e3, 12e3, 11.5e3, 12.5e3, 12.5e3, 11.5e3, 10.5e3, 10.4e3, 10.6e3, 11e3, 11e3),
            0.030, 0.60, 0.30, 1.0),
    _Driver("nickel_sulphate_premium", (1.12,) * 15, 0.020, 0.50, 0.02, 0.3),
    _Driver("cobalt_sulphate_premium", (1.12,) * 15, 0.025, 0.50, 0.02, 0.3),
    _Driver("manganese_sulphate_premium", (1.30,) * 15, 0.020, 0.50, 0.02, 0.3),
    _Driver("new_pack_lfp",
            (2400, 2150, 1800, 1450, 1150, 930, 780, 730, 700, 620, 510, 480, 475, 480, 480),
            0.012, 0.70, 0.15, 1.0),
    _Driver("new_pack_ternary",
            (2600, 2350, 2000, 1600, 1280, 1080, 930, 900, 880, 800, 700, 680, 690, 715, 720),
            0.012, 0.70, 0.12, 1.0),
    _Driver("second_life_discount",
            (0.27, 0.27, 0.28, 0.28, 0.29, 0.30, 0.30, 0.30, 0.30, 0.32, 0.33, 0.33, 0.32, 0.32, 0.32),
            0.020, 0.50, -0.03, 0.6),
    _Driver("usd_cny", (6.1, 6.2, 6.6, 6.7, 6.8, 6.9, 6.7, 6.4, 6.9, 7.15, 7.2, 7.18, 7.08, 7.05, 7.05),
            0.012, 0.10, 0.0, 1.0),
    _Driver("eur_cny", (8.2, 7.1, 7.3, 7.7, 7.8, 7.7, 7.9, 7.5, 7.2, 7.7, 7.7, 8.3, 8.2, 8.2, 8.2),
            0.020, 0.10, 0.0, 1.0),
)  # fmt: skip
_CORRELATED = {
    ("lithium_carbonate", "cobalt"): 0.21, ("lithium_carbonate", "nickel"): 0.26, ("nickel", "copper"): 0.49,
    ("nickel", "aluminium"): 0.50, ("copper", "aluminium"): 0.65, ("cobalt", "nickel"): 0.26,
    ("lithium_carbonate", "iron_phosphate"): 0.35, ("lithium_carbonate", "new_pack_lfp"): 0.20,
    ("lithium_carbonate", "new_pack_ternary"): 0.20, ("new_pack_lfp", "new_pack_ternary"): 0.50,
    ("copper", "steel"): 0.30, ("usd_cny", "eur_cny"): 0.30,
}  # fmt: skip
# Mass of metal in a tonne of salt: trade conventions for nickel (Platts 0.223), cobalt (20.5 %) and manganese (31.8 %).
_METAL_IN_SALT = {"nickel_sulphate": 0.223, "cobalt_sulphate": 0.205, "manganese_sulphate": 0.318}


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePaths:
    """Price levels on every business day, before publication.

    Attributes
    ----------
    days
        Business days since 1970-01-01, ascending.
    levels
        Price by name, one value per business day, in the unit of the instrument.
    """

    days: IntArray
    levels: dict[str, FloatArray]


def simulate_prices(plan: SimulationPlan) -> PricePaths:
    """Simulate the daily price levels of all instruments except payables.

    >>> paths = simulate_prices(SimulationPlan(packs=1, seed=1))
    >>> bool(60e3 < paths.levels["lithium_carbonate"][-1] < 400e3)
    True
    """
    days = business_days(plan.first_quote_day, plan.last_day)
    years_before = (plan.last_day - days) / DAYS_PER_YEAR
    deviations = _deviations(plan, years_before)
    boom = np.log(plan.boom_height) * _boom_shape(plan, days)
    levels = {}
    for column, driver in enumerate(_DRIVERS):
        anchor = np.interp(-years_before, -np.array(_KNOT_YEARS), np.log(driver.anchor))
        levels[driver.name] = np.exp(anchor + driver.boom_share * boom + deviations[:, column])
    for salt, share in _METAL_IN_SALT.items():
        metal = salt.removesuffix("_sulphate")
        levels[salt] = levels[metal] * share * levels.pop(f"{salt}_premium")
    return PricePaths(days=days, levels=levels)


def business_days(first: int, last: int) -> IntArray:
    """Return the days from Monday to Friday, both ends included.

    >>> business_days(0, 6).tolist()  # 1970-01-01 was a Thursday
    [0, 1, 4, 5, 6]
    """
    days = np.arange(first, last + 1)
    return days[(days + 3) % 7 < 5]


def _boom_shape(plan: SimulationPlan, days: IntArray) -> FloatArray:
    """Return the shape of the boom, 0 to 1: an accelerating rise of two years, a fall of fourteen months."""
    if plan.boom_peak_on is None:
        return np.zeros(len(days))
    since_peak = (days - day_number(plan.boom_peak_on)) / DAYS_PER_YEAR
    rise = np.clip(1.0 + since_peak / 2.1, 0.0, 1.0)
    fall = np.clip(1.0 - since_peak / 1.2, 0.0, 1.0)
    return np.where(since_peak < 0.0, 0.4 * rise + 0.6 * rise * rise, fall * fall * (3.0 - 2.0 * fall))


def _deviations(plan: SimulationPlan, years_before: FloatArray) -> FloatArray:
    """Simulate the log deviations from the anchors, reduced towards the last day."""
    memory = np.array([driver.daily_memory for driver in _DRIVERS])
    pull = np.log(2.0) / (np.array([driver.half_life_years for driver in _DRIVERS]) * DAYS_PER_YEAR * 5.0 / 7.0)
    root = np.linalg.cholesky(_correlations()) * _innovation_sd()[:, None]
    steps = len(years_before) + _WARM_UP_DAYS
    shocks = stream(plan, "prices").standard_normal((steps, len(_DRIVERS))) @ root.T
    level, change = np.zeros(len(_DRIVERS)), np.zeros(len(_DRIVERS))
    path = np.empty((steps, len(_DRIVERS)))
    for step in range(steps):
        change = memory * change + shocks[step]
        level = level * (1.0 - pull) + change
        path[step] = level
    path = path[_WARM_UP_DAYS:]
    tied: FloatArray = path - 0.85 * path[-1] * np.exp(-years_before / 1.5)[:, None]
    return tied


def _innovation_sd() -> FloatArray:
    """Return the daily innovation of each driver that yields its monthly volatility."""
    months = _BUSINESS_DAYS_PER_MONTH
    result = []
    for driver in _DRIVERS:
        phi = driver.daily_memory
        sum_over_daily = (months * (1 - phi**2) - 2 * phi * (1 - phi**months)) / (1 - phi) ** 2
        result.append(_MONTHLY_MEAN_LIFT * driver.monthly_sd / np.sqrt(sum_over_daily) * np.sqrt(1 - phi**2))
    return np.array(result)


def _correlations() -> FloatArray:
    names = [driver.name for driver in _DRIVERS]
    matrix = np.eye(len(names))
    for (one, other), value in _CORRELATED.items():
        matrix[names.index(one), names.index(other)] = matrix[names.index(other), names.index(one)] = value
    return matrix
