"""The scale on which a model learns the difference between price and structural value.

Prices may be negative (gate fees) and noise is partly absolute and partly relative, so a plain logarithm does not fit.
``asinh(value / softening)`` is logarithmic far from zero and linear near it. The plain logarithm is used if all prices
are positive and no structural value is given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.numeric.asinh_scale import from_scale, to_scale
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp, log

LOG = "log"
SIGNED_LOG = "signed-log"
_SOFTENING_GRID = tuple(2.0**k for k in range(-6, 4))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The scale a model was trained on: its kind and, for the signed logarithm, the softening in money per unit."""

    kind: str
    softening: float

    def to(self, value: FloatArray) -> FloatArray:
        """Return amounts of money transformed to the scale."""
        return log(value) if self.kind == LOG else to_scale(value, self.softening)

    def back(self, scaled: FloatArray) -> FloatArray:
        """Return amounts of money from values on the scale; finite for every finite input.

        >>> Scale(kind="log", softening=1.0).back(np.array([0.0, 1000.0])).tolist() == [1.0, float(np.exp(700.0))]
        False
        """
        bounded = np.minimum(np.maximum(scaled, -690.0), 690.0)
        return exp(bounded) if self.kind == LOG else from_scale(bounded, self.softening)


def choose_scale(value: FloatArray, base: FloatArray | None, softening: float | None) -> Scale:
    """Return the scale for a training set.

    With a structural value, or where some prices are not positive, the signed logarithm; otherwise the logarithm. The
    softening is the transformation parameter that maximises the likelihood, Jacobian included (G. E. P. Box and D. R.
    Cox, 1964).

    Parameters
    ----------
    value
        Prices, money per unit.
    base
        Structural values in the same unit, or None.
    softening
        A softening chosen by the caller, or None to choose it here.

    """
    if softening is not None:
        return Scale(kind=SIGNED_LOG, softening=float(softening))
    if base is None and bool(np.all(value > 0.0)):
        return Scale(kind=LOG, softening=1.0)
    typical = float(np.median(np.abs(value)))
    if not typical > 0.0:
        typical = max(float(np.mean(np.abs(value))), 1.0 if not np.any(value) else 0.0)
    if base is None:
        return Scale(kind=SIGNED_LOG, softening=typical)
    candidates = [typical * factor for factor in _SOFTENING_GRID]
    scores = [_log_likelihood(value, base, candidate) for candidate in candidates]
    return Scale(kind=SIGNED_LOG, softening=candidates[int(np.argmax(scores))])


def _log_likelihood(value: FloatArray, base: FloatArray, softening: float) -> float:
    deviation = to_scale(value, softening) - to_scale(base, softening)
    # Laplace rather than normal: a few broken packs must not choose the scale for all others.
    spread = float(np.mean(np.abs(deviation - np.median(deviation))))
    jacobian = -0.5 * float(np.mean(np.log(value * value + softening * softening)))
    return jacobian - float(np.log(max(spread, 1e-12)))
