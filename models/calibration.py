"""How the band is made of sales never trained on: quantiles by group, shrunk to parents, checked, aged by date."""

from __future__ import annotations

import numpy as np

from models.band import FORWARD, GROUP_LEFT_OUT, LEVELS, LIVE, MIDDLE, SEEN, Band, BandSettings, Records
from models.groups import Groups
from models.lag import lag_of
from models.strangers import cluster_share, even_weights
from models.turn import UNJUDGED, Turn, judge_turn
from models.weighing import decayed, effective_rows, from_below, strain, trust, weighted_quantile
from valuation.columns import FloatArray, IntArray

_NO_EXPERIENCE = 1.5  # how much wider where no group could be left out to learn from
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
    weight = decayed(records, settings.decay_days, as_of) * trust(records)
    regular = records.kind != GROUP_LEFT_OUT
    seen, heavy = records.take(regular), weight[regular]
    pool = _shrunk_pool(seen, heavy, settings)
    unseen, clusters = _unseen_quantiles(records, weight, groups, pool)
    table, effective = _table(seen, heavy, groups, unseen, settings)
    table = table * _factor(seen, heavy, groups, unseen, settings)
    table = np.array([_uncrossed(row) for row in table])
    days = records.day[~np.isnan(records.day)]
    lag = lag_of(table, seen, settings, as_of)
    turn = _turn(table * lag, records, settings, as_of)
    return Band(
        quantiles=table * lag * turn.widening,
        unseen=unseen * lag * turn.widening,
        shift=shifts[0],
        unseen_shift=shifts[1],
        effective_rows=effective,
        unseen_groups=clusters,
        newest_day=float(np.max(days)) if len(days) else float("nan"),
        turn=turn,
    )


def _shrunk_pool(records: Records, weight: FloatArray, settings: BandSettings) -> FloatArray:
    effective = effective_rows(weight)
    return _shrunk(records.score, weight, _reference_quantiles(), effective / (effective + settings.prior_rows))


def _table(
    records: Records, weight: FloatArray, groups: Groups, unseen: FloatArray, settings: BandSettings
) -> tuple[FloatArray, FloatArray]:
    """Return every group's quantiles, those of few sales drawn towards a stranger's, and on how many sales they stand.

    How familiar a group is depends on what the mean was trained on, not on how many of its sales stand here.
    """
    quantiles = np.empty((len(groups.names), len(LEVELS)))
    effective = np.zeros(len(groups.names))
    quantiles[0], effective[0] = _shrunk_pool(records, weight, settings), effective_rows(weight)
    for code, rows in enumerate(groups.members(records.group)):
        if code:
            effective[code] = effective_rows(weight[rows])
            share = effective[code] / (effective[code] + settings.group_rows)
            quantiles[code] = _shrunk(records.score[rows], weight[rows], quantiles[groups.parent[code]], share)
    strange = settings.familiar_rows / (settings.familiar_rows + groups.rows)
    strange[0] = 0.0
    return quantiles + strange[:, np.newaxis] * (_wider(quantiles, unseen) - quantiles), effective


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
    upper, lower = from_below(score, weight, above), -from_below(-score, weight, below)
    return np.where(LEVELS > 0.5, upper, np.where(LEVELS < 0.5, lower, 0.0))


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
    trained = records.take((records.kind == SEEN) | (records.kind == FORWARD))
    before = _reach(_shrunk_pool(trained, trained.weight * trust(trained), settings))
    return judge_turn(
        strain(table, recent), effective_rows(recent.weight), _reach(table[0]) / before if before > 0.0 else 1.0
    )


def _reach(quantiles: FloatArray) -> float:
    """Return how far the 90 % band reaches from edge to edge."""
    return float(np.interp(0.95, LEVELS, quantiles) - np.interp(0.05, LEVELS, quantiles))


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


def _factor(
    records: Records, weight: FloatArray, groups: Groups, unseen: FloatArray, settings: BandSettings
) -> FloatArray:
    """Return by how much each level must be widened or narrowed to hold, over all sales, what it promises.

    Shrinkage and the allowance for groups of few sales are rules; what they come to in sum is checked, each half of
    the sales against the table of the other half.
    """
    factor = np.ones(len(LEVELS))
    half = np.arange(len(weight)) % 2 == 0
    if not np.any(weight[half]) or not np.any(weight[~half]):
        return factor
    checked = [int(np.flatnonzero(level == LEVELS)[0]) for level in _CHECKED]
    promised = np.empty((len(weight), len(checked)))
    for told in (half, ~half):
        table = _table(records.take(told), weight[told], groups, unseen, settings)[0]
        promised[~told] = table[:, checked][records.group[~told]]
    rows = effective_rows(weight)
    for place, at in enumerate(checked):
        if at == MIDDLE:
            continue
        edge = promised[:, place]
        ratio = records.score / np.where(edge == 0.0, 1.0, edge)
        found = from_below(ratio, weight, np.array([max(LEVELS[at], 1.0 - LEVELS[at])]))[0]
        factor[at] = 1.0 + rows / (rows + _CHECK_ROWS) * (found - 1.0)
    mended: FloatArray = np.interp(LEVELS, LEVELS[checked], factor[checked])
    return np.maximum(mended, 0.0)


def _wider(table: FloatArray, other: FloatArray) -> FloatArray:
    """Return the quantiles farther from the middle, level by level."""
    return np.where(LEVELS < 0.5, np.minimum(table, other), np.maximum(table, other))
