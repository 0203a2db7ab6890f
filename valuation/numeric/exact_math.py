"""Exponential, logarithm and related functions, with the same bits on every machine.

A processor's or a library's own ``exp`` may differ in the last bit from one machine to the next, and a valuation must
be reproduced bit for bit. Addition, multiplication, division, square root and scaling by two are exact everywhere
(IEEE 754), so these functions use nothing else. Errors stay below 4 units in the last place over the tested range
(|x| up to 700 for :func:`exp`); the reductions and series are the textbook ones (W. J. Cody and W. Waite, Software
Manual for the Elementary Functions, 1980).
"""

from __future__ import annotations

import math

import numpy as np

from valuation.numeric.columns import FloatArray

_LN2_HIGH = 0.6931471803691238  # the upper 32 bits of ln 2, so that k * _LN2_HIGH is exact
_LN2_LOW = 1.9082149292705877e-10
_LN2 = 0.6931471805599453
_INVERSE_FACTORIALS = tuple(
    1.0 / f for f in (6227020800, 479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1)
)
_ODD_RECIPROCALS = tuple(1.0 / k for k in range(21, 0, -2))


# Adding zero-dimensional arrays takes half the time of adding floats.
_EXP_STEPS = tuple(np.array(one) for one in _INVERSE_FACTORIALS)
_LOG_STEPS = tuple(np.array(one) for one in _ODD_RECIPROCALS)

_FEW = 6
"""Up to this number of values are computed one by one: the same steps and bits, without the cost of array calls."""


def exp(x: FloatArray) -> FloatArray:
    """Return e to the power of x; NaN stays NaN.

    >>> exp(np.array([0.0, 1.0, np.nan])).round(9).tolist()
    [1.0, 2.718281828, nan]
    """
    if x.size <= _FEW:
        return np.array([_exp_of_one(value) for value in x.ravel().tolist()]).reshape(x.shape)
    bounded = np.minimum(np.maximum(x, -745.0), 709.0)
    halvings = np.floor(bounded / _LN2 + 0.5)
    rest = (bounded - halvings * _LN2_HIGH) - halvings * _LN2_LOW
    total = rest * _EXP_STEPS[0]
    for coefficient in _EXP_STEPS[1:-1]:
        np.add(total, coefficient, out=total)
        np.multiply(total, rest, out=total)
    np.add(total, _EXP_STEPS[-1], out=total)
    np.putmask(halvings, np.isnan(halvings), 0.0)  # the total is NaN already
    raised: FloatArray = np.ldexp(total, halvings.astype(np.int64))
    return raised


def _exp_of_one(x: float) -> float:
    if x != x:  # noqa: PLR0124 - NaN
        return x
    bounded = min(max(x, -745.0), 709.0)
    halvings = math.floor(bounded / _LN2 + 0.5)
    rest = (bounded - halvings * _LN2_HIGH) - halvings * _LN2_LOW
    total = 0.0
    for coefficient in _INVERSE_FACTORIALS:
        total = total * rest + coefficient
    return math.ldexp(total, halvings)


def log(x: FloatArray) -> FloatArray:
    """Return the natural logarithm of x; NaN for negative x, minus infinity at zero.

    >>> log(np.array([1.0, 2.0, 0.0, -1.0])).round(9).tolist()
    [0.0, 0.693147181, -inf, nan]
    """
    if x.size <= _FEW:
        return np.array([_log_of_one(value) for value in x.ravel().tolist()]).reshape(x.shape)
    usable = (x > 0.0) & (x < np.inf)
    if usable.all():
        return _log_of_positive(x)
    value = _log_of_positive(np.where(usable, x, 1.0))
    value = np.where(np.isinf(x) & (x > 0.0), np.inf, value)
    return np.where(x > 0.0, value, np.where(x == 0.0, -np.inf, np.nan))


