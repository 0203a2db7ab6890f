"""How much of what was learned over the structural value carries forward to days not yet sold (可延续的份额).

Folds at random show what past sales say of each other. Asked ahead of their day, forests say too much: part of what
they found belonged to the days they saw, while the structural value goes on. The share that later sales confirm is
kept.
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
    """The share of the learned value that is kept, and the level towards which the rest of it is taken back."""

    share: float = 1.0
    level: float = 0.0

    def of(self, mean: FloatArray) -> FloatArray:
        """Return means of which the share is kept.

        >>> Shrinkage(share=0.5, level=1.0).of(np.array([1.0, 3.0])).tolist()
        [1.0, 2.0]
        """
        return mean if self.share == 1.0 else self.level + self.share * (mean - self.level)

    def within(self, part: MeanPart) -> MeanPart:
        """Return a mean that says the same of itself: terms, intercept and leaves by the share."""
        if self.share == 1.0:
            return part
        intercept = self.share * part.linear.intercept + (1.0 - self.share) * self.level / LINEAR_SHARE
        linear = replace(part.linear, coefficient=self.share * part.linear.coefficient, intercept=intercept)
        return replace(part, linear=linear, forest=replace(part.forest, value=self.share * part.forest.value))


def fit_shrinkage(stretches: Sequence[tuple[FloatArray, FloatArray, FloatArray]], level: float) -> Shrinkage:
    """Return what later sales confirm.

    Parameters
    ----------
    stretches
        Of each stretch of time after a training: mean mean, target, weight. Each stands for itself, so that a market
        whose level has moved meanwhile says nothing here.
    level
        Middle of the means, towards which they are taken back.

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
