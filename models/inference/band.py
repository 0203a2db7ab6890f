"""The band around the point (预测区间): how far sales never trained on fell from it, by group, by date.

One table of standardised residuals. Each group's quantiles are shrunk to its parent's, the parent's to the pool's, the
pool's to a heavy-tailed reference, so a band is finite from the first sale on and every group keeps its own shape as
far as its sales speak. A group never seen gets the quantiles found by leaving whole groups out; a group with few sales
stands in between. Quantiles below the middle are never above the point and those above never below, so none cross.
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
class CalibrationScores:
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
    """Quantiles of standardised residuals and the level shift of every group, ready to be read.

    Attributes
    ----------
    quantiles
        Shape (groups, levels): at :data:`LEVELS`, at most zero below the middle, at least zero above.
    unseen
        Shape (groups, levels): for a group never seen under each known parent.
    shift, unseen_shift
        Per group what is added to the mean, on the scale; what is added for a group never seen under it.
    effective_rows, unseen_groups
        Per group how many equally weighted sales its own quantiles stand on; how many equally heavy groups left out
        stand behind those of a group never seen under it.
    newest_day
        Day of the newest sale used, NaN where no time was given.
    turn
        How it has held the sales reported since training; its widening is in the quantiles already.

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
        """Return what is added to each row's mean."""
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
