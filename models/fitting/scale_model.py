"""Fit of the width on the sizes of out-of-fold and leave-group-out residuals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.booster.boosting import BoosterSettings, Sample, grow, with_trees
from models.inference.fitted_model import WidthPart
from models.inference.forest import Forest, empty_forest
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_PATIENCE = 0.2  # of the trees allowed: the fold that stops first decides for all
_FOLDS = 3  # of sales: residuals of two thirds suffice for the width
_ENOUGH_ROWS, _ENOUGH_TO_VALIDATE = 25_000, 12_500
_LEAST_WIDTH = 0.01  # of the mean width: keeps the logarithm of a deviation of nothing finite


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfFoldResiduals:
    """Out-of-sample residuals of sales.

    Attributes
    ----------
    rows
        Indices of the sales in the training set.
    encoded, mean, residual
        Encoded features, predicted mean and residual of each, on the scale.
    weight
        Weight of each.
    fold, group_fold, left_out
        Fold of the sale, fold of its group, and whether the group was left out. The width of a sale is fitted without
        the sales of its fold, or of its group's fold if the group was left out. A sale may have both kinds of
        residuals; they are correlated, so neither is used to fit the width of the other.

    """

    rows: IntArray
    encoded: FloatArray
    mean: FloatArray
    residual: FloatArray
    weight: FloatArray
    fold: IntArray
    group_fold: IntArray
    left_out: BoolArray

    def take(self, rows: BoolArray) -> OutOfFoldResiduals:
        """Return some of the residuals."""
        return OutOfFoldResiduals(**{name: getattr(self, name)[rows] for name in OutOfFoldResiduals.__slots__})

    def joined(self, other: OutOfFoldResiduals) -> OutOfFoldResiduals:
        """Return these residuals followed by others."""
        return OutOfFoldResiduals(
            **{
                name: np.concatenate([getattr(self, name), getattr(other, name)])
                for name in OutOfFoldResiduals.__slots__
            }
        )

    def parted(self) -> list[tuple[BoolArray, BoolArray]]:
        """Return pairs of training and validation rows; no pair shares a sale or a left-out group."""
        return [
            (apart != k, (apart == k) & (self.left_out == left_out))
            for apart, left_out in ((self.fold % _FOLDS, False), (self.group_fold, True))
            for k in np.unique(apart).tolist()
        ]


def fit_scale_model(
    residuals: OutOfFoldResiduals, directions: IntArray, growth: BoosterSettings, readable: BoolArray
) -> tuple[WidthPart, FloatArray]:
    """Return the width fitted on all residuals, and the out-of-fold width of each.

    Parameters
    ----------
    residuals
        The residuals.
    directions
        Required direction of each encoded column; the width uses no column with one.
    growth
        Settings of the forest.
    readable
        The encoded columns that the width may use.

    """
    size = np.abs(residuals.residual)
    unit = float(np.average(size, weights=residuals.weight))
    columns = np.flatnonzero((directions == 0) & readable)
    shell = WidthPart(forest=empty_forest(0), unit=unit, columns=columns, reads_mean=not np.any(directions))
    if not unit > 1e-12 * (1.0 + float(np.max(np.abs(residuals.mean)))):
        return replace(shell, unit=0.0), np.zeros(len(size))
    matrix = shell.matrix(residuals.encoded, residuals.mean)
    sample = Sample(matrix=matrix, target=size / unit + _LEAST_WIDTH, weight=residuals.weight)
    logs, trees = _out_of_fold(sample, residuals.parted(), growth)
    forest: Forest = empty_forest(matrix.shape[1])
    if trees > 0:
        forest = grow(_some(sample, _ENOUGH_ROWS), with_trees(growth, trees)).forest()
    return replace(shell, forest=forest), unit * np.exp(logs)


def _out_of_fold(
    sample: Sample, parted: list[tuple[BoolArray, BoolArray]], growth: BoosterSettings
) -> tuple[FloatArray, int]:
    pieces, patience = [], round(_PATIENCE * growth.trees)
    for train, test in parted if sample.matrix.shape[1] else []:
        if np.any(train) and np.any(test):
            training, validation = sample.take(train), sample.take(test)
            grown = grow(_some(training, _ENOUGH_TO_VALIDATE), growth, _some(validation, _ENOUGH_TO_VALIDATE), patience)
            pieces.append((test, validation.matrix, grown))
    trees = fewest_errors([grown.curve for _, _, grown in pieces])
    logs = np.zeros(len(sample.target))
    for test, matrix, grown in pieces:
        logs[test] = grown.predict(matrix, trees)
    return logs, trees


def _some(sample: Sample, enough: int) -> Sample:
    """Return a subsample of the rows, which suffices for a small forest."""
    return sample.take(np.arange(len(sample.target)) % max(1, len(sample.target) // enough) == 0)


def fewest_errors(curves: list[FloatArray]) -> int:
    """Return the number of trees with the least mean validation error, zero without validation.

    >>> fewest_errors([np.array([3.0, 1.0, 2.0]), np.array([3.0, 2.0])])
    2
    """
    length = min((len(curve) for curve in curves), default=0)
    mean = np.zeros(length)
    for curve in curves:
        mean += curve[:length]
    return int(np.argmin(mean)) + 1 if length else 0
