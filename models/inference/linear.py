"""The linear part of the mean: numbers, their signed logarithms, squares and one-hot categories.

With weight one half and trees on the residuals it was better than either alone on every development set. A column with
a required direction has only the number and its signed logarithm as terms, with coefficients of that sign, so the sum
is monotone. The fit is in :mod:`models.fitting.fit_linear`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from models.kernel.layout import CONSTANTS
from valuation.numeric.columns import FloatArray, IntArray
from valuation.numeric.exact_math import log

_CLIP = 4.0  # standard deviations: beyond them a straight line is extrapolation
_MANY_ROWS = 256  # from here on a pass a term costs less than a matrix of all terms
PLAIN = CONSTANTS["PLAIN"]
SIGNED_LOG = CONSTANTS["SIGNED_LOG"]
SQUARE = CONSTANTS["SQUARE"]
SQUARED_LOG = CONSTANTS["SQUARED_LOG"]
LEVEL = CONSTANTS["LEVEL_TERM"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearPart:
    """A fitted sum of terms.

    Attributes
    ----------
    column, form
        Per term the encoded column and the form of the term.
    level
        Per term the category rank (LEVEL only).
    centre, spread
        Per term the offset and the divisor before clipping and squaring.
    median
        Per encoded column the replacement of missing values.
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
        standard = (self.cells(matrix) - self.centre) / self.spread
        standard = np.minimum(np.maximum(standard, -_CLIP), _CLIP)
        squared = (self.form == SQUARE) | (self.form == SQUARED_LOG)
        terms = np.where(squared, standard * standard, standard)
        is_level = matrix[:, self.column] == self.level  # a missing category is no level: all its terms are zero
        return np.where(self.form == LEVEL, is_level.astype(np.float64), terms)

    def cells(self, matrix: FloatArray) -> FloatArray:
        """Return the input of each term: its column or the signed logarithm of it."""
        filled = np.where(np.isnan(matrix), self.median, matrix)
        use_log = (self.form == SIGNED_LOG) | (self.form == SQUARED_LOG)
        cells = filled[:, self.column]
        read, place = np.unique(self.column[use_log], return_inverse=True)  # each logarithm is worked out once
        logged = filled[:, read]
        cells[:, use_log] = np.copysign(log(1.0 + np.abs(logged)), logged)[:, place.reshape(-1)]
        return cells

    def predict(self, matrix: FloatArray) -> FloatArray:
        """Return the linear part of each row; terms are added in order."""
        if len(self.coefficient) == 0:
            return np.full(len(matrix), self.intercept)
        if len(matrix) >= _MANY_ROWS:
            return self._predict_many(matrix)
        weighted = self.terms(matrix) * self.coefficient
        return self.intercept + np.cumsum(weighted, axis=1)[:, -1]

    def _predict_many(self, matrix: FloatArray) -> FloatArray:
        """Return the same as :meth:`predict`, term by term over whole columns, which is faster for many rows."""
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
        """Return the contribution of each encoded column relative to the mean row, shape (n, columns)."""
        weighted = (self.terms(matrix) - self.mean) * self.coefficient
        effects = np.zeros((len(matrix), columns))
        for term, column in enumerate(self.column.tolist()):
            effects[:, column] += weighted[:, term]
        return effects
