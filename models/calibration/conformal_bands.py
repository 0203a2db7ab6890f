"""How the band is made of sales never trained on: quantiles by group, shrunk to parents, checked, aged by date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.calibration.coverage_lag import coverage_lag
from models.calibration.score_weights import (
    GroupedScores,
    conformal_quantile,
    effective_rows,
    grouped_scores,
    kind_weight,
    median_by_group,
    normalised_score,
    rows_by_group,
    time_decayed,
)
from models.calibration.unseen_groups import cluster_share, even_weights
from models.inference.band import (
    GROUP_LEFT_OUT,
    LEVELS,
    MIDDLE,
    OUT_OF_FOLD,
    PREQUENTIAL,
    REPORTED,
    Band,
    BandSettings,
    CalibrationScores,
)
from models.inference.groups import Groups
from models.inference.shift_monitor import MOST_WIDENING, NO_SHIFT_DATA, ShiftMonitor, monitor_shift
from valuation.numeric.columns import FloatArray, IntArray

_NO_EXPERIENCE = 1.5  # how much wider where no group could be left out to learn from
_CHECKED = (0.005, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.975, 0.995)
_EDGE_SIGMAS = 1.645  # edge of a 90 % band, normal distribution
_CHECK_ROWS = 50.0  # sales at which the check of the table weighs one half


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifts:
    """How far each group's level has moved, and by how much it may be off.

    Attributes
    ----------
    known, unseen
        Shape (groups,): what is added to the mean of a known group, and of a group never seen under it.
    unsure
        Shape (groups,): by how much each may be off, which the band must cover.
    sigma
        Robust standard deviation of a deviation, on the scale.

    """

    known: FloatArray
    unseen: FloatArray
    unsure: FloatArray
    sigma: float

    def widening(self) -> FloatArray:
        """Return by how much each group's band must be wider to cover by how much its level may be off."""
        if self.sigma == 0.0:
            return np.ones(len(self.unsure))
        return np.minimum(1.0 + self.unsure / (_EDGE_SIGMAS * self.sigma), MOST_WIDENING)


def build_band(
    records: CalibrationScores, groups: Groups, shifts: Shifts, settings: BandSettings, as_of: float
) -> Band:
    """Return the band that the records known by a day support.

    Parameters
    ----------
    records
        Sales never trained on; those later than ``as_of`` minus the label delay are left out by the caller.
    groups, shifts
        The tree of groups; how far the level of each has moved.
    settings
        How groups are shrunk and how fast sales age.
    as_of
        Day by which weights decay; NaN for no decay.

    """
    weight = time_decayed(records, settings.decay_days, as_of) * kind_weight(records)
    regular = records.kind != GROUP_LEFT_OUT
    seen, heavy = records.take(regular), weight[regular]
    pool = _shrunk_pool(seen.score, heavy, settings)
    unseen, clusters = _unseen_quantiles(records, weight, groups, pool)
    scores = grouped_scores(seen.score, heavy, groups.pairs(seen.group))
    table, effective = _table(scores, pool, groups, unseen, settings)
    table = table * _factor(scores, seen.group, groups, unseen, settings)
    table = _uncrossed(table)
    days = records.day[~np.isnan(records.day)]
    lag = coverage_lag(table, seen, settings, as_of)
    turn = _turn(table * lag, records, settings, as_of)
    least = shifts.widening()
    widening = np.maximum(least, turn.widening)[:, np.newaxis]
    return Band(
        quantiles=table * lag * widening,
        unseen=unseen * lag * widening,
        shift=shifts.known,
        unseen_shift=shifts.unseen,
        effective_rows=effective,
        unseen_groups=clusters,
        newest_day=float(np.max(days)) if len(days) else float("nan"),
        turn=turn.widened(float(least[0])),
    )


def _shrunk_pool(score: FloatArray, weight: FloatArray, settings: BandSettings) -> FloatArray:
    effective = np.array([effective_rows(weight)])
    own = grouped_scores(score, weight).quantiles(effective)
    pool: FloatArray = _shrunk(own, _reference_quantiles(), effective / (effective + settings.prior_rows))[0]
    return pool


def _table(
    scores: GroupedScores, pool: FloatArray, groups: Groups, unseen: FloatArray, settings: BandSettings
) -> tuple[FloatArray, FloatArray]:
    """Return every group's quantiles, those of few sales drawn towards a stranger's, and on how many sales they stand.

    How familiar a group is depends on what the mean was trained on, not on how many of its sales stand here.
    """
    effective = scores.effective_rows(len(groups.names))
    own = scores.quantiles(effective)
    quantiles = np.empty((len(groups.names), len(LEVELS)))
    root, *generations = groups.generations()
    quantiles[root] = pool
    for codes in generations:
        share = effective[codes] / (effective[codes] + settings.group_rows)
        quantiles[codes] = _shrunk(own[codes], quantiles[groups.parent[codes]], share)
    unfamiliar = settings.familiar_rows / (settings.familiar_rows + groups.rows)
    unfamiliar[0] = 0.0
    return quantiles + unfamiliar[:, np.newaxis] * (_wider(quantiles, unseen) - quantiles), effective


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
    weighty = weight > 0.0
    row, code = groups.pairs(group[weighty])
    weight, residual = weight[weighty][row], residual[weighty][row]
    effective = rows_by_group(weight, code, len(groups.names))
    middle = median_by_group(residual, weight, code, len(groups.names))
    shift = np.zeros(len(groups.names))
    for depth, codes in enumerate(groups.generations()):
        parent = shift[groups.parent[codes]] if depth else np.zeros(1)
        share = effective[codes] / (effective[codes] + half_rows[1 if depth else 0])
        shift[codes] = parent + share * (middle[codes] - parent)
    return shift


