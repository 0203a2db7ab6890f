"""How good a model is on sales it has never seen: error, coverage, width and interval score, in all and by segment.

Error and width are relative to what packs fetch, weighted so that packs near zero value do not dominate: sums of
absolute errors over sums of absolute prices (WAPE) beside the mean of the ratios (MAPE) of packs worth more than
:data:`SMALL_CNY_PER_KWH`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray

SMALL_CNY_PER_KWH = 20.0
"""Below this a ratio of errors says nothing. [CNY/kWh]"""
LEAST_SALES = 50
"""A segment with fewer sales is not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Figures of one set of sales; fractions, and CNY/kWh where named."""

    sales: int
    coverage: float
    mape: float
    wape: float
    bias: float
    mean_width_per_kwh: float
    relative_width: float
    interval_score_per_kwh: float

    def as_dict(self) -> dict[str, float]:
        """Return the figures by name."""
        return {name: float(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a model said about sales, and what they fetched. [CNY/kWh without VAT]"""

    price: FloatArray
    point: FloatArray
    lower: FloatArray
    upper: FloatArray

    def where(self, keep: BoolArray) -> Forecast:
        """Return the forecasts of some sales."""
        return Forecast(price=self.price[keep], point=self.point[keep], lower=self.lower[keep], upper=self.upper[keep])

    def times(self, share: FloatArray) -> Forecast:
        """Return the forecasts, and what was fetched, each times a share: per kWh of another rated energy."""
        return Forecast(
            price=self.price * share, point=self.point * share, lower=self.lower * share, upper=self.upper * share
        )


def judge(forecast: Forecast, level: float) -> Verdict:
    """Return the figures of a forecast.

    The interval score (T. Gneiting and A. E. Raftery, 2007) is the width plus 2/(1 - level) times what the price lies
    outside; lower is better, and it rewards bands that are narrow and true at once.

    >>> hundred = np.array([100.0])
    >>> band = Forecast(price=hundred, point=hundred - 10, lower=hundred - 20, upper=hundred + 10)
    >>> verdict = judge(band, 0.9)
    >>> (verdict.coverage, round(verdict.mape, 3), verdict.interval_score_per_kwh)
    (1.0, 0.1, 30.0)
    """
    price, lower, upper = forecast.price, forecast.lower, forecast.upper
    error = forecast.point - price
    width = upper - lower
    outside = np.maximum(lower - price, 0.0) + np.maximum(price - upper, 0.0)
    ratio = np.abs(price) >= SMALL_CNY_PER_KWH
    size = np.abs(price)
    return Verdict(
        sales=len(price),
        coverage=float(np.mean(outside == 0.0)),
        mape=float(np.mean(np.abs(error[ratio]) / size[ratio])) if ratio.any() else float("nan"),
        wape=float(np.sum(np.abs(error)) / np.sum(size)),
        bias=float(np.sum(error) / np.sum(size)),
        mean_width_per_kwh=float(np.mean(width)),
        relative_width=float(np.sum(width) / np.sum(size)),
        interval_score_per_kwh=float(np.mean(width + 2.0 / (1.0 - level) * outside)),
    )


def judge_by(forecast: Forecast, segment: Sequence[str], level: float, least: int = LEAST_SALES) -> dict[str, Verdict]:
    """Return the figures of each segment that has sales enough, by name."""
    names = np.array(segment)
    verdicts = {}
    for name in sorted(set(segment)):
        keep = names == name
        if int(keep.sum()) >= least:
            verdicts[name] = judge(forecast.where(keep), level)
    return verdicts
