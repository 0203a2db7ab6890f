"""Target encoding of category columns for trees and linear fit.

Columns with few levels become the rank of the level by mean target. Columns with many levels become three columns: the
shrunken target mean of the level, its shrunken effect beyond numbers, ranks and the other columns, and the logarithm of
its number of sales, which is zero for unseen levels. The fit is in :mod:`models.fitting.fit_encoder`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.kernel.layout import CONSTANTS
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.numeric.exact_math import log

NUMBER = CONSTANTS["NUMBER"]
RANKED = CONSTANTS["RANKED"]
AVERAGED = CONSTANTS["AVERAGED"]
AVERAGED_COLUMNS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryLevels:
    """The fitted levels of one category column in ascending order of code; missing cells have no level."""

    codes: FloatArray
    mean: FloatArray
    count: FloatArray
    rank: FloatArray
    excess: FloatArray
    prior: float

    def position(self, column: FloatArray) -> tuple[IntArray, BoolArray]:
        """Return the index of each cell's level, and whether the level is known."""
        if len(self.codes) == 0:
            return np.zeros(len(column), dtype=np.int64), np.zeros(len(column), dtype=np.bool_)
        place = np.minimum(np.searchsorted(self.codes, column), len(self.codes) - 1)
        return place, self.codes[place] == column

    def averaged(self, column: FloatArray, more: float = 1.0) -> FloatArray:
        """Return each cell's shrunken mean, shrunken excess and logarithm of count, shape (n, 3).

        An unseen level has the prior, no excess and no count; ``more`` multiplies the counts.
        """
        place, known = self.position(column)
        if len(self.codes) == 0:
            return np.column_stack([np.full(len(column), self.prior), np.zeros(len(column)), np.zeros(len(column))])
        mean = np.where(known, self.mean[place], self.prior)
        excess = np.where(known, self.excess[place], 0.0)
        return np.column_stack([mean, excess, log(1.0 + np.where(known, self.count[place], 0.0) * more)])

    def ranked(self, column: FloatArray) -> FloatArray:
        """Return each cell's rank by mean target, NaN for missing cells and unseen levels."""
        place, known = self.position(column)
        if len(self.codes) == 0:
            return np.full(len(column), np.nan)
        return np.where(known, self.rank[place], np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """A fitted encoder: each input column becomes one or three encoded columns.

    Attributes
    ----------
    kinds
        Per input column NUMBER, RANKED or AVERAGED.
    fill
        Per input column the replacement of missing values; NaN if the training set has missing values.
    levels
        Per input column its levels (empty for numbers).
    source
        Per encoded column the input column it comes from.

    """

    kinds: tuple[int, ...]
    fill: FloatArray
    levels: tuple[CategoryLevels, ...]
    source: IntArray

    def encode(self, codes: FloatArray) -> FloatArray:
        """Return the encoded matrix of rows to be priced, shape (n, encoded columns)."""
        encoded = np.where(np.isnan(codes), self.fill, codes)[:, self.source]  # right for numbers; the others follow
        target = 0
        for position, kind in enumerate(self.kinds):
            column = codes[:, position]
            if kind == RANKED:
                encoded[:, target] = self.levels[position].ranked(column)
            elif kind == AVERAGED:
                encoded[:, target : target + AVERAGED_COLUMNS] = self.levels[position].averaged(column)
            target += AVERAGED_COLUMNS if kind == AVERAGED else 1
        return encoded

    def count_columns(self) -> IntArray:
        """Return which encoded columns hold counts of sales."""
        averaged = [int(kind == AVERAGED) for kind in self.kinds]
        last = np.append(self.source[1:] != self.source[:-1], True)
        return np.flatnonzero(last & (np.array(averaged)[self.source] == 1))

    def ranked_columns(self) -> tuple[int, ...]:
        """Return which encoded columns hold ranks of categories."""
        return tuple(int(e) for e, s in enumerate(self.source) if self.kinds[int(s)] == RANKED)
