"""Quantiles of a mixture of two distributions that are known by some of their own quantiles."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import normal_quantile

_POINTS: Final = 200
_SHARES: Final = (np.arange(_POINTS) + 0.5) / _POINTS


def mixture_quantiles(first: FloatArray, second: FloatArray, share: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the quantiles of two-part mixtures at the given levels, row by row.

    The quantiles of each part are interpolated linearly over the normal score, and extrapolated beyond the outermost.

    >>> one, two = np.array([[9.0, 10.0, 11.0]]), np.array([[19.0, 20.0, 21.0]])
    >>> mixture_quantiles(one, two, np.array([0.5]), np.array([0.05, 0.5, 0.95])).round(1).tolist()
    [[9.2, 15.0, 20.8]]

    Parameters
    ----------
    first, second
        Shape (n, levels).
    share
        Share of the second part, shape (n,).
    levels
        Shape (levels,), in any order.
    """
    known, place = np.unique(np.round(levels, 9), return_index=True)  # 0.05 and (1 - 0.9) / 2 are one level
    scores, at = normal_quantile(known), normal_quantile(_SHARES)
    result = np.empty((len(share), len(levels)))
    for row, weight in enumerate(share.tolist()):
        values = np.concatenate([_extended(at, scores, part[row, place]) for part in (first, second)])
        mass = np.repeat([(1.0 - weight) / _POINTS, weight / _POINTS], _POINTS)
        order = np.argsort(values, kind="stable")
        below = np.cumsum(mass[order]) - 0.5 * mass[order]
        result[row] = np.interp(levels, below, values[order])
    return result


def _extended(at: FloatArray, scores: FloatArray, values: FloatArray) -> FloatArray:
    """Return the piecewise linear function through the given points, its ends continued."""
    inside = np.interp(at, scores, values)
    low = values[0] + (at - scores[0]) * (values[1] - values[0]) / (scores[1] - scores[0])
    high = values[-1] + (at - scores[-1]) * (values[-1] - values[-2]) / (scores[-1] - scores[-2])
    return np.where(at < scores[0], low, np.where(at > scores[-1], high, inside))
