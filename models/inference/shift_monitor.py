"""Monitors the coverage of the newest sales and widens the band if it is too low.

The recentring follows the market level, and decayed weights follow the spread, both with a lag. After an abrupt change
the newest sales fall outside the band more often than sampling error allows; then the band is widened until it would
have covered them. Beyond a limit the model is reported as unreliable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from valuation.numeric.columns import FloatArray

LEVEL = 0.9
LIMIT = 1.5
"""Spread beyond which a model is reported as unreliable."""
MOST_WIDENING = 2.0
"""Limit on the widening for sales since training, so that false sales cannot widen the band at will."""
_LEAST_ROWS = 10.0
_ERRORS = 3.0  # standard errors below the promised share that chance is granted


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftMonitor:
    """Coverage of the newest sales by the band.

    Attributes
    ----------
    rows
        Effective number of the newest sales; 0 if none were reported since training.
    held
        Share of them inside the 90 % band, NaN for too few sales.
    widening
        Factor by which the band is widened, 1 if the coverage is as expected.
    spread
        Width of the 90 % band of the pool, widening included, relative to that after training.

    """

    rows: float
    held: float
    widening: float
    spread: float

    @property
    def reliable(self) -> bool:
        """Whether the model is still reliable."""
        return self.spread <= LIMIT

    def widened(self, factor: float) -> ShiftMonitor:
        """Return the monitor of a band that is widened by at least this factor for another reason."""
        if factor <= self.widening:
            return self
        return replace(self, widening=factor, spread=self.spread * factor / self.widening)


NO_SHIFT_DATA = ShiftMonitor(rows=0.0, held=float("nan"), widening=1.0, spread=1.0)


def monitor_shift(
    normalised_score: FloatArray, rows: float, spread: float = 1.0, weight: FloatArray | None = None
) -> ShiftMonitor:
    """Return the coverage of sales by a band.

    Parameters
    ----------
    normalised_score
        Score of each sale divided by the edge of its 90 % band on the same side.
    rows
        Effective number of these sales.
    spread
        Width of the band of the pool relative to that after training.
    weight
        Weight of each sale; equal if not given.

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
