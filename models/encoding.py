"""Category codes turned into numbers that trees and a linear fit can use.

Few levels: one column with the level's rank by mean target. Many levels: the shrunken mean target of the level, learned
on other rows than those it is given to (D. Micci-Barreca, 2001; cross-fitting as in scikit-learn's TargetEncoder), and
the logarithm of how many sales stand behind it, so that a level never seen says so by a count of zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.folds import assign_folds
from valuation.columns import BoolArray, FloatArray, IntArray
from valuation.elementary import log

NUMBER = 0
RANKED = 1
AVERAGED = 2
FEW_LEVELS = 16
_INNER_FOLDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What is known about the levels of one category column, levels in ascending code order.

    ``known_missing`` tells whether missing cells were met and then hold the last entry of ``mean`` and ``count``.
    """

    codes: FloatArray
    mean: FloatArray
    count: FloatArray
    rank: FloatArray
    prior: float

    def position(self, column: FloatArray) -> tuple[IntArray, BoolArray]:
        """Return where each cell's level stands, and whether it is known at all."""
        if len(self.codes) == 0:
            return np.zeros(len(column), dtype=np.int64), np.zeros(len(column), dtype=np.bool_)
        place = np.minimum(np.searchsorted(self.codes, column), len(self.codes) - 1)
        return place, self.codes[place] == column

    def averaged(self, column: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each cell's shrunken mean and count; the prior and zero for a level never seen."""
        place, known = self.position(column)
        if len(self.codes) == 0:
            return np.full(len(column), self.prior), np.zeros(len(column))
        return np.where(known, self.mean[place], self.prior), np.where(known, self.count[place], 0.0)

    def ranked(self, column: FloatArray) -> FloatArray:
        """Return each cell's rank by mean target, NaN for missing and for a level never seen."""
        place, known = self.position(column)
        if len(self.codes) == 0:
            return np.full(len(column), np.nan)
        return np.where(known, self.rank[place], np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """How each input column becomes one or two encoded columns.

    Attributes
    ----------
    kinds
        Per input column NUMBER, RANKED or AVERAGED.
    fill
        Per input column the number put in place of a missing one, NaN where missing cells were seen in training.
    levels
        Per input column its levels (empty for numbers).
    source
        Per encoded column the input column it comes from.

    """

    kinds: tuple[int, ...]
    fill: FloatArray
    levels: tuple[Levels, ...]
    source: IntArray

    def encode(self, codes: FloatArray) -> FloatArray:
        """Return the encoded matrix of rows to be priced, shape (n, encoded columns)."""
        encoded = np.empty((len(codes), len(self.source)))
        target = 0
        for position, kind in enumerate(self.kinds):
            column = codes[:, position]
            if kind == NUMBER:
                encoded[:, target] = np.where(np.isnan(column), self.fill[position], column)
            elif kind == RANKED:
                encoded[:, target] = self.levels[position].ranked(column)
            else:
                mean, count = self.levels[position].averaged(column)
                encoded[:, target], encoded[:, target + 1] = mean, log(1.0 + count)
                target += 1
            target += 1
        return encoded

    def ranked_columns(self) -> tuple[int, ...]:
        """Return which encoded columns hold ranks of categories."""
        return tuple(int(e) for e, s in enumerate(self.source) if self.kinds[int(s)] == RANKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What an encoder learns from: target and weight of each row, rows that must stay together, a seed."""

    target: FloatArray
    weight: FloatArray
    together: IntArray | None
    seed: int


def column_kinds(codes: FloatArray, categorical: tuple[bool, ...]) -> tuple[int, ...]:
    """Return how each input column is encoded: NUMBER, RANKED or AVERAGED."""
    return tuple(_kind(codes[:, j], is_category=flag) for j, flag in enumerate(categorical))


def learn_encoder(codes: FloatArray, kinds: tuple[int, ...], lesson: Lesson) -> tuple[Encoder, FloatArray]:
    """Return the encoder of a training set and that set encoded, each row's averages learned without it."""
    levels = tuple(_learn_levels(codes[:, j], lesson, kind) for j, kind in enumerate(kinds))
    source = np.array([j for j, kind in enumerate(kinds) for _ in range(1 + (kind == AVERAGED))], dtype=np.int64)
    fill = np.array([_fill(codes[:, j]) if kind == NUMBER else np.nan for j, kind in enumerate(kinds)])
    encoder = Encoder(kinds=kinds, fill=fill, levels=levels, source=source)
    encoded = encoder.encode(codes)
    if AVERAGED in kinds and len(codes) > _INNER_FOLDS:
        _cross_fit(codes, lesson, encoder, encoded)
    return encoder, encoded


def _kind(column: FloatArray, *, is_category: bool) -> int:
    if not is_category:
        return NUMBER
    known = column[~np.isnan(column)]
    return RANKED if len(np.unique(known)) <= FEW_LEVELS else AVERAGED


def _fill(column: FloatArray) -> float:
    missing = np.isnan(column)
    # Without a missing cell in training LightGBM would read one as zero: a car of the year 0. The median is no fact
    # either, but it is inside what was learned.
    return float("nan") if np.any(missing) else float(np.median(column))


def _learn_levels(column: FloatArray, lesson: Lesson, kind: int) -> Levels:
    none = np.zeros(0)
    known = ~np.isnan(column)
    if kind == NUMBER or not np.any(known):
        return Levels(codes=none, mean=none, count=none, rank=none, prior=0.0)
    codes, place = np.unique(column[known], return_inverse=True)
    target, weight = lesson.target[known], lesson.weight[known]
    prior = float(np.average(lesson.target, weights=lesson.weight))
    mass = np.bincount(place, weights=weight, minlength=len(codes))
    total = np.bincount(place, weights=weight * (target - prior), minlength=len(codes))
    count = np.bincount(place, minlength=len(codes)).astype(np.float64)
    mean = prior + total / (mass + _shrinkage(place, target, codes) * np.mean(weight))
    rank = np.empty(len(codes))
    rank[np.argsort(mean, kind="stable")] = np.arange(len(codes), dtype=np.float64)
    return Levels(codes=codes, mean=mean, count=count, rank=rank, prior=prior)


def _shrinkage(place: IntArray, target: FloatArray, codes: FloatArray) -> float:
    """Return the prior's weight in rows: variance within levels over variance between them."""
    count = np.bincount(place, minlength=len(codes))
    mean = np.bincount(place, weights=target, minlength=len(codes)) / np.maximum(count, 1)
    within = float(np.sum((target - mean[place]) ** 2)) / max(len(target) - len(codes), 1)
    between = max(float(np.var(target)) - within, 1e-9 + 0.01 * within)
    return float(min(max(within / between, 1.0), 100.0))


def _cross_fit(codes: FloatArray, lesson: Lesson, encoder: Encoder, encoded: FloatArray) -> None:
    fold = assign_folds(len(codes), _INNER_FOLDS, lesson.seed, lesson.together)
    for inner in range(_INNER_FOLDS):
        here, others = fold == inner, fold != inner
        if not np.any(here) or not np.any(others):
            continue
        part = Lesson(target=lesson.target[others], weight=lesson.weight[others], together=None, seed=0)
        for position in np.flatnonzero(np.array(encoder.kinds) == AVERAGED):
            levels = _learn_levels(codes[others, position], part, AVERAGED)
            mean, count = levels.averaged(codes[here, position])
            target = int(np.flatnonzero(encoder.source == position)[0])
            encoded[here, target] = mean
            encoded[here, target + 1] = log(1.0 + count * (_INNER_FOLDS / (_INNER_FOLDS - 1.0)))
