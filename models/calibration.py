"""How the band is made of sales never trained on: quantiles by group, shrunk to parents, checked, aged by date."""

from __future__ import annotations

import numpy as np

from models.band import FORWARD, GROUP_LEFT_OUT, LEVELS, LIVE, MIDDLE, SEEN, Band, BandSettings, Records
from models.groups import Groups
from models.strangers import cluster_share, even_weights
from models.turn import UNJUDGED, Turn, judge_turn
from valuation.columns import FloatArray, IntArray

_NO_EXPERIENCE = 1.5  # how much wider where no group could be left out to learn from
_ENOUGH_FORWARD = 200
_HINDSIGHT_WEIGHT = 0.2
_CHECKED = (0.005, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.975, 0.995)
_CHECK_ROWS = 50.0  # sales at which the check of the table weighs one half


def build_band(
    records: Records, groups: Groups, shifts: tuple[FloatArray, FloatArray], settings: BandSettings, as_of: float
) -> Band:
    """Return the band that the records known by a day support.

    Parameters
    ----------
    records
        Sales never trained on; those later than ``as_of`` minus the label delay are left out by the caller.
    groups, shifts
        The tree of groups; the level shift of each, and that of a group never seen under each.
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
    unseen, clusters = _unseen_quantiles(records, weight, groups, quantiles[0])
    strange = settings.familiar_rows / (settings.familiar_rows + groups.rows)
    strange[0] = 0.0
    familiar = quantiles + strange[:, np.newaxis] * (_wider(quantiles, unseen) - quantiles)
    days = records.day[~np.isnan(records.day)]
    table = _truthful(familiar, records.take(regular), weight[regular])
    turn = _turn(table, records, settings, as_of)
    return Band(
        quantiles=table * turn.widening,
        unseen=unseen * turn.widening,
        shift=shifts[0],
        unseen_shift=shifts[1],
        effective_rows=effective,
        unseen_groups=clusters,
        newest_day=float(np.max(days)) if len(days) else float("nan"),
        turn=turn,
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
    above, below = np.maximum(LEVELS, 0.5), np.maximum(1.0 - LEVELS, 0.5)
    upper, lower = _from_below(score, weight, above), -_from_below(-score, weight, below)
    return np.where(LEVELS > 0.5, upper, np.where(LEVELS < 0.5, lower, 0.0))


def _from_below(score: FloatArray, weight: FloatArray, levels: FloatArray) -> FloatArray:
    """Return the least score that enough of the weight does not exceed, the sale to come counted beyond it."""
    order = np.argsort(score, kind="stable")
    rows = effective_rows(weight)
    share = np.cumsum(weight[order] / np.sum(weight))
    wanted = np.minimum((rows + 1.0) / rows * levels, 1.0) - 1e-12
    ordered: FloatArray = score[order][np.minimum(np.searchsorted(share, wanted), len(score) - 1)]
    return ordered


def _uncrossed(quantiles: FloatArray) -> FloatArray:
    straight = np.maximum.accumulate(quantiles)
    straight[:MIDDLE] = np.minimum(straight[:MIDDLE], 0.0)
    straight[MIDDLE] = 0.0
    straight[MIDDLE + 1 :] = np.maximum(straight[MIDDLE + 1 :], 0.0)
    return straight


def _reference_quantiles() -> FloatArray:
    """Return Student's t with four degrees of freedom, whose mean size is one (W. T. Shaw, 2006, closed form)."""
    product = 4.0 * LEVELS * (1.0 - LEVELS)
    ratio = np.cos(np.arccos(np.sqrt(product)) / 3.0) / np.sqrt(product)
    return np.sign(LEVELS - 0.5) * 2.0 * np.sqrt(np.maximum(ratio - 1.0, 0.0))


def _turn(table: FloatArray, records: Records, settings: BandSettings, as_of: float) -> Turn:
    """Return how the table has held the sales that were reported since training, the newest of them."""
    newest = as_of - settings.label_delay_days - settings.anchor_days
    recent = records.take((records.kind == LIVE) & (records.day >= newest))  # none where the day is NaN
    if not len(recent.day):
        return UNJUDGED
    lower, upper = (table[recent.group, int(np.flatnonzero(p == LEVELS)[0])] for p in (0.05, 0.95))
    edge = np.where(recent.score < 0.0, lower, upper)
    return judge_turn(recent.score / np.where(edge == 0.0, 1.0, edge), effective_rows(recent.weight))


def _unseen_quantiles(
    records: Records, weight: FloatArray, groups: Groups, pool: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return quantiles for a group never seen under each group, and how many groups left out they stand on."""
    out = records.kind == GROUP_LEFT_OUT
    code, score = records.group[out], records.score[out]
    even = even_weights(weight[out], code)
    table, clusters = np.empty((len(groups.names), len(LEVELS))), np.zeros(len(groups.names))
    for group, rows in enumerate(groups.members(code)):
        parent = table[groups.parent[group]] if group else pool * _NO_EXPERIENCE
        clusters[group], share = cluster_share(even[rows], code[rows])
        table[group] = _shrunk(score[rows], even[rows], parent, share)
    return table, clusters


def _truthful(table: FloatArray, records: Records, weight: FloatArray) -> FloatArray:
    """Return the table so widened or narrowed that, over all sales, each tail holds what it promises.

    Shrinkage and the allowance for groups of few sales are rules; what they come to in sum is a fact to be checked.
    """
    rows = effective_rows(weight)
    if rows == 0.0:
        return table
    factor = np.ones(len(LEVELS))
    for level in (level for level in _CHECKED if level != 0.5):
        at = int(np.flatnonzero(level == LEVELS)[0])
        promised = table[records.group, at]
        ratio = records.score / np.where(promised == 0.0, 1.0, promised)
        asked = np.array([1.0 - level if level < 0.5 else level])
        factor[at] = _from_below(ratio, weight, asked)[0]
    checked = [int(np.flatnonzero(level == LEVELS)[0]) for level in _CHECKED]
    mended = table * np.interp(LEVELS, LEVELS[checked], factor[checked])
    return np.array([_uncrossed(row) for row in table + rows / (rows + _CHECK_ROWS) * (mended - table)])


def _wider(table: FloatArray, other: FloatArray) -> FloatArray:
    """Return the quantiles farther from the middle, level by level."""
    return np.where(LEVELS < 0.5, np.minimum(table, other), np.maximum(table, other))
