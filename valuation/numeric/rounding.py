"""Round numbers with the same result as Python's `round`, and money to the fen (分)."""

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


def money(amount_cny: float) -> float:
    """Return an amount rounded to the fen, with minus zero as zero.

    >>> money(12.3456), money(-0.001)
    (12.35, 0.0)
    """
    return round(amount_cny, 2) + 0.0


def money_column(amounts_cny: FloatArray) -> FloatArray:
    """Return amounts rounded to the fen, with minus zero as zero.

    >>> money_column(np.array([12.3456, -0.001, 2.675, 0.125])).tolist()
    [12.35, 0.0, 2.67, 0.12]
    """
    return rounded(amounts_cny, 2) + 0.0


def fen(amount_cny: float) -> int:
    """Return an amount in whole fen, halves rounded to even.

    >>> fen(12.345), fen(-0.5)
    (1234, -50)
    """
    return round(amount_cny * 100.0)


def fen_column(amounts_cny: FloatArray) -> FloatArray:
    """Return amounts in whole fen, halves rounded to even, so that sums of them are exact."""
    return np.rint(amounts_cny * 100.0)
