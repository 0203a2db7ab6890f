"""Pricing of the synthetic market (合成市场定价): the best of three routes, with noise of known distribution.

The expected price depends only on the record as reported by the day, the public quotes, the region, and traits that can
be learned from other sales. What a valuer cannot know (seller and buyer, lot, final route, bargaining, true content) is
noise with known mean and quantiles. Its size follows the accuracy of the trade: a mean error of 5 % with a recorded
composition, 8 % with the chemistry class only, 14 % with a guessed class, 10 to 15 % for second life and reuse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.sales.buyer_view import MarketView
from training.simulation.sales.route_offers import VAT, PricingInput, offers_by_route
from valuation.numeric.columns import FloatArray, IntArray

__all__ = ["RECYCLING", "REUSE", "ROUTES", "SECOND_LIFE", "VAT", "Priced", "PricingInput", "heavy_tailed", "price"]

ROUTES = ("recycling", "second_life", "reuse")
RECYCLING, SECOND_LIFE, REUSE = range(3)
_CLOSE_CALL, _CLOSE_CALL_CNY_PER_KWH = 0.04, 2.0  # routes within this margin are about equally likely
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
    """Expected price and noise scale of each deal [CNY without VAT], its route and the value of every route."""

    expected: FloatArray
    scale: FloatArray
    route: IntArray
    route_offers: FloatArray

    @property
    def lower90(self) -> FloatArray:
        """5 % quantile of the price. [CNY]"""
        return self.expected - self.scale * float(heavy_tailed(np.array(_Z95)))

    @property
    def upper90(self) -> FloatArray:
        """95 % quantile of the price. [CNY]"""
        return self.expected + self.scale * float(heavy_tailed(np.array(_Z95)))


def price(inputs: PricingInput) -> Priced:
    """Return the exact expected price of every deal, given the record and the quotes of the day.

    The noise is symmetric, so the expectation is also the median. The final route is drawn by ``ticket`` (0-1) from the
    routes nearly as good as the best; it does not affect the price, because it is unknown beforehand.
    """
    route_offers, taken = offers_by_route(inputs)
    best = np.where(np.isnan(route_offers), -np.inf, route_offers).max(axis=1)
    softness = _CLOSE_CALL * np.abs(best) + _CLOSE_CALL_CNY_PER_KWH * inputs.view.energy_kwh
    with np.errstate(under="ignore"):
        weight = np.where(
            np.isnan(route_offers), 0.0, taken * np.exp((route_offers - best[:, None]) / softness[:, None])
        )
    total = weight.sum(axis=1)
    share = weight / total[:, None]
    expected = best + 0.5 * softness * np.log(total)
    route = (inputs.ticket[:, None] > np.cumsum(share, axis=1)[:, :2]).sum(axis=1)
    scale = _noise(inputs.view, share) * (np.abs(expected) + _NOISE_FLOOR_CNY_PER_KWH * inputs.view.energy_kwh)
    return Priced(expected=expected, scale=scale, route=route, route_offers=route_offers)


def _noise(view: MarketView, share: FloatArray) -> FloatArray:
    """Return the relative standard deviation of a price by the knowledge of metals and health and the open routes."""
    by_class = np.where(view.recorded_chemistry, _NOISE_RECYCLING_CLASS, _NOISE_RECYCLING_LETTER)
    by_class = np.where(view.tier == 0, _NOISE_RECYCLING_CODE_ALONE, by_class)
    recycling = np.where(view.recorded_composition, _NOISE_RECYCLING_PASSPORT, by_class)
    noise: FloatArray = share[:, RECYCLING] * recycling + (1.0 - share[:, RECYCLING]) * _NOISE_FURTHER_USE[view.tier]
    return noise


def heavy_tailed(z: FloatArray) -> FloatArray:
    """Transform standard normal numbers to a symmetric distribution with unit variance and heavier tails.

    >>> float(heavy_tailed(np.array(0.0))), bool(heavy_tailed(np.array(4.0)) > 4.0)
    (0.0, True)
    """
    scaled: FloatArray = np.sinh(np.arcsinh(z) / _TAIL) / _SPREAD_BEFORE_SCALING
    return scaled
