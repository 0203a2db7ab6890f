"""Metrics of a price forecast (评估指标): error, coverage, band width and interval score, in total and by segment.

WAPE is the sum of absolute errors over the sum of absolute prices, so packs near zero value do not dominate. MAPE is
the mean relative error of packs worth at least :data:`SMALL_CNY_PER_KWH`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray

SMALL_CNY_PER_KWH = 20.0
"""Lowest absolute price that enters MAPE. [CNY/kWh]"""
LEAST_SALES = 50
"""Fewest sales for which a segment is scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Metrics of one set of sales; fractions [1], or CNY/kWh where the name says so."""

    sales: int
    coverage: float
    mape: float
    wape: float
    bias: float
    mean_width_per_kwh: float
    relative_width: float
    interval_score_per_kwh: float

    def as_dict(self) -> dict[str, float]:
        """Return the metrics by name."""
        return {name: float(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Predicted point and band of sales, and their realised prices. [CNY/kWh without VAT]"""

    price: FloatArray
    point: FloatArray
    lower: FloatArray
    upper: FloatArray

    def where(self, keep: BoolArray) -> Forecast:
        """Return the forecasts of the selected sales."""
        return Forecast(price=self.price[keep], point=self.point[keep], lower=self.lower[keep], upper=self.upper[keep])

    def times(self, share: FloatArray) -> Forecast:
        """Return forecasts and prices times a factor, to convert them to another rated energy."""
        return Forecast(
            price=self.price * share, point=self.point * share, lower=self.lower * share, upper=self.upper * share
        )


def score_forecast(forecast: Forecast, level: float) -> Scores:
    """Return the metrics of a forecast.

    The interval score (T. Gneiting and A. E. Raftery, 2007) is the band width plus 2/(1 - level) times the distance of
    the price outside the band. Lower is better.

    >>> hundred = np.array([100.0])
    >>> band = Forecast(price=hundred, point=hundred - 10, lower=hundred - 20, upper=hundred + 10)
    >>> scores = score_forecast(band, 0.9)
    >>> (scores.coverage, round(scores.mape, 3), scores.interval_score_per_kwh)
    (1.0, 0.1, 30.0)
    """
    price, lower, upper = forecast.price, forecast.lower, forecast.upper
    error = forecast.point - price
    width = upper - lower
    outside = np.maximum(lower - price, 0.0) + np.maximum(price - upper, 0.0)
    ratio = np.abs(price) >= SMALL_CNY_PER_KWH
    size = np.abs(price)
    return Scores(
        sales=len(price),
        coverage=float(np.mean(outside == 0.0)),
        mape=float(np.mean(np.abs(error[ratio]) / size[ratio])) if ratio.any() else float("nan"),
        wape=float(np.sum(np.abs(error)) / np.sum(size)),
        bias=float(np.sum(error) / np.sum(size)),
        mean_width_per_kwh=float(np.mean(width)),
        relative_width=float(np.sum(width) / np.sum(size)),
        interval_score_per_kwh=float(np.mean(width + 2.0 / (1.0 - level) * outside)),
    )


def score_by_segment(
    forecast: Forecast, segment: Sequence[str], level: float, least: int = LEAST_SALES
) -> dict[str, Scores]:
    """Return the metrics of each segment with at least `least` sales, by name."""
    names = np.array(segment)
    by_name = {}
    for name in sorted(set(segment)):
        keep = names == name
        if int(keep.sum()) >= least:
            by_name[name] = score_forecast(forecast.where(keep), level)
    return by_name