def _log_of_positive(x: FloatArray) -> FloatArray:
    """Return the natural logarithm of positive, finite numbers."""
    mantissa, exponent = np.frexp(x)
    small = mantissa < 0.7071067811865476
    np.multiply(mantissa, 2.0, out=mantissa, where=small)
    exponent = exponent - small
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = square * _LOG_STEPS[0]
    for coefficient in _LOG_STEPS[1:-1]:
        np.add(series, coefficient, out=series)
        np.multiply(series, square, out=series)
    np.add(series, _LOG_STEPS[-1], out=series)
    value: FloatArray = exponent * _LN2_HIGH + (exponent * _LN2_LOW + 2.0 * ratio * series)
    return value


def _log_of_one(x: float) -> float:
    if not 0.0 < x < math.inf:
        return x if x == math.inf else -math.inf if x == 0.0 else math.nan
    mantissa, exponent = math.frexp(x)
    if mantissa < 0.7071067811865476:
        mantissa, exponent = mantissa * 2.0, exponent - 1
    ratio = (mantissa - 1.0) / (mantissa + 1.0)
    square = ratio * ratio
    series = 0.0
    for coefficient in _ODD_RECIPROCALS:
        series = series * square + coefficient
    return exponent * _LN2_HIGH + (exponent * _LN2_LOW + 2.0 * ratio * series)


def power(base: FloatArray, exponent: FloatArray | float) -> FloatArray:
    """Return a positive base to any power; zero to a positive power is zero.

    >>> power(np.array([4.0, 0.0]), 0.5).tolist()
    [2.0, 0.0]
    """
    raised = exp(np.asarray(exponent) * log(np.where(base > 0.0, base, 1.0)))
    return np.where(base > 0.0, raised, np.where(base == 0.0, 0.0, np.nan))


def asinh(x: FloatArray) -> FloatArray:
    """Return the inverse hyperbolic sine.

    >>> asinh(np.array([0.0, -1.0, 100.0])).round(9).tolist()
    [0.0, -0.881373587, 5.298342366]
    """
    size = np.abs(x)
    small = size < 0.02
    direct = log(size + np.sqrt(size * size + 1.0))
    square = size * size
    series = size * (1.0 - square * (1.0 / 6.0 - square * (3.0 / 40.0 - square * 15.0 / 336.0)))
    return np.copysign(np.where(small, series, direct), x)


def sinh(x: FloatArray) -> FloatArray:
    """Return the hyperbolic sine, the inverse of :func:`asinh`.

    >>> sinh(asinh(np.array([-35.0, 0.0, 120.0]))).round(9).tolist()
    [-35.0, 0.0, 120.0]
    """
    size = np.abs(x)
    grown = exp(size)
    direct = (grown - 1.0 / grown) / 2.0
    square = size * size
    series = size * (1.0 + square / 6.0 * (1.0 + square / 20.0 * (1.0 + square / 42.0)))
    return np.copysign(np.where(size < 0.05, series, direct), x)


def normal_cdf(x: FloatArray) -> FloatArray:
    """Return the standard normal distribution function, within 1e-7 (Abramowitz and Stegun 26.2.17).

    >>> normal_cdf(np.array([0.0, 1.6448536])).round(6).tolist()
    [0.5, 0.95]
    """
    size = np.abs(x)
    t = 1.0 / (1.0 + 0.2316419 * size)
    polynomial = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = 0.3989422804014327 * exp(-0.5 * size * size) * polynomial
    return np.where(x >= 0.0, 1.0 - tail, tail)


def normal_quantile(share: FloatArray) -> FloatArray:
    """Return the standard normal quantile of a share, within 1e-7 of :func:`normal_cdf`.

    A rational approximation (Abramowitz and Stegun 26.2.23) is refined by Newton steps.

    >>> normal_quantile(np.array([0.5, 0.95])).round(5).tolist()
    [0.0, 1.64485]
    """
    tail = np.minimum(share, 1.0 - share)
    t = np.sqrt(-2.0 * log(tail))
    size = t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
    for _ in range(3):
        density = 0.3989422804014327 * exp(-0.5 * size * size)
        size = size + (1.0 - tail - normal_cdf(size)) / density
    return np.where(share < 0.5, -size, size)
