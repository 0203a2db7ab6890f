"""The scale on which prices are compared: logarithmic far from zero, linear near it, negative below it.

Prices of packs may be negative when metals are cheap, so neither differences nor ratios alone are suitable. The scale
is the inverse hyperbolic sine of price over a linear threshold (J. B. Burbidge, L. Magee and A. L. Robb, J. Am. Stat.
Assoc. 83 (1988) 123): a step of 0.1 is about 10 % of a price far above the threshold, and a tenth of the threshold near
zero.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import asinh, sinh

LINEAR_THRESHOLD_CNY_PER_KWH: Final = 10.0
"""Price at which the scale changes from linear to logarithmic: about the cost of recycling. [CNY/kWh]"""


def to_scale(price_per_kwh: FloatArray, linear_threshold: float = LINEAR_THRESHOLD_CNY_PER_KWH) -> FloatArray:
    """Return prices [CNY/kWh] on the scale. [1]

    >>> to_scale(np.array([0.0, 10.0, -10.0])).round(6).tolist()
    [0.0, 0.881374, -0.881374]
    """
    return asinh(price_per_kwh / linear_threshold)


def from_scale(value: FloatArray, linear_threshold: float = LINEAR_THRESHOLD_CNY_PER_KWH) -> FloatArray:
    """Return prices from the scale. [CNY/kWh]

    >>> from_scale(to_scale(np.array([-35.0, 0.0, 120.0]))).round(9).tolist()
    [-35.0, 0.0, 120.0]
    """
    return sinh(value) * linear_threshold


def scale_sd(
    price_per_kwh: FloatArray, sd_per_kwh: FloatArray, linear_threshold: float = LINEAR_THRESHOLD_CNY_PER_KWH
) -> FloatArray:
    """Return a small standard deviation around a price [CNY/kWh] on the scale. [1]

    >>> scale_sd(np.array([0.0, 100.0]), np.array([1.0, 10.0])).round(4).tolist()
    [0.1, 0.0995]
    """
    return sd_per_kwh / np.sqrt(price_per_kwh * price_per_kwh + linear_threshold * linear_threshold)
