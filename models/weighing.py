"""Sales never trained on, weighed: by age, by how they were judged, and quantiles of their scores."""

from __future__ import annotations

import numpy as np

from models.band import FORWARD, LEVELS, LIVE, SEEN, Records
from valuation.columns import BoolArray, FloatArray

_ENOUGH_FORWARD = 200
_HINDSIGHT_WEIGHT = 0.2


def decayed(records: Records, half_life: float, as_of: float) -> FloatArray:
    """Return the records' weights, halved for every half-life between the sale and the day."""
    if np.isnan(as_of):
        return records.weight
    age = np.maximum(as_of - records.day, 0.0)
    return records.weight * np.where(np.isnan(age), 1.0, np.exp2(-age / half_life))


def effective_rows(weight: FloatArray) -> float:
    """Return how many equal weights say as much as these (L. Kish, 1965).

    >>> effective_rows(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    square = float(np.sum(weight * weight))
    return float(np.sum(weight)) ** 2 / square if square > 0.0 else 0.0


def trust(records: Records) -> FloatArray:
    """Return what a record's kind is worth: folds at random look into the future, forward sales do not."""
    enough = np.count_nonzero(ahead(records)) >= _ENOUGH_FORWARD
    return np.where((records.kind == SEEN) & enough, _HINDSIGHT_WEIGHT, 1.0)


def ahead(records: Records) -> BoolArray:
    """Return which sales were priced before their day: forward in training, and those reported since."""
    told: BoolArray = (records.kind == FORWARD) | (records.kind == LIVE)
    return told


def weighted_quantile(values: FloatArray, weight: FloatArray, level: float) -> float:
    """Return the value below which the given share of the weight lies, halfway cells interpolated.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.5)
    2.0
    """
    order = np.argsort(values, kind="stable")
    middle = np.cumsum(weight[order]) - 0.5 * weight[order]
    return float(np.interp(level * np.sum(weight), middle, values[order]))


def from_below(score: FloatArray, weight: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the least score that enough of the weight does not exceed, the sale to come counted beyond it."""
    order = np.argsort(score, kind="stable")
    rows = effective_rows(weight)
    share = np.cumsum(weight[order] / np.sum(weight))
    wanted = np.minimum((rows + 1.0) / rows * levels, 1.0) - 1e-12
    ordered: FloatArray = score[order][np.minimum(np.searchsorted(share, wanted), len(score) - 1)]
    return ordered


def strain(table: FloatArray, records: Records) -> FloatArray:
    """Return how far each sale fell, as a share of the way to the edge of its group's 90 % band on that side."""
    lower, upper = (table[records.group, int(np.flatnonzero(p == LEVELS)[0])] for p in (0.05, 0.95))
    edge = np.where(records.score < 0.0, lower, upper)
    return records.score / np.where(edge == 0.0, 1.0, edge)