def _shrunk(own: FloatArray, parent: FloatArray, share: FloatArray) -> FloatArray:
    """Return quantiles, one row a group, between those of its parent and its own; the parent's where it has none."""
    part = share[:, np.newaxis]
    return np.where(part > 0.0, _uncrossed(parent + part * (own - parent)), parent)


def _uncrossed(quantiles: FloatArray) -> FloatArray:
    straight = np.maximum.accumulate(quantiles, axis=1)
    straight[:, :MIDDLE] = np.minimum(straight[:, :MIDDLE], 0.0)
    straight[:, MIDDLE] = 0.0
    straight[:, MIDDLE + 1 :] = np.maximum(straight[:, MIDDLE + 1 :], 0.0)
    return straight


def _reference_quantiles() -> FloatArray:
    """Return Student's t with four degrees of freedom, whose mean size is one (W. T. Shaw, 2006, closed form)."""
    product = 4.0 * LEVELS * (1.0 - LEVELS)
    ratio = np.cos(np.arccos(np.sqrt(product)) / 3.0) / np.sqrt(product)
    return np.sign(LEVELS - 0.5) * 2.0 * np.sqrt(np.maximum(ratio - 1.0, 0.0))


def _turn(table: FloatArray, records: CalibrationScores, settings: BandSettings, as_of: float) -> ShiftMonitor:
    """Return how the table has held the sales that were reported since training, the newest of them."""
    newest = as_of - settings.label_delay_days - settings.anchor_days
    recent = records.take((records.kind == REPORTED) & (records.day >= newest))  # none where the day is NaN
    if not len(recent.day):
        return NO_SHIFT_DATA
    trained = records.take((records.kind == OUT_OF_FOLD) | (records.kind == PREQUENTIAL))
    before = _reach(_shrunk_pool(trained.score, trained.weight * kind_weight(trained), settings))
    spread = _reach(table[0]) / before if before > 0.0 else 1.0
    return monitor_shift(normalised_score(table, recent), effective_rows(recent.weight), spread, recent.weight)


def _reach(quantiles: FloatArray) -> float:
    """Return how far the 90 % band reaches from edge to edge."""
    return float(np.interp(0.95, LEVELS, quantiles) - np.interp(0.05, LEVELS, quantiles))


def _unseen_quantiles(
    records: CalibrationScores, weight: FloatArray, groups: Groups, pool: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return quantiles for a group never seen under each group, and how many groups left out they stand on."""
    out = records.kind == GROUP_LEFT_OUT
    code, score = records.group[out], records.score[out]
    even = even_weights(weight[out], code)
    clusters = _clusters(even, code, groups)
    scores = grouped_scores(score, even, groups.pairs(code))
    own = scores.quantiles(scores.effective_rows(len(groups.names)))
    table = np.empty((len(groups.names), len(LEVELS)))
    for depth, codes in enumerate(groups.generations()):
        parent = table[groups.parent[codes]] if depth else pool[np.newaxis] * _NO_EXPERIENCE
        table[codes] = _shrunk(own[codes], parent, cluster_share(clusters[codes]))
    return table, clusters


def _clusters(weight: FloatArray, group: IntArray, groups: Groups) -> FloatArray:
    """Return how many equally heavy groups left out stand under each group."""
    alone = np.bincount(group, weights=weight, minlength=len(groups.names))
    row, code = groups.pairs(np.arange(len(groups.names)))
    weights: FloatArray = alone[row].astype(np.float64)
    return rows_by_group(weights, code, len(groups.names))


def _factor(
    scores: GroupedScores, group: IntArray, groups: Groups, unseen: FloatArray, settings: BandSettings
) -> FloatArray:
    """Return by how much each level must be widened or narrowed to hold, over all sales, what it promises.

    Shrinkage and the allowance for groups of few sales are rules; what they come to in sum is checked, each half of
    the sales against the table of the other half.
    """
    factor = np.ones(len(LEVELS))
    score, weight = scores.score, scores.weight
    half = np.arange(len(weight)) % 2 == 0
    if not np.any(weight[half]) or not np.any(weight[~half]):
        return factor
    checked = [int(np.flatnonzero(level == LEVELS)[0]) for level in _CHECKED]
    promised = np.empty((len(weight), len(checked)))
    for fitted in (half, ~half):
        pool = _shrunk_pool(score[fitted], weight[fitted], settings)
        table = _table(scores.of(fitted), pool, groups, unseen, settings)[0]
        promised[~fitted] = table[:, checked][group[~fitted]]
    rows = effective_rows(weight)
    for place, at in enumerate(checked):
        if at == MIDDLE:
            continue
        edge = promised[:, place]
        ratio = score / np.where(edge == 0.0, 1.0, edge)
        found = conformal_quantile(ratio, weight, np.array([max(LEVELS[at], 1.0 - LEVELS[at])]))[0]
        factor[at] = 1.0 + rows / (rows + _CHECK_ROWS) * (found - 1.0)
    mended: FloatArray = np.interp(LEVELS, LEVELS[checked], factor[checked])
    return np.maximum(mended, 0.0)


def _wider(table: FloatArray, other: FloatArray) -> FloatArray:
    """Return the quantiles farther from the middle, level by level."""
    return np.where(LEVELS < 0.5, np.minimum(table, other), np.maximum(table, other))
