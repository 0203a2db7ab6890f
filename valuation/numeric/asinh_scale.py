"""The scale on which prices are compared: a logarithm far from zero, a straight line near it, negative below it.

Prices of packs go through zero when metals are cheap, so neither difference nor ratio serves alone. The inverse
hyperbolic sine of price over a softening constant does (J. B. Burbidge, L. Magee and A. L. Robb, J. Am. Stat. Assoc.
83 (1988) 123): a step of 0.1 is about 10 % of a price well above the constant, and a tenth of the constant near zero.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import asinh, sinh

LINEAR_THRESHOLD_CNY_PER_KWH: Final = 10.0
"""Where the scale turns from straight to logarithmic: about the size of the costs between a pack and its metals."""


def to_scale(price_per_kwh: FloatArray, softening: float = LINEAR_THRESHOLD_CNY_PER_KWH) -> FloatArray:
    """Return prices [CNY/kWh] on the scale. [1]

    >>> to_scale(np.array([0.0, 10.0, -10.0])).round(6).tolist()
    [0.0, 0.881374, -0.881374]
    """
    return asinh(price_per_kwh / softening)


def from_scale(value: FloatArray, softening: float = LINEAR_THRESHOLD_CNY_PER_KWH) -> FloatArray:
    """Return prices from the scale. [CNY/kWh]

    >>> from_scale(to_scale(np.array([-35.0, 0.0, 120.0]))).round(9).tolist()
    [-35.0, 0.0, 120.0]
    """
    return sinh(value) * softening


def scale_sd(
    price_per_kwh: FloatArray, sd_per_kwh: FloatArray, softening: float = LINEAR_THRESHOLD_CNY_PER_KWH
) -> FloatArray:
    """Return a small spread around a price [CNY/kWh] as a spread on the scale. [1]

    >>> scale_sd(np.array([0.0, 100.0]), np.array([1.0, 10.0])).round(4).tolist()
    [0.1, 0.0995]
    """
    return sd_per_kwh / np.sqrt(price_per_kwh * price_per_kwh + softening * softening)
