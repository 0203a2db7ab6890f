"""The band around the point (预测区间): how far sales never trained on fell from it, by group, by date.

One table of standardised residuals. Each group's quantiles are shrunk to its parent's, the parent's to the pool's, the
pool's to a heavy-tailed reference, so a band is finite from the first sale on and every group keeps its own shape as
far as its sales speak. A group never seen gets the quantiles found by leaving whole groups out; a group with few sales
stands in between. Quantiles below the middle are never above the point and those above never below, so none cross.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.groups import Groups
from valuation.columns import BoolArray, FloatArray, IntArray

_TAIL = (0.001, 0.0025, 0.005)
GRID = (*_TAIL, *(k / 100.0 for k in range(1, 100)), 0.025, 0.975, *(1.0 - p for p in _TAIL))
LEVELS = np.array(sorted(GRID))
_MIDDLE = int(np.flatnonzero(LEVELS == 0.5)[0])

SEEN = 0
GROUP_LEFT_OUT = 1
FORWARD = 2
LIVE = 3

_NO_EXPERIENCE = 1.5  # how much wider where no group could be left out to learn from
_CLUSTER_ROWS = 3.0
_ENOUGH_FORWARD = 200
_HINDSIGHT_WEIGHT = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class BandSettings:
    """How groups are shrunk, how fast sales age and how late they are known.

    ``group_rows``: sales at which a group's own shape weighs as much as its parent's. ``shift_rows``: the same for its
    level. ``familiar_rows``: sales at which a group counts as half familiar. Days: half-lives of anchor and
    calibration weights; how long after a sale its price is known.
    """

    group_rows: float = 100.0
    shift_rows: float = 30.0
    familiar_rows: float = 3.0
    prior_rows: float = 10.0
    anchor_days: float = 60.0
    decay_days: float = 180.0
    label_delay_days: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Records:
    """Sales the mean was not trained on: what the band is made of.

    Attributes
    ----------
    residual
        Price minus mean on the scale, before any anchor.
    score
        The residual left after the anchor known on its day, over the predicted width.
    weight, day
        Weight of the sale; its day (NaN where no time was given).
    group
        Code of its group in ``Groups.names``.
    kind
        SEEN: folds at random. GROUP_LEFT_OUT: its whole group was left out. FORWARD: priced by a model that had seen
        only earlier sales. LIVE: reported after training.

    """

    residual: FloatArray
    score: FloatArray
    weight: FloatArray
    day: FloatArray
    group: IntArray
    kind: IntArray

    def take(self, rows: BoolArray) -> Records:
        """Return some of the records."""
        return Records(**{name: getattr(self, name)[rows] for name in Records.__slots__})

    def joined(self, other: Records) -> Records:
        """Return these records followed by others."""
        return Records(
            **{name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in Records.__slots__}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Quantiles of standardised residuals and the level shift of every group, ready to be read.

    Attributes
    ----------
    quantiles
        Shape (groups, levels): at :data:`LEVELS`, at most zero below the middle, at least zero above.
    unseen
        Shape (groups, levels): for a group never seen under each known parent.
    shift
        Per group what is added to the mean, on the scale.
    effective_rows
        Per group how many equally weighted sales its own quantiles stand on.
    newest_day
        Day of the newest sale used, NaN where no time was given.

    """

    quantiles: FloatArray
    unseen: FloatArray
    shift: FloatArray
    effective_rows: FloatArray
    newest_day: float

    def read(self, group: IntArray, known: BoolArray, level: float) -> FloatArray:
        """Return each row's standardised quantile at a level between 0 and 1."""
        table = np.where(known[:, np.newaxis], self.quantiles[group], self.unseen[group])
        above = int(np.searchsorted(LEVELS, level - 1e-12))
        above = min(max(above, 0), len(LEVELS) - 1)
        below = max(above - 1, 0)
        gap = LEVELS[above] - LEVELS[below]
        share = 1.0 if gap == 0.0 else min(max((level - LEVELS[below]) / gap, 0.0), 1.0)
        if share > 1.0 - 1e-9:
            return table[:, above]
        return table[:, below] + (table[:, above] - table[:, below]) * share


def build_band(records: Records, groups: Groups, shift: FloatArray, settings: BandSettings, as_of: float) -> Band:
    """Return the band that the records known by a day support.

    Parameters
    ----------
    records
        Sales never trained on; those later than ``as_of`` minus the label delay are left out by the caller.
    groups, shift
        The tree of groups and the level shift of each.
    settings
        How groups are shrunk and how fast sales age.
    as_of
        Day by which weights decay; NaN for no decay.

    """
    weight = decayed(records, settings.decay_days, as_of) * _trust(records)
    regular = records.kind != GROUP_LEFT_OUT
    quantiles = np.empty((len(groups.names), len(LEVELS)))
    effective = np.zeros(len(groups.names))
    members = groups.members(records.group)
    reference = _reference_quantiles()
    for code in range(len(groups.names)):
        rows = members[code][regular[members[code]]]
        effective[code] = effective_rows(weight[rows])
        parent = reference if code == 0 else quantiles[groups.parent[code]]
        half = settings.prior_rows if code == 0 else settings.group_rows
        quantiles[code] = _shrunk(records.score[rows], weight[rows], parent, effective[code] / (effective[code] + half))
    unseen = _unseen_quantiles(records, weight, quantiles[0])
    strange = settings.familiar_rows / (settings.familiar_rows + groups.rows)
    strange[0] = 0.0
    familiar = quantiles + strange[:, np.newaxis] * (_wider(quantiles, unseen) - quantiles)
    days = records.day[~np.isnan(records.day)]
    return Band(
        quantiles=familiar,
        unseen=_wider(quantiles, unseen),
        shift=shift,
        effective_rows=effective,
        newest_day=float(np.max(days)) if len(days) else float("nan"),
    )


