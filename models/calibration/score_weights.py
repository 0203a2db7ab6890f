"""Weights of calibration scores by age and kind, and weighted conformal quantiles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.inference.band import LEVELS, OUT_OF_FOLD, PREQUENTIAL, REPORTED, CalibrationScores
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_ENOUGH_FORWARD = 200
_HINDSIGHT_WEIGHT = 0.2
_SLACK = 1e-9  # share of a group's weight that rounding of sums may take


def time_decayed(records: CalibrationScores, half_life: float, as_of: float) -> FloatArray:
    """Return the weights with exponential decay by the age of the sale on a day."""
    if np.isnan(as_of):
        return records.weight
    age = np.maximum(as_of - records.day, 0.0)
    return records.weight * np.where(np.isnan(age), 1.0, np.exp2(-age / half_life))


def effective_rows(weight: FloatArray) -> float:
    """Return the effective sample size of weights (L. Kish, 1965).

    >>> effective_rows(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    square = float(np.sum(weight * weight))
    return float(np.sum(weight)) ** 2 / square if square > 0.0 else 0.0


def kind_weight(records: CalibrationScores) -> FloatArray:
    """Return the weight of each record's kind: random folds use later sales, prequential predictions do not."""
    enough = np.count_nonzero(is_prequential(records)) >= _ENOUGH_FORWARD
    return np.where((records.kind == OUT_OF_FOLD) & enough, _HINDSIGHT_WEIGHT, 1.0)


def is_prequential(records: CalibrationScores) -> BoolArray:
    """Return which sales were predicted from earlier sales only: prequential ones and those reported since training."""
    prequential: BoolArray = (records.kind == PREQUENTIAL) | (records.kind == REPORTED)
    return prequential


def weighted_quantile(values: FloatArray, weight: FloatArray, level: float) -> float:
    """Return the weighted quantile, interpolated between midpoints of the weights.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.5)
    2.0
    """
    order = np.argsort(values, kind="stable")
    middle = np.cumsum(weight[order]) - 0.5 * weight[order]
    return float(np.interp(level * np.sum(weight), middle, values[order]))


def conformal_quantile(
    score: FloatArray, weight: FloatArray, levels: FloatArray, order: IntArray | None = None
) -> FloatArray:
    """Return the weighted conformal quantile, with the finite-sample correction for one new sale.

    ``order`` sorts the scores, if it is known.
    """
    order = np.argsort(score) if order is None else order  # the order of equal scores does not change the result
    rows = effective_rows(weight)
    share = np.cumsum(weight[order] / np.sum(weight))
    wanted = np.minimum((rows + 1.0) / rows * levels, 1.0) - 1e-12
    ordered: FloatArray = score[order][np.minimum(np.searchsorted(share, wanted), len(score) - 1)]
    return ordered


def normalised_score(table: FloatArray, records: CalibrationScores) -> FloatArray:
    """Return each score divided by the edge of its group's 90 % band on the same side."""
    lower, upper = (table[records.group, int(np.flatnonzero(p == LEVELS)[0])] for p in (0.05, 0.95))
    edge = np.where(records.score < 0.0, lower, upper)
    return records.score / np.where(edge == 0.0, 1.0, edge)


def rows_by_group(weight: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """Return :func:`effective_rows` of each group.

    >>> rows_by_group(np.ones(3), np.array([0, 0, 2]), 3).tolist()
    [2.0, 0.0, 1.0]
    """
    total = np.bincount(group, weights=weight, minlength=groups)
    square = np.bincount(group, weights=weight * weight, minlength=groups)
    rows: FloatArray = np.divide(total * total, square, out=np.zeros(groups), where=square > 0.0)
    return rows


def median_by_group(values: FloatArray, weight: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """Return the weighted median of each group, zero for groups without weight.

    >>> median_by_group(np.array([3.0, 1.0, 2.0, 9.0]), np.ones(4), np.array([0, 0, 0, 2]), 3).tolist()
    [2.0, 0.0, 9.0]
    """
    order = np.lexsort((values, group))
    ordered = weight[order]
    reached = np.cumsum(ordered)
    total = np.bincount(group, weights=weight, minlength=groups)
    if not np.any(total > 0.0):
        return np.zeros(groups)
    before = np.concatenate([[0.0], reached])[np.searchsorted(group[order], np.arange(groups))]
    middle = np.interp(before + 0.5 * total, reached - 0.5 * ordered, values[order])
    medians: FloatArray = np.where(total > 0.0, middle, 0.0)
    return medians


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedScores:
    """Scores with all groups that each counts for.

    Attributes
    ----------
    score, weight
        Score and weight of each sale.
    row, group
        Index of the sale, and the group, of each pair of a sale and a group.
    order
        The order of the pairs by group, then by score.

    """

    score: FloatArray
    weight: FloatArray
    row: IntArray
    group: IntArray
    order: IntArray

    def of(self, sales: BoolArray) -> GroupedScores:
        """Return the pairs of some of the sales."""
        some = sales[self.row]
        place = np.cumsum(some) - 1
        return replace(self, row=self.row[some], group=self.group[some], order=place[self.order[some[self.order]]])

    def effective_rows(self, groups: int) -> FloatArray:
        """Return the effective rows of each group."""
        return rows_by_group(self.weight[self.row], self.group, groups)

    def quantiles(self, rows: FloatArray, levels: FloatArray = LEVELS) -> FloatArray:
        """Return conformal quantiles of each group at rising levels, both tails with the correction for one new sale.

        The finite-sample rule k = ceil((n + 1) p) of split conformal prediction (V. Vovk et al., 2005), with weights
        normalised to the effective rows. If it asks for more sales than there are, the extreme one is taken.
        The row of a group without weight is undefined.
        """
        code, row, groups = self.group[self.order], self.row[self.order], np.arange(len(rows))
        starts, ends = np.searchsorted(code, groups), np.searchsorted(code, groups, side="right")
        score, weight = self.score[row], self.weight[row]
        total = np.bincount(self.group, weights=self.weight[self.row], minlength=len(rows))
        factor = np.divide(rows + 1.0, rows, out=np.zeros(len(rows)), where=rows > 0.0)
        falling = (starts + ends - 1)[code] - np.arange(len(code))
        own = np.zeros((len(rows), len(levels)))
        for tail, share_below, places in ((levels > 0.5, levels, slice(None)), (levels < 0.5, 1.0 - levels, falling)):
            reached = np.cumsum(weight[places])
            before = np.concatenate([[0.0], reached])[starts]
            share = code + np.minimum((reached - before[code]) / np.where(total > 0.0, total, 1.0)[code], 1.0)
            wanted = groups[:, np.newaxis] + np.minimum(factor[:, np.newaxis] * share_below[tail], 1.0) - _SLACK
            found = np.minimum(np.searchsorted(share, wanted), np.maximum(ends - 1, 0)[:, np.newaxis])
            own[:, tail] = score[places][found] if len(score) else 0.0
        return own


def grouped_scores(
    score: FloatArray, weight: FloatArray, pairs: tuple[IntArray, IntArray] | None = None
) -> GroupedScores:
    """Return the scores by group from pairs of a row and a group; without pairs all sales form one group.

    >>> grouped_scores(np.array([3.0, 1.0]), np.ones(2), (np.array([0, 1, 0]), np.array([1, 1, 0]))).order.tolist()
    [2, 1, 0]
    """
    order = np.argsort(score)  # the order of equal scores does not change a quantile
    if pairs is None:
        pool = np.zeros(len(score), dtype=np.int64)
        return GroupedScores(score=score, weight=weight, row=np.arange(len(score)), group=pool, order=order)
    row, group = pairs
    rank = np.empty(len(score), dtype=np.int64)
    rank[order] = np.arange(len(score))
    return GroupedScores(
        score=score, weight=weight, row=row, group=group, order=np.argsort(group * len(score) + rank[row])
    )
