"""Fit of the linear part: ridge regression, its penalty chosen by generalised cross-validation, signs held if asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from models.inference.linear import LEVEL, PLAIN, SIGNED_LOG, SQUARE, SQUARED_LOG, LinearPart
from valuation.numeric.columns import FloatArray, IntArray

_PENALTIES = tuple(10.0 ** (k / 2.0) for k in range(-2, 9))


def fit_linear(  # noqa: PLR0913 - the sales, and three things to be known of them
    matrix: FloatArray,
    target: FloatArray,
    weight: FloatArray,
    *,
    ranked: tuple[int, ...],
    monotone: tuple[int, ...],
    copies: int = 1,
) -> LinearPart:
    """Return the ridge fit; its penalty is chosen by generalised cross-validation (G. H. Golub et al., 1979).

    Parameters
    ----------
    matrix, target, weight
        Encoded rows, target on the scale, and weight of each row.
    ranked
        Encoded columns that hold category ranks.
    monotone
        Required direction of each encoded column: -1, 0 or +1.
    copies
        Number of copies of every sale among the rows.

    """
    median = np.array([_median(matrix[:, j]) for j in range(matrix.shape[1])])
    column, form, level = _term_list(matrix, ranked, monotone)
    terms = len(column)
    raw = LinearPart(
        column=column,
        form=form,
        level=level,
        centre=np.zeros(terms),
        spread=np.ones(terms),
        median=median,
        mean=np.zeros(terms),
        coefficient=np.zeros(terms),
        intercept=float(np.average(target, weights=weight)),
    )
    if terms == 0:
        return raw
    return _solve(_standardise(raw, matrix), (matrix, target, weight), monotone, copies)


def _median(column: FloatArray) -> float:
    known = column[~np.isnan(column)]
    return float(np.median(known)) if len(known) else 0.0


def _term_list(
    matrix: FloatArray, ranked: tuple[int, ...], monotone: tuple[int, ...]
) -> tuple[IntArray, IntArray, FloatArray]:
    terms: list[tuple[int, int, float]] = []
    for column in range(matrix.shape[1]):
        known = matrix[:, column][~np.isnan(matrix[:, column])]
        if column in ranked:
            terms.extend((column, LEVEL, float(level)) for level in np.unique(known))
        elif len(known) and np.min(known) < np.max(known):
            forms = (PLAIN, SIGNED_LOG) if monotone[column] else (PLAIN, SIGNED_LOG, SQUARE, SQUARED_LOG)
            terms.extend((column, form, -1.0) for form in forms)
    parts = list(zip(*terms, strict=True)) if terms else [(), (), ()]
    whole = np.array(parts[0], dtype=np.int64), np.array(parts[1], dtype=np.int64)
    return *whole, np.array(parts[2], dtype=np.float64)


def _standardise(part: LinearPart, matrix: FloatArray) -> LinearPart:
    cells = part.cells(matrix)
    level = part.form == LEVEL
    return replace(
        part,
        centre=np.where(level, 0.0, cells.mean(axis=0)),
        spread=np.where(level, 1.0, cells.std(axis=0) + 1e-9),
    )


def _solve(
    part: LinearPart, data: tuple[FloatArray, FloatArray, FloatArray], monotone: tuple[int, ...], copies: int
) -> LinearPart:
    matrix, target, weight = data
    weight = weight / (np.mean(weight) * copies)
    terms = part.terms(matrix)
    mean = np.average(terms, axis=0, weights=weight)
    middle = float(np.average(target, weights=weight))
    root = np.sqrt(weight)
    centred, wanted = (terms - mean) * root[:, np.newaxis], (target - middle) * root
    with threadpool_limits(limits=1):  # the number of threads would change the last bits
        gram, moment = centred.T @ centred, centred.T @ wanted
        values, vectors = np.linalg.eigh(gram)
        values = np.maximum(values, 0.0)
        rotated = vectors.T @ moment
        power = float(wanted @ wanted)
        penalty = min(_PENALTIES, key=lambda candidate: _gcv(values, rotated, power, len(target) // copies, candidate))
        coefficient = vectors @ (rotated / (values + penalty))
        signs = np.array([monotone[column] for column in part.column.tolist()])
        if np.any(signs * coefficient < 0.0):
            coefficient = _signed(gram + penalty * np.eye(len(moment)), moment, coefficient, signs)
    return replace(part, mean=mean, coefficient=coefficient, intercept=middle - float(np.sum(mean * coefficient)))


def _gcv(values: FloatArray, rotated: FloatArray, power: float, rows: int, penalty: float) -> float:
    shrunk = values + penalty
    fitted = float(np.sum(rotated**2 / shrunk * (2.0 - values / shrunk)))
    freedom = 1.0 + float(np.sum(values / shrunk))
    return max(power - fitted, 0.0) / max(rows - freedom, 1e-3 * rows) ** 2


def _signed(gram: FloatArray, moment: FloatArray, start: FloatArray, signs: IntArray) -> FloatArray:
    """Return the ridge solution under sign constraints, by cyclic coordinate descent."""
    coefficient = np.where(signs * start < 0, 0.0, start)
    gradient = gram @ coefficient - moment
    for _ in range(500):
        largest = 0.0
        for term in range(len(moment)):
            wanted = coefficient[term] - gradient[term] / gram[term, term]
            step = (0.0 if signs[term] * wanted < 0 else wanted) - coefficient[term]
            if step:
                coefficient[term] += step
                gradient += gram[:, term] * step
                largest = max(largest, abs(step))
        if largest < 1e-9:
            break
    return coefficient
