"""Round columns to a number of decimals with the same result as Python's `round`."""

from __future__ import annotations

import numpy as np

from valuation.numeric.columns import FloatArray

_LARGEST = 2.0**45
"""Limit above which a scaled number has too few binary places to identify a half."""


def rounded(values: FloatArray, digits: int) -> FloatArray:
    """Return each number rounded exactly as by Python's `round`, mostly without calling it.

    An integer over a power of ten is the float nearest to that decimal, as in `round`. `round` is called only for
    scaled numbers so near to a half that scaling may have moved them across, and for very large ones.

    >>> rounded(np.array([2.675, 0.125, -0.001, 12.3456]), 2).tolist()
    [2.67, 0.12, -0.0, 12.35]
    """
    scale = 10.0**digits
    with np.errstate(over="ignore", invalid="ignore"):  # overflow is left to `round`
        scaled = values * scale
        whole = np.rint(scaled)
        result: FloatArray = whole / scale
        size = np.abs(scaled)
        sure = (np.abs(np.abs(scaled - whole) - 0.5) > 1e-9 + size * 1e-15) & (size < _LARGEST)
    if not sure.all():
        for place in zip(*np.nonzero(~sure), strict=True):
            result[place] = round(float(values[place]), digits)
    return result
