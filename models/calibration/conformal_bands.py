"""Conformal bands from out-of-fold sales: quantiles by group, shrunk to the parent group, with decay by age."""

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
from models.inference.group_tree import Groups
from models.inference.shift_monitor import MOST_WIDENING, NO_SHIFT_DATA, ShiftMonitor, monitor_shift
from valuation.numeric.columns import FloatArray, IntArray

_NO_EXPERIENCE = 1.5  # how much wider where no group could be left out to learn from
_CHECKED = (0.005, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.975, 0.995)
_EDGE_SIGMAS = 1.645  # edge of a 90 % band, normal distribution
_CHECK_ROWS = 50.0  # sales at which the check of the table weighs one half


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifts:
    """Level shift of each group, and its uncertainty.

    Attributes
    ----------
    known, unseen
        Shape (groups,): the shift of a known group, and of an unseen group below it.
    unsure
        Shape (groups,): uncertainty of each shift, which the band must cover.
    sigma
        Robust standard deviation of the residuals, on the scale.

    """

    known: FloatArray
    unseen: FloatArray
    unsure: FloatArray
    sigma: float

    def widening(self) -> FloatArray:
        """Return the factor by which each group's band is widened for the uncertainty of its level."""
        if self.sigma == 0.0:
            return np.ones(len(self.unsure))
        return np.minimum(1.0 + self.unsure / (_EDGE_SIGMAS * self.sigma), MOST_WIDENING)


def build_band(
    records: CalibrationScores, groups: Groups, shifts: Shifts, settings: BandSettings, as_of: float
) -> Band:
    """Return the band computed from the records known by a day.

    Parameters
    ----------
    records
        Out-of-sample records; the caller leaves out those later than ``as_of`` minus the label delay.
    groups, shifts
        The tree of groups, and the level shift of each.
    settings
        Shrinkage of groups and decay of sales.
    as_of
        Day from which the age of sales is counted; NaN for no decay.

    """
    weight = time_decayed(records, settings.decay_days, as_of) * kind_weight(records)
    regular = records.kind != GROUP_LEFT_OUT
    seen, heavy = records.take(regular), weight[regular]
    pool = _shrunk_pool(seen.score, heavy, settings)
    unseen, clusters = _unseen_quantiles(records, weight, groups, pool)
    scores = grouped_scores(seen.score, heavy, groups.pairs(seen.group))
    table, effective = _table(scores, (pool, unseen), groups, settings)
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
    scores: GroupedScores,
    targets: tuple[FloatArray, FloatArray],
    groups: Groups,
    settings: BandSettings,
    levels: FloatArray = LEVELS,
) -> tuple[FloatArray, FloatArray]:
    """Return each group's quantiles and effective rows; groups with few sales are shrunk to those of unseen groups.

    ``targets`` are the quantiles of the pool and of unseen groups at the levels, which are symmetric about one half.
    The shrinkage depends on the number of sales in the training set, not in the calibration set.
    """
    pool, unseen = targets
    effective = scores.effective_rows(len(groups.names))
    own = scores.quantiles(effective, levels)
    quantiles = np.empty((len(groups.names), len(levels)))
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
    """Return the median residual of each group, shrunk to that of its parent, and of the pool to zero.

    Parameters
    ----------
    residual, weight, group
        The values of each sale.
    groups
        The tree of groups.
    half_rows
        Numbers of sales at which the own median of the pool, and of a group, has weight one half.

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
    """Return the weighted mean of own and parent quantiles, one row per group; the parent's for share 0."""
    part = share[:, np.newaxis]
    return np.where(part > 0.0, _uncrossed(parent + part * (own - parent)), parent)


def _uncrossed(quantiles: FloatArray) -> FloatArray:
    straight, middle = np.maximum.accumulate(quantiles, axis=1), quantiles.shape[1] // 2
    straight[:, :middle] = np.minimum(straight[:, :middle], 0.0)
    straight[:, middle] = 0.0
    straight[:, middle + 1 :] = np.maximum(straight[:, middle + 1 :], 0.0)
    return straight


def _reference_quantiles() -> FloatArray:
    """Return quantiles of Student's t with 4 degrees of freedom and unit mean absolute value (W. T. Shaw, 2006)."""
    product = 4.0 * LEVELS * (1.0 - LEVELS)
    ratio = np.cos(np.arccos(np.sqrt(product)) / 3.0) / np.sqrt(product)
    return np.sign(LEVELS - 0.5) * 2.0 * np.sqrt(np.maximum(ratio - 1.0, 0.0))


def _turn(table: FloatArray, records: CalibrationScores, settings: BandSettings, as_of: float) -> ShiftMonitor:
    """Return the coverage of the newest sales reported since training."""
    newest = as_of - settings.label_delay_days - settings.anchor_days
    recent = records.take((records.kind == REPORTED) & (records.day >= newest))  # none where the day is NaN
    if not len(recent.day):
        return NO_SHIFT_DATA
    trained = records.take((records.kind == OUT_OF_FOLD) | (records.kind == PREQUENTIAL))
    before = _reach(_shrunk_pool(trained.score, trained.weight * kind_weight(trained), settings))
    spread = _reach(table[0]) / before if before > 0.0 else 1.0
    return monitor_shift(normalised_score(table, recent), effective_rows(recent.weight), spread, recent.weight)


def _reach(quantiles: FloatArray) -> float:
    """Return the width of the 90 % band."""
    return float(np.interp(0.95, LEVELS, quantiles) - np.interp(0.05, LEVELS, quantiles))


def _unseen_quantiles(
    records: CalibrationScores, weight: FloatArray, groups: Groups, pool: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return quantiles for an unseen group below each group, and the effective number of left-out groups."""
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
    """Return the effective number of left-out groups below each group."""
    alone = np.bincount(group, weights=weight, minlength=len(groups.names))
    row, code = groups.pairs(np.arange(len(groups.names)))
    weights: FloatArray = alone[row].astype(np.float64)
    return rows_by_group(weights, code, len(groups.names))


def _factor(
    scores: GroupedScores, group: IntArray, groups: Groups, unseen: FloatArray, settings: BandSettings
) -> FloatArray:
    """Return the correction factor of each level, so that the overall coverage is the nominal one.

    Each half of the sales is compared with the quantiles computed from the other half. This corrects the total effect
    of the shrinkage.
    """
    factor = np.ones(len(LEVELS))
    score, weight = scores.score, scores.weight
    half = np.arange(len(weight)) % 2 == 0
    if not np.any(weight[half]) or not np.any(weight[~half]):
        return factor
    checked = [int(np.flatnonzero(level == LEVELS)[0]) for level in _CHECKED]
    promised = np.empty((len(weight), len(checked)))
    for fitted in (half, ~half):
        pool = _shrunk_pool(score[fitted], weight[fitted], settings)[checked]
        table = _table(scores.of(fitted), (pool, unseen[:, checked]), groups, settings, LEVELS[checked])[0]
        promised[~fitted] = table[group[~fitted]]
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
    """Return, level by level, the quantile farther from the median."""
    below = np.arange(table.shape[1]) < table.shape[1] // 2
    return np.where(below, np.minimum(table, other), np.maximum(table, other))
