"""How the width is learned: from sales judged by means that had not seen them, or had not even seen their group."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.booster import BoosterSettings, Sample, grow, with_trees
from models.fitted import WidthPart
from models.forest import Forest, empty_forest
from valuation.columns import BoolArray, FloatArray, IntArray

_PATIENCE = 30
_ENOUGH_ROWS = 25_000
_STRETCH_ROWS = 200.0
_LEAST_WIDTH = 0.01  # of the mean width: keeps the logarithm of a deviation of nothing finite


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """Sales judged by means that had not seen them.

    Attributes
    ----------
    rows
        Which sales of the ledger.
    encoded, mean, residual
        What was known of each, what was said of it, how far it fell from that; on the scale.
    weight
        Of each.
    fold
        Rows of one fold are given a width that no row of that fold has taught.

    """

    rows: IntArray
    encoded: FloatArray
    mean: FloatArray
    residual: FloatArray
    weight: FloatArray
    fold: IntArray

    def take(self, rows: BoolArray) -> Verdicts:
        """Return some of the verdicts."""
        return Verdicts(**{name: getattr(self, name)[rows] for name in Verdicts.__slots__})

    def joined(self, other: Verdicts) -> Verdicts:
        """Return these verdicts followed by others."""
        return Verdicts(
            **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in Verdicts.__slots__}
        )


def learn_width(
    verdicts: Verdicts, directions: IntArray, growth: BoosterSettings, readable: BoolArray
) -> tuple[WidthPart, FloatArray]:
    """Return the width that all verdicts teach, and for each verdict one that its fold did not teach.

    Parameters
    ----------
    verdicts
        What to learn from.
    directions
        Required direction of each encoded column; the width reads none that has one.
    growth
        How its trees are grown.
    readable
        The encoded columns that may tell a width apart.

    """
    size = np.abs(verdicts.residual)
    unit = float(np.average(size, weights=verdicts.weight))
    columns = np.flatnonzero((directions == 0) & readable)
    shell = WidthPart(forest=empty_forest(0), unit=unit, columns=columns, reads_mean=not np.any(directions))
    if not unit > 1e-12 * (1.0 + float(np.max(np.abs(verdicts.mean)))):
        return replace(shell, unit=0.0), np.zeros(len(size))
    matrix = shell.matrix(verdicts.encoded, verdicts.mean)
    sample = Sample(matrix=matrix, target=size / unit + _LEAST_WIDTH, weight=verdicts.weight)
    logs, trees = _out_of_fold(sample, verdicts.fold, growth)
    forest: Forest = empty_forest(matrix.shape[1])
    if trees > 0:
        forest = grow(_some(sample), with_trees(growth, trees)).forest()
    stretch = _stretch(size, logs)
    return replace(shell, forest=replace(forest, value=stretch * forest.value)), unit * np.exp(stretch * logs)


def _out_of_fold(sample: Sample, fold: IntArray, growth: BoosterSettings) -> tuple[FloatArray, int]:
    pieces = []
    for k in np.unique(fold).tolist() if sample.matrix.shape[1] else []:
        train, test = fold != k, fold == k
        if np.any(train):
            judge = sample.take(test)
            pieces.append((test, judge.matrix, grow(_some(sample.take(train)), growth, _some(judge), _PATIENCE)))
    trees = fewest_errors([grown.curve for _, _, grown in pieces])
    logs = np.zeros(len(fold))
    for test, matrix, grown in pieces:
        logs[test] = grown.predict(matrix, trees)
    return logs, trees


def _some(sample: Sample) -> Sample:
    """Return every so manieth row: a small forest learns no more from millions."""
    return sample.take(np.arange(len(sample.target)) % max(1, len(sample.target) // _ENOUGH_ROWS) == 0)


def _stretch(size: FloatArray, logs: FloatArray) -> float:
    """Return the power of the width under which deviations are likeliest (gamma): trees stopped early say too little.

    Wide is then a little wider and narrow narrower. Half of what the likelihood asks for is taken, and less where few
    sales can tell: all of it helped some sets and harmed others.
    """
    powers = np.linspace(0.7, 1.7, 41)
    costs = [float(np.log(np.mean(size * np.exp(-power * logs))) + power * np.mean(logs)) for power in powers]
    best = float(powers[int(np.argmin(costs))])
    return 1.0 + 0.5 * (best - 1.0) * len(size) / (len(size) + _STRETCH_ROWS)


def fewest_errors(curves: list[FloatArray]) -> int:
    """Return the number of trees at which the folds' mean error is least, zero where nobody judged.

    >>> fewest_errors([np.array([3.0, 1.0, 2.0]), np.array([3.0, 2.0])])
    2
    """
    length = min((len(curve) for curve in curves), default=0)
    mean = np.zeros(length)
    for curve in curves:
        mean += curve[:length]
    return int(np.argmin(mean)) + 1 if length else 0
