"""Whether the market still does what the band allows: the newest sales judged, and what is to be done if not.

The anchor follows the level of the market and decayed weights follow its spread, both at their pace. A market that
turns outruns them: then the newest sales fall outside the band more often than chance lets them, and the band is
widened until it would have held them. Beyond a stated limit the model says that it no longer knows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from valuation.numeric.columns import FloatArray

LEVEL = 0.9
LIMIT = 1.5
"""Spread beyond which a model says that it no longer knows."""
MOST_WIDENING = 2.0
"""The most by which a band is widened for sales since training: false ones that widen it must not let worse ones in."""
_LEAST_ROWS = 10.0
_ERRORS = 3.0  # standard errors below the promised share that chance is granted


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftMonitor:
    """How the band has held the newest sales.

    Attributes
    ----------
    rows
        How many equally weighted sales of the newest months judged it; 0 where none were reported since training.
    held
        Share of them that the 90 % band held, NaN where there are too few to say.
    widening
        By how much the band is widened for it, 1 where the newest sales are as they should be.
    spread
        How wide the 90 % band of all sales together is now, this widening included, over what it was after training.

    """

    rows: float
    held: float
    widening: float
    spread: float

    @property
    def reliable(self) -> bool:
        """Whether the model may still be relied upon."""
        return self.spread <= LIMIT

    def widened(self, factor: float) -> ShiftMonitor:
        """Return the same for a band that is at least this much wider for another reason."""
        if factor <= self.widening:
            return self
        return replace(self, widening=factor, spread=self.spread * factor / self.widening)


NO_SHIFT_DATA = ShiftMonitor(rows=0.0, held=float("nan"), widening=1.0, spread=1.0)


def monitor_shift(
    normalised_score: FloatArray, rows: float, spread: float = 1.0, weight: FloatArray | None = None
) -> ShiftMonitor:
    """Return how a band has held sales.

    Parameters
    ----------
    strain
        How far each sale fell, as a share of the way to the edge of its 90 % band on that side.
    rows
        How many equally weighted sales they are.
    spread
        How wide the band of all sales together is now, over what it was after training.
    weight
        What each of them weighs, the same where it is not given.

    >>> monitor_shift(np.array([0.5] * 90 + [1.5] * 10), 100.0).widening
    1.0
    >>> monitor_shift(np.array([0.5] * 60 + [1.5] * 40), 100.0).reliable
    True
    >>> monitor_shift(np.array([0.5] * 60 + [2.0] * 40), 100.0).reliable
    False
    """
    if rows < _LEAST_ROWS:
        return ShiftMonitor(rows=rows, held=float("nan"), widening=1.0, spread=spread)
    weight = np.ones(len(normalised_score)) if weight is None else weight
    held = float(np.average(normalised_score <= 1.0, weights=weight))
    error = float(np.sqrt(LEVEL * (1.0 - LEVEL) / rows))
    if held >= LEVEL - _ERRORS * error:
        return ShiftMonitor(rows=rows, held=held, widening=1.0, spread=spread)
    order = np.argsort(normalised_score, kind="stable")
    reached = np.cumsum(weight[order]) / np.sum(weight)
    beyond = min(int(np.searchsorted(reached, LEVEL + 1e-9, side="right")), len(normalised_score) - 1)
    widening = min(max(float(normalised_score[order][beyond]), 1.0), MOST_WIDENING)
    return ShiftMonitor(rows=rows, held=held, widening=widening, spread=spread * widening)
