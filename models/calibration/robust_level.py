"""Robust location of groups of sales: Huber's M-estimate with a prior at zero and a weight cap per reporter.

The influence of one sale on the level of its group is bounded, because its residual is clipped and the prior is not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.calibration.score_weights import weighted_quantile
from valuation.numeric.columns import FloatArray, IntArray

CLIP_SIGMAS = 0.5
"""Residual beyond which the influence of a sale is constant, in robust standard deviations (P. J. Huber, 1964)."""
PULLING_SHARE = 0.383
"""Share of normally distributed residuals within the clip."""
_NORMAL_MAD = 1.4826  # standard deviation over median absolute deviation, normal distribution
_LEAST_REPORTERS = 3
_ROUNDS = 60
_NEWTON_ROUNDS = 20
_TOLERANCE = 1e-9


def robust_sigma(residual: FloatArray, weight: FloatArray) -> float:
    """Return the standard deviation of residuals from their median absolute deviation; 0 without residuals.

    >>> round(robust_sigma(np.array([-1.0, 0.0, 1.0, 1e9]), np.ones(4)), 2)
    1.48
    """
    if not np.any(weight > 0.0):
        return 0.0
    middle = weighted_quantile(residual, weight, 0.5)
    return _NORMAL_MAD * weighted_quantile(np.abs(residual - middle), weight, 0.5)


def robust_levels(
    sales: tuple[FloatArray, FloatArray, IntArray], prior_rows: float, start: FloatArray, sigma: float
) -> FloatArray:
    """Return the level of each group at which the clipped residuals of its sales balance the prior at zero.

    Parameters
    ----------
    sales
        Residual, effective rows and group of each sale; groups are numbered from zero.
    prior_rows
        Number of sales at zero that the prior stands for.
    start
        Shape (groups,): start of the search.
    sigma
        Robust standard deviation of residuals.

    >>> robust_levels((np.array([0.0, 0.2, 1e6]), np.ones(3), np.zeros(3, dtype=int)), 0.0, np.zeros(1), 1.0).round(2)
    array([0.35])
    """
    residual, rows, group = sales
    count, clip = len(start), CLIP_SIGMAS * sigma
    total = np.bincount(group, weights=rows, minlength=count) + prior_rows
    level = start.copy()
    for turn in range(_ROUNDS):
        away = residual - level[group]
        pull = np.bincount(group, weights=rows * np.minimum(np.maximum(away, -clip), clip), minlength=count)
        slope = total
        if turn < _NEWTON_ROUNDS:
            inside = np.bincount(group, weights=rows * (np.abs(away) < clip), minlength=count) + prior_rows
            slope = np.where(inside > 0.0, inside, total)
        step = np.divide(pull - prior_rows * level, slope, out=np.zeros(count), where=slope > 0.0)
        level += step
        if float(np.max(np.abs(step), initial=0.0)) <= _TOLERANCE * sigma:
            break
    return level


def rows_of(weight: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """Return weights scaled so that they sum to the effective number of rows in each group.

    >>> rows_of(np.array([2.0, 2.0, 1.0]), np.array([0, 0, 1]), 2).tolist()
    [1.0, 1.0, 1.0]
    """
    total = np.bincount(group, weights=weight, minlength=groups)
    square = np.bincount(group, weights=weight * weight, minlength=groups)
    counted: FloatArray = weight * np.divide(total, square, out=np.zeros(groups), where=square > 0.0)[group]
    return counted


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterCap:
    """Cap on the weight of each reporter within each group, prepared once for the weights of many days.

    ``group`` is the group of each sale, ``pair`` numbers its group and reporter. ``starts`` is the first pair of each
    group, ``place`` the group of each pair. ``prior_rows`` is the number of sales that the prior stands for.
    """

    group: IntArray
    pair: IntArray
    starts: IntArray
    place: IntArray
    prior_rows: float

    def capped(self, weight: FloatArray) -> FloatArray:
        """Return weights of the first sales, capped so that no reporter has more than a third of a group's weight.

        At most two reporters can exceed a third, so the cap has a closed form. Sums are taken in the order of the
        sales, so later sales do not change a bit.
        """
        pair = self.pair[: len(weight)]
        carried = np.bincount(pair, weights=weight, minlength=len(self.place))
        total = np.bincount(self.group[: len(weight)], weights=weight, minlength=len(self.starts)) + self.prior_rows
        most = np.maximum.reduceat(carried, self.starts)
        greatest = carried == most[self.place]
        rest = np.maximum.reduceat(np.where(greatest, 0.0, carried), self.starts)
        second = np.where(np.add.reduceat(greatest.astype(np.int64), self.starts) > 1, most, rest)
        one, two = (total - most) / 2.0, np.maximum(total - most - second, 0.0)
        cap = np.where(most <= total / 3.0, np.inf, np.where(second <= one, one, two))[self.place]
        factor = np.divide(np.minimum(carried, cap), carried, out=np.ones(len(carried)), where=carried > 0.0)
        capped: FloatArray = weight * factor[pair]
        return capped


def reporter_cap(group: IntArray, reporter: IntArray, prior_rows: float = 0.0) -> ReporterCap:
    """Return the cap for sales with given groups and reporters, both numbered from zero; no group may be empty.

    >>> cap = reporter_cap(np.zeros(6, dtype=int), np.array([0, 0, 0, 0, 1, 2]))
    >>> cap.capped(np.ones(6)).tolist()
    [0.25, 0.25, 0.25, 0.25, 1.0, 1.0]
    """
    names = int(reporter.max()) + 1
    pairs, pair = np.unique(group * names + reporter, return_inverse=True)
    place = pairs // names
    starts = np.searchsorted(place, np.arange(int(place[-1]) + 1))
    return ReporterCap(group=group, pair=pair, starts=starts, place=place, prior_rows=prior_rows)


def capped_from(reporter: IntArray) -> int:
    """Return the number of sales after which three reporters have reported.

    >>> capped_from(np.array([0, 0, 1, 0, 2, 1]))
    5
    """
    first = np.sort(np.unique(reporter, return_index=True)[1])
    return int(first[_LEAST_REPORTERS - 1]) + 1 if len(first) >= _LEAST_REPORTERS else len(reporter) + 1
