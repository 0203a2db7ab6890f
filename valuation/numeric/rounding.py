"""Rounding as it is told: to a number of decimals, halves by the number's own decimal value, column by column."""

from __future__ import annotations

import numpy as np

from valuation.numeric.columns import FloatArray

_LARGEST = 2.0**45
"""Beyond it a scaled number has too few binary places left to tell a half by."""


def rounded(values: FloatArray, digits: int) -> FloatArray:
    """Return each number as Python's `round` rounds it, bit for bit, most of them without asking it.

    A whole number over a power of ten is the float nearest to that decimal, as `round` has it; only where the scaled
    number lies so near to a half that scaling may have moved it over, and where it is very large, `round` is asked.

    >>> rounded(np.array([2.675, 0.125, -0.001, 12.3456]), 2).tolist()
    [2.67, 0.12, -0.0, 12.35]
    """
    scale = 10.0**digits
    with np.errstate(over="ignore", invalid="ignore"):  # what grows beyond all bounds is left to `round`
        scaled = values * scale
        whole = np.rint(scaled)
        result: FloatArray = whole / scale
        size = np.abs(scaled)
        sure = (np.abs(np.abs(scaled - whole) - 0.5) > 1e-9 + size * 1e-15) & (size < _LARGEST)
    if not sure.all():
        for place in zip(*np.nonzero(~sure), strict=True):
            result[place] = round(float(values[place]), digits)
    return result