def _trust(records: Records) -> FloatArray:
    """Return what a record's kind is worth: folds at random look into the future, forward sales do not."""
    forward = (records.kind == FORWARD) | (records.kind == LIVE)
    enough = np.count_nonzero(forward) >= _ENOUGH_FORWARD
    return np.where((records.kind == SEEN) & enough, _HINDSIGHT_WEIGHT, 1.0)


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


def level_shifts(
    residual: FloatArray, weight: FloatArray, group: IntArray, groups: Groups, half_rows: tuple[float, float]
) -> FloatArray:
    """Return each group's median residual, shrunk to its parent's, the pool's to zero.

    Parameters
    ----------
    residual, weight, group
        Of each sale.
    groups
        The tree of groups.
    half_rows
        Sales at which the pool's, and a group's, own median weighs one half.

    """
    shift = np.zeros(len(groups.names))
    members = groups.members(group)
    for code in range(len(groups.names)):
        rows = members[code][weight[members[code]] > 0.0]
        parent = 0.0 if code == 0 else shift[groups.parent[code]]
        effective = effective_rows(weight[rows])
        share = effective / (effective + half_rows[0 if code == 0 else 1]) if effective > 0.0 else 0.0
        middle = weighted_quantile(residual[rows], weight[rows], 0.5) if share > 0.0 else 0.0
        shift[code] = parent + share * (middle - parent)
    return shift


def weighted_quantile(values: FloatArray, weight: FloatArray, level: float) -> float:
    """Return the value below which the given share of the weight lies, halfway cells interpolated.

    >>> weighted_quantile(np.array([3.0, 1.0, 2.0]), np.ones(3), 0.5)
    2.0
    """
    order = np.argsort(values, kind="stable")
    middle = np.cumsum(weight[order]) - 0.5 * weight[order]
    return float(np.interp(level * np.sum(weight), middle, values[order]))


def _shrunk(score: FloatArray, weight: FloatArray, parent: FloatArray, share: float) -> FloatArray:
    if share == 0.0:
        return parent
    mixed = parent + share * (_own_quantiles(score, weight) - parent)
    return _uncrossed(mixed)


def _own_quantiles(score: FloatArray, weight: FloatArray) -> FloatArray:
    """Return conformal quantiles: each tail counts the sale to come among its own.

    The finite-sample rule k = ceil((n + 1) p) of split conformal prediction (V. Vovk et al., 2005), with weights
    normalised to the effective number; where it asks for more sales than there are, the farthest one serves and the
    shrinkage to the parent does the rest.
    """
    order = np.argsort(score, kind="stable")
    ordered, share = score[order], weight[order] / np.sum(weight)
    rows = effective_rows(weight)
    upper = np.cumsum(share)
    lower = np.cumsum(share[::-1])
    wanted = np.minimum((rows + 1.0) / rows * np.maximum(LEVELS, 1.0 - LEVELS), 1.0) - 1e-12
    last = len(score) - 1
    from_above = ordered[np.minimum(np.searchsorted(upper, wanted), last)]
    from_below = ordered[::-1][np.minimum(np.searchsorted(lower, wanted), last)]
    return np.where(LEVELS > 0.5, from_above, np.where(LEVELS < 0.5, from_below, 0.0))


def _uncrossed(quantiles: FloatArray) -> FloatArray:
    straight = np.maximum.accumulate(quantiles)
    straight[:_MIDDLE] = np.minimum(straight[:_MIDDLE], 0.0)
    straight[_MIDDLE] = 0.0
    straight[_MIDDLE + 1 :] = np.maximum(straight[_MIDDLE + 1 :], 0.0)
    return straight


def _reference_quantiles() -> FloatArray:
    """Return Student's t with four degrees of freedom, whose mean size is one (W. T. Shaw, 2006, closed form)."""
    product = 4.0 * LEVELS * (1.0 - LEVELS)
    ratio = np.cos(np.arccos(np.sqrt(product)) / 3.0) / np.sqrt(product)
    return np.sign(LEVELS - 0.5) * 2.0 * np.sqrt(np.maximum(ratio - 1.0, 0.0))


def _unseen_quantiles(records: Records, weight: FloatArray, pool: FloatArray) -> FloatArray:
    """Return quantiles for a group never seen: groups weigh by the root of their size, the pool stands behind."""
    out = records.kind == GROUP_LEFT_OUT
    if not np.any(out):
        return pool * _NO_EXPERIENCE
    sizes = np.bincount(records.group[out]).astype(np.float64)
    even = weight[out] / np.sqrt(sizes[records.group[out]])
    clusters = effective_rows(np.bincount(records.group[out], weights=even).astype(np.float64))
    share = clusters / (clusters + _CLUSTER_ROWS)
    return _shrunk(records.score[out], even, pool * _NO_EXPERIENCE, share)


def _wider(table: FloatArray, other: FloatArray) -> FloatArray:
    """Return the quantiles farther from the middle, level by level."""
    return np.where(LEVELS < 0.5, np.minimum(table, other), np.maximum(table, other))
