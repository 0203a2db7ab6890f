"""The log-linear part of the mean: a ridge fit on numbers, their signed logarithms, squares and one-hot categories.

Half of it, with trees on the rest, beat either alone on every development set. Where a direction is required the
column's terms are the number and its signed logarithm only, with coefficients held to that sign; so every term, and
with it the whole, keeps the direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from valuation.numeric.columns import FloatArray, IntArray
from valuation.numeric.exact_math import log

_CLIP = 4.0  # standard deviations: beyond them a straight line is extrapolation
_MANY_ROWS = 256  # from here on a pass a term costs less than a matrix of all terms
_PENALTIES = tuple(10.0 ** (k / 2.0) for k in range(-2, 9))
PLAIN = 0
SIGNED_LOG = 1
SQUARE = 2
SQUARED_LOG = 3
LEVEL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearPart:
    """A fitted sum of terms.

    Attributes
    ----------
    column, form
        Per term the encoded column it reads and what it makes of it.
    level
        Per term the category rank it stands for (LEVEL only).
    centre, spread
        Per term what is taken off and divided by before clipping and squaring.
    median
        Per encoded column the number that stands for a missing one.
    mean
        Per term its mean over the training rows.
    coefficient
        Per term, on the scale.
    intercept
        On the scale.

    """

    column: IntArray
    form: IntArray
    level: FloatArray
    centre: FloatArray
    spread: FloatArray
    median: FloatArray
    mean: FloatArray
    coefficient: FloatArray
    intercept: float

    def terms(self, matrix: FloatArray) -> FloatArray:
        """Return every term of every row, shape (n, terms)."""
        standard = (self._cells(matrix) - self.centre) / self.spread
        standard = np.minimum(np.maximum(standard, -_CLIP), _CLIP)
        squared = (self.form == SQUARE) | (self.form == SQUARED_LOG)
        terms = np.where(squared, standard * standard, standard)
        is_level = matrix[:, self.column] == self.level  # a missing category is no level: all its terms are zero
        return np.where(self.form == LEVEL, is_level.astype(np.float64), terms)

    def _cells(self, matrix: FloatArray) -> FloatArray:
        """Return what each term reads: its column, or the column's signed logarithm."""
        filled = np.where(np.isnan(matrix), self.median, matrix)
        use_log = (self.form == SIGNED_LOG) | (self.form == SQUARED_LOG)
        cells = filled[:, self.column]
        read, place = np.unique(self.column[use_log], return_inverse=True)  # each logarithm is worked out once
        logged = filled[:, read]
        cells[:, use_log] = np.copysign(log(1.0 + np.abs(logged)), logged)[:, place.reshape(-1)]
        return cells

    def predict(self, matrix: FloatArray) -> FloatArray:
        """Return the linear part for each row, terms added in order."""
        if len(self.coefficient) == 0:
            return np.full(len(matrix), self.intercept)
        if len(matrix) >= _MANY_ROWS:
            return self._predict_many(matrix)
        weighted = self.terms(matrix) * self.coefficient
        return self.intercept + np.cumsum(weighted, axis=1)[:, -1]

    def _predict_many(self, matrix: FloatArray) -> FloatArray:
        """Return what :meth:`predict` does, term by term over whole columns, which stay in the processor's cache."""
        total = np.zeros(0)
        columns = np.ascontiguousarray(matrix.T)
        for place, term in enumerate(self._terms_of(columns)):
            weighted = term * self.coefficient[place]
            total = weighted if place == 0 else np.add(total, weighted, out=total)
        return self.intercept + total

    def _terms_of(self, columns: FloatArray) -> Iterator[FloatArray]:
        """Yield every term of all rows; the matrix is given column by column."""
        logged: dict[int, FloatArray] = {}
        filled: dict[int, FloatArray] = {}
        for place, (column, form) in enumerate(zip(self.column.tolist(), self.form.tolist(), strict=True)):
            if form == LEVEL:
                yield (columns[column] == self.level[place]).astype(np.float64)
                continue
            if column not in filled:
                filled[column] = np.where(np.isnan(columns[column]), self.median[column], columns[column])
            cells = filled[column]
            if form in {SIGNED_LOG, SQUARED_LOG}:
                if column not in logged:
                    logged[column] = np.copysign(log(1.0 + np.abs(cells)), cells)
                cells = logged[column]
            standard = (cells - self.centre[place]) / self.spread[place]
            standard = np.minimum(np.maximum(standard, -_CLIP), _CLIP)
            yield standard * standard if form in {SQUARE, SQUARED_LOG} else standard

    def effects(self, matrix: FloatArray, columns: int) -> FloatArray:
        """Return how far each encoded column moves a row away from the mean row, shape (n, columns)."""
        weighted = (self.terms(matrix) - self.mean) * self.coefficient
        effects = np.zeros((len(matrix), columns))
        for term, column in enumerate(self.column.tolist()):
            effects[:, column] += weighted[:, term]
        return effects


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
        Encoded rows, target on the scale, weight of each row.
    ranked
        Encoded columns that hold category ranks.
    monotone
        Required direction of each encoded column: -1, 0 or +1.
    copies
        How often every sale is among the rows.

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
    cells = part._cells(matrix)  # noqa: SLF001 - the fit of this very class
    level = part.form == LEVEL
    return _replace(
        part,
        centre=np.where(level, 0.0, cells.mean(axis=0)),
        spread=np.where(level, 1.0, cells.std(axis=0) + 1e-9),
    )


def _replace(part: LinearPart, **changes: FloatArray | float) -> LinearPart:
    fields = {name: getattr(part, name) for name in LinearPart.__slots__}
    return LinearPart(**{**fields, **changes})


def _solve(
    part: LinearPart, data: tuple[FloatArray, FloatArray, FloatArray], monotone: tuple[int, ...], copies: int
) -> LinearPart:
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - training only

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
    return _replace(part, mean=mean, coefficient=coefficient, intercept=middle - float(np.sum(mean * coefficient)))


def _gcv(values: FloatArray, rotated: FloatArray, power: float, rows: int, penalty: float) -> float:
    shrunk = values + penalty
    fitted = float(np.sum(rotated**2 / shrunk * (2.0 - values / shrunk)))
    freedom = 1.0 + float(np.sum(values / shrunk))
    return max(power - fitted, 0.0) / max(rows - freedom, 1e-3 * rows) ** 2


def _signed(gram: FloatArray, moment: FloatArray, start: FloatArray, signs: IntArray) -> FloatArray:
    """Return the ridge solution with signs held, by cyclic coordinate descent."""
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
