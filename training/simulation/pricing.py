"""How the synthetic market prices a pack (合成市场定价): the best of three uses, and a known noise around it.

Everything that moves the expected price can be read from the record as reported by the day, the public quotes and the
region of the sale, or learned from other sales. What a valuer cannot know (who sells and buys, whether the pack goes in
a lot, which use it ends in, how the two sides bargain, what is really inside) is noise with a known mean and known
quantiles. Its size follows the accuracy that this trade can reach: a mean error of 5 % with a composition on record,
8 % with the class of the chemistry alone, 14 % where that is guessed, 10 to 15 % for further use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.market_view import MarketView
from training.simulation.route_offers import VAT, Asked, legs_of
from valuation.numeric.columns import FloatArray, IntArray

__all__ = ["RECYCLING", "REUSE", "ROUTES", "SECOND_LIFE", "VAT", "Asked", "Priced", "heavy_tailed", "price"]

ROUTES = ("recycling", "second_life", "reuse")
RECYCLING, SECOND_LIFE, REUSE = range(3)
_CLOSE_CALL, _CLOSE_CALL_CNY_PER_KWH = 0.04, 2.0  # uses within this are as good as each other: buyers differ
# Relative standard deviation of a deal; a mean error is 0.77 of it with these tails.
_NOISE_RECYCLING_PASSPORT, _NOISE_RECYCLING_CLASS, _NOISE_RECYCLING_LETTER = 0.060, 0.100, 0.125
_NOISE_RECYCLING_CODE_ALONE = 0.180
_NOISE_FURTHER_USE = np.array([0.200, 0.185, 0.165, 0.145, 0.130])  # by tier of evidence T0 to T4
_NOISE_FLOOR_CNY_PER_KWH = 8.0
_TAIL = 0.86  # below one: heavier tails than normal
_SPREAD_BEFORE_SCALING = 1.2613  # standard deviation of sinh(asinh(z) / _TAIL) for standard normal z
_Z95 = 1.6448536269514722


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """Expected price and noise scale of each deal [CNY without VAT], its use and the value of every use."""

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


def price(asked: Asked) -> Priced:
    """Return the expected price of every deal, exactly, given the record and the quotes of the day.

    The noise is symmetric, so the expectation is the median as well. The use that a pack ends in is drawn by ``ticket``
    (0-1) from the uses that are nearly as good as the best; it does not move the price, for nobody knows it beforehand.
    """
    legs, taken = legs_of(asked)
    best = np.where(np.isnan(legs), -np.inf, legs).max(axis=1)
    softness = _CLOSE_CALL * np.abs(best) + _CLOSE_CALL_CNY_PER_KWH * asked.view.energy_kwh
    with np.errstate(under="ignore"):
        weight = np.where(np.isnan(legs), 0.0, taken * np.exp((legs - best[:, None]) / softness[:, None]))
    total = weight.sum(axis=1)
    share = weight / total[:, None]
    expected = best + 0.5 * softness * np.log(total)
    route = (asked.ticket[:, None] > np.cumsum(share, axis=1)[:, :2]).sum(axis=1)
    scale = _noise(asked.view, share) * (np.abs(expected) + _NOISE_FLOOR_CNY_PER_KWH * asked.view.energy_kwh)
    return Priced(expected=expected, scale=scale, route=route, legs=legs)


def _noise(view: MarketView, share: FloatArray) -> FloatArray:
    """Return the relative spread of a deal: by what is known of metals and health, and by the uses open."""
    by_class = np.where(view.chemistry_told, _NOISE_RECYCLING_CLASS, _NOISE_RECYCLING_LETTER)
    by_class = np.where(view.tier == 0, _NOISE_RECYCLING_CODE_ALONE, by_class)
    recycling = np.where(view.composition_told, _NOISE_RECYCLING_PASSPORT, by_class)
    noise: FloatArray = share[:, RECYCLING] * recycling + (1.0 - share[:, RECYCLING]) * _NOISE_FURTHER_USE[view.tier]
    return noise


def heavy_tailed(z: FloatArray) -> FloatArray:
    """Turn standard normal numbers into symmetric ones with unit scale and mildly heavier tails.

    >>> float(heavy_tailed(np.array(0.0))), bool(heavy_tailed(np.array(4.0)) > 4.0)
    (0.0, True)
    """
    scaled: FloatArray = np.sinh(np.arcsinh(z) / _TAIL) / _SPREAD_BEFORE_SCALING
    return scaled
