"""Shrinkage of the learned value towards the structural value for later days (收缩系数).

Predictions in random folds use later sales. In prequential predictions forests overfit: part of the learned value is
specific to the days of training. The share that prequential predictions support is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from models.calibration.score_weights import effective_rows
from models.inference.fitted_model import LINEAR_SHARE, MeanPart
from valuation.numeric.columns import FloatArray

_ROWS = 200.0  # later sales at which what they say weighs one half
_LEAST = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrinkage:
    """The share of the learned value that is kept, and the level to which it is shrunk."""

    share: float = 1.0
    level: float = 0.0

    def of(self, mean: FloatArray) -> FloatArray:
        """Return means shrunk by the share.

        >>> Shrinkage(share=0.5, level=1.0).of(np.array([1.0, 3.0])).tolist()
        [1.0, 2.0]
        """
        return mean if self.share == 1.0 else self.level + self.share * (mean - self.level)

    def within(self, part: MeanPart) -> MeanPart:
        """Return a mean whose predictions are shrunk: terms, intercept and leaves times the share."""
        if self.share == 1.0:
            return part
        intercept = self.share * part.linear.intercept + (1.0 - self.share) * self.level / LINEAR_SHARE
        linear = replace(part.linear, coefficient=self.share * part.linear.coefficient, intercept=intercept)
        return replace(part, linear=linear, forest=replace(part.forest, value=self.share * part.forest.value))


def fit_shrinkage(stretches: Sequence[tuple[FloatArray, FloatArray, FloatArray]], level: float) -> Shrinkage:
    """Return the shrinkage that prequential predictions support.

    Parameters
    ----------
    stretches
        Mean, target and weight of the sales of each period after a training. Each period has its own level, so that
        level shifts of the market do not matter.
    level
        Average of the means, to which they are shrunk.

    >>> mean = np.linspace(-1.0, 1.0, 1001)
    >>> round(fit_shrinkage([(mean, 3.0 + 0.7 * mean, np.ones(1001))], 0.0).share, 2)
    0.75
    """
    shared, spread, rows = 0.0, 0.0, 0.0
    for mean, target, weight in stretches:
        away = mean - np.average(mean, weights=weight)
        shared += float(np.sum(weight * away * (target - np.average(target, weights=weight))))
        spread += float(np.sum(weight * away * away))
        rows += effective_rows(weight)
    confirmed = shared / spread if spread > 0.0 else 1.0
    share = 1.0 + rows / (rows + _ROWS) * (min(max(confirmed, _LEAST), 1.0) - 1.0)
    return Shrinkage(share=share, level=level)
