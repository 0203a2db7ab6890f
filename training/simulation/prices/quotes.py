"""Simulate published quotes (报价): price levels with publication days, and the last quote known on a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from training.simulation.plan import SimulationPlan, stream
from training.simulation.prices.payables import simulate_payables
from training.simulation.prices.price_paths import PricePaths, simulate_prices
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_DAILY, _WEEKLY, _FORTNIGHTLY = 1, 5, 10
_MISSING_SHARE = 0.02
_WITH_VAT, _NO_VAT = True, False


class _Publication(NamedTuple):
    """Publication of an instrument: unit, tax basis, frequency and decimals."""

    unit: str
    vat_included: bool
    every_business_days: int
    decimals: int


_PUBLICATIONS = {
    "lithium_carbonate": _Publication("CNY/t", _WITH_VAT, _DAILY, 0),
    "nickel_sulphate": _Publication("CNY/t", _WITH_VAT, _DAILY, 0),
    "nickel": _Publication("CNY/t", _WITH_VAT, _DAILY, 0),
    "cobalt_sulphate": _Publication("CNY/t", _WITH_VAT, _DAILY, 0),
    "cobalt": _Publication("CNY/t", _WITH_VAT, _DAILY, 0),
    "manganese_sulphate": _Publication("CNY/t", _WITH_VAT, _WEEKLY, 0),
    "manganese": _Publication("CNY/t", _WITH_VAT, _WEEKLY, 0),
    "copper": _Publication("CNY/t", _WITH_VAT, _DAILY, 0),
    "aluminium": _Publication("CNY/t", _WITH_VAT, _DAILY, 0),
    "steel": _Publication("CNY/t", _WITH_VAT, _WEEKLY, 0),
    "graphite": _Publication("CNY/t", _WITH_VAT, _WEEKLY, 0),
    "iron_phosphate": _Publication("CNY/t", _WITH_VAT, _WEEKLY, 0),
    "new_pack_lfp": _Publication("CNY/kWh", _WITH_VAT, _WEEKLY, 1),
    "new_pack_ternary": _Publication("CNY/kWh", _WITH_VAT, _WEEKLY, 1),
    "second_life_discount": _Publication("fraction", _NO_VAT, _FORTNIGHTLY, 3),
    "usd_cny": _Publication("CNY/USD", _NO_VAT, _DAILY, 4),
    "eur_cny": _Publication("CNY/EUR", _NO_VAT, _DAILY, 4),
}
_PAYABLE_PUBLICATION = _Publication("fraction", _NO_VAT, _WEEKLY, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Published quotes in order of day, then instrument.

    Attributes
    ----------
    instruments
        Names of the instruments.
    quoted_on
        Day of each quote, days since 1970-01-01.
    instrument
        Index into ``instruments`` of each quote.
    price
        Price of each quote, in the unit of its instrument.
    """

    instruments: tuple[str, ...]
    quoted_on: IntArray
    instrument: IntArray
    price: FloatArray

    def as_of(self, name: str, days: FloatArray) -> FloatArray:
        """Return the last price published on or before each day; NaN before the first."""
        mine = self.instrument == self.instruments.index(name)
        position = np.searchsorted(self.quoted_on[mine], days, side="right") - 1
        prices = self.price[mine]
        return np.where(position >= 0, prices[np.maximum(position, 0)], np.nan)


def publication_of(name: str) -> tuple[str, bool]:
    """Return unit and VAT basis under which an instrument is quoted.

    >>> publication_of("copper"), publication_of("payable_li_lfp")
    (('CNY/t', True), ('fraction', False))
    """
    publication = _PUBLICATIONS.get(name, _PAYABLE_PUBLICATION)
    return publication.unit, publication.vat_included


def simulate_quotes(plan: SimulationPlan) -> Quotes:
    """Simulate all quotes: illiquid instruments weekly or fortnightly, some days missing."""
    paths = simulate_prices(plan)
    levels = dict(paths.levels) | simulate_payables(plan, paths)
    names = (*_PUBLICATIONS, *sorted(name for name in levels if name.startswith("payable_")))
    rng = stream(plan, "publication").spawn(1)[0]
    holidays = _holidays(paths.days)
    parts = [_published(paths, levels[name], name, (rng, holidays)) for name in names]
    day = np.concatenate([days for days, _ in parts])
    price = np.concatenate([prices for _, prices in parts])
    instrument = np.repeat(np.arange(len(names)), [len(days) for days, _ in parts])
    order = np.lexsort((instrument, day))
    return Quotes(instruments=names, quoted_on=day[order], instrument=instrument[order], price=price[order])


def _published(
    paths: PricePaths, level: FloatArray, name: str, chance: tuple[np.random.Generator, FloatArray]
) -> tuple[IntArray, FloatArray]:
    rng, holidays = chance
    publication = _PUBLICATIONS.get(name, _PAYABLE_PUBLICATION)
    rhythm = (np.arange(len(level)) + len(name)) % publication.every_business_days == 0
    printed = rhythm & (rng.random(len(level)) >= _MISSING_SHARE) & (holidays == 0.0) & ~np.isnan(level)
    return paths.days[printed], np.round(level[printed], publication.decimals)


def _holidays(days: IntArray) -> FloatArray:
    """Return 1 for the first week of October and a week in early February, when nothing is published in China."""
    day_of_year = (days - days.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(int)) + 1
    october = (day_of_year >= 274) & (day_of_year <= 280)
    spring = (day_of_year >= 38) & (day_of_year <= 44)
    closed: BoolArray = october | spring
    return closed.astype(np.float64)
