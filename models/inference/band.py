"""The band around the point (预测区间): quantiles of standardised out-of-sample residuals by group and day.

The quantiles of each group are shrunk to those of its parent, these to the pool, and the pool to a heavy-tailed
reference distribution, so bands are finite from the first sale on. Unseen groups get quantiles from left-out groups;
groups with few sales are in between. Quantiles below level one half are at most zero, those above at least zero, so
they never cross.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.inference.shift_monitor import ShiftMonitor
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_TAIL = (0.001, 0.0025, 0.005)
GRID = (*_TAIL, *(k / 100.0 for k in range(1, 100)), 0.025, 0.975, *(1.0 - p for p in _TAIL))
LEVELS = np.array(sorted(GRID))
MIDDLE = int(np.flatnonzero(LEVELS == 0.5)[0])

OUT_OF_FOLD = 0
GROUP_LEFT_OUT = 1
PREQUENTIAL = 2
REPORTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class BandSettings:
    """Settings of the band: shrinkage of groups, decay of sales and label delay.

    ``group_rows``: number of sales at which a group's own quantiles weigh as much as its parent's. ``shift_rows``: the
    same for its level. ``familiar_rows``: number of training sales at which a group counts as half known. In days: the
    half-lives of the recentring and of calibration weights, and the delay until a price is known.
    """

    group_rows: float = 100.0
    shift_rows: float = 30.0
    familiar_rows: float = 3.0
    prior_rows: float = 10.0
    anchor_days: float = 60.0
    decay_days: float = 180.0
    label_delay_days: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationScores:
    """Out-of-sample residuals and scores from which the band is computed.

    Attributes
    ----------
    residual
        Price minus mean on the scale, before recentring.
    score
        Residual after recentring on its day, divided by the predicted width.
    weight, day
        Weight of the sale; its day (NaN where no time was given).
    group
        Code of its group in ``Groups.names``.
    kind
        OUT_OF_FOLD: random folds. GROUP_LEFT_OUT: the whole group was left out. PREQUENTIAL: predicted from earlier
        sales only. REPORTED: reported after training.

    """

    residual: FloatArray
    score: FloatArray
    weight: FloatArray
    day: FloatArray
    group: IntArray
    kind: IntArray

    def take(self, rows: BoolArray) -> CalibrationScores:
        """Return some of the records."""
        return CalibrationScores(**{name: getattr(self, name)[rows] for name in CalibrationScores.__slots__})

    def joined(self, other: CalibrationScores) -> CalibrationScores:
        """Return these records followed by others."""
        return CalibrationScores(
            **{
                name: np.concatenate([getattr(self, name), getattr(other, name)])
                for name in CalibrationScores.__slots__
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Quantiles of standardised residuals and level shift of every group.

    Attributes
    ----------
    quantiles
        Shape (groups, levels): at :data:`LEVELS`, at most zero below the middle, at least zero above.
    unseen
        Shape (groups, levels): for an unseen group below each known parent.
    shift, unseen_shift
        Level shift of each group, and of an unseen group below it, on the scale.
    effective_rows, unseen_groups
        Effective number of sales behind a group's own quantiles; effective number of left-out groups behind those of an
        unseen group below it.
    newest_day
        Day of the newest sale used, NaN if sales have no day.
    turn
        Coverage of the sales reported since training; its widening is included in the quantiles.

    """

    quantiles: FloatArray
    unseen: FloatArray
    shift: FloatArray
    unseen_shift: FloatArray
    effective_rows: FloatArray
    unseen_groups: FloatArray
    newest_day: float
    turn: ShiftMonitor

    def level(self, group: IntArray, known: BoolArray) -> FloatArray:
        """Return the level shift of each row."""
        return np.where(known, self.shift[group], self.unseen_shift[group])

    def read(self, group: IntArray, known: BoolArray, level: float) -> FloatArray:
        """Return each row's standardised quantile at a level between 0 and 1."""
        above = int(np.searchsorted(LEVELS, level - 1e-12))
        above = min(max(above, 0), len(LEVELS) - 1)
        below = max(above - 1, 0)
        gap = LEVELS[above] - LEVELS[below]
        share = 1.0 if gap == 0.0 else min(max((level - LEVELS[below]) / gap, 0.0), 1.0)
        upper, lower = (
            np.where(known, self.quantiles[group, place], self.unseen[group, place]) for place in (above, below)
        )
        quantile: FloatArray = upper if share > 1.0 - 1e-9 else lower + (upper - lower) * share
        return quantile
