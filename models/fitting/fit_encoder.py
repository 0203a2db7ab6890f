"""Fit of the category encoder: ranks and shrunken target means, cross-fitted so that no row informs its own average.

Target means are shrunk (D. Micci-Barreca, 2001) and cross-fitted, as in scikit-learn's TargetEncoder. Effects of
several category columns are fitted in turn, as crossed random effects.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.fitting.fit_linear import fit_linear
from models.fitting.folds import assign_folds
from models.inference.encoding import (
    AVERAGED,
    AVERAGED_COLUMNS,
    NUMBER,
    RANKED,
    CategoryLevels,
    Encoder,
)
from valuation.numeric.columns import FloatArray, IntArray

_FEW_LEVELS = 16
_INNER_FOLDS = 5
_LINEAR_ROWS = 20_000
_SWEEPS = 2
_NEXT_SEED = 104_729


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTarget:
    """The data of an encoder fit.

    Attributes
    ----------
    target, weight
        Target and weight of each row.
    rest
        Residual of a linear fit on numbers and ranks, which the levels explain.
    together
        Rows with one code stay in one fold, or None.
    seed
        Seed of the inner folds.

    """

    target: FloatArray
    rest: FloatArray
    weight: FloatArray
    together: IntArray | None
    seed: int


def column_kinds(codes: FloatArray, categorical: tuple[bool, ...]) -> tuple[int, ...]:
    """Return how each input column is encoded: NUMBER, RANKED or AVERAGED."""
    return tuple(_kind(codes[:, j], is_category=flag) for j, flag in enumerate(categorical))


def learn_encoder(codes: FloatArray, kinds: tuple[int, ...], lesson: EncoderTarget) -> tuple[Encoder, FloatArray]:
    """Return the encoder of a training set and the encoded set, cross-fitted."""
    encoder, (encoded,) = fit_crossfitted(codes, kinds, lesson, 1)
    return encoder, encoded


def fit_crossfitted(
    codes: FloatArray, kinds: tuple[int, ...], lesson: EncoderTarget, copies: int
) -> tuple[Encoder, list[FloatArray]]:
    """Return the encoder of a training set, and several cross-fitted copies of the encoded set.

    Each copy uses other inner folds; several copies reduce the noise of the random folds. There is one copy if no
    column is averaged.
    """
    if AVERAGED in kinds:
        lesson = replace(lesson, rest=_unexplained(codes, kinds, lesson))
    levels = _learn_all_levels(codes, kinds, lesson)
    source = np.array(
        [j for j, kind in enumerate(kinds) for _ in range(AVERAGED_COLUMNS if kind == AVERAGED else 1)], dtype=np.int64
    )
    fill = np.array([_fill(codes[:, j]) if kind == NUMBER else np.nan for j, kind in enumerate(kinds)])
    encoder = Encoder(kinds=kinds, fill=fill, levels=levels, source=source)
    encoded = encoder.encode(codes)
    if AVERAGED not in kinds or len(codes) <= _INNER_FOLDS:
        return encoder, [encoded]
    many = [encoded, *(encoded.copy() for _ in range(copies - 1))]
    for turn, copy in enumerate(many):
        _cross_fit(codes, replace(lesson, seed=lesson.seed + _NEXT_SEED * turn), encoder, copy)
    return encoder, many


def _kind(column: FloatArray, *, is_category: bool) -> int:
    if not is_category:
        return NUMBER
    known = column[~np.isnan(column)]
    return RANKED if len(np.unique(known)) <= _FEW_LEVELS else AVERAGED


def _fill(column: FloatArray) -> float:
    missing = np.isnan(column)
    # Without a missing cell in training LightGBM would read one as zero: a car of the year 0. The median is no fact
    # either, but it is inside what was learned.
    return float("nan") if np.any(missing) else float(np.median(column))


def _learn_levels(column: FloatArray, lesson: EncoderTarget, kind: int) -> CategoryLevels:
    none = np.zeros(0)
    known = ~np.isnan(column)
    if kind == NUMBER or not np.any(known):
        return CategoryLevels(codes=none, mean=none, count=none, rank=none, excess=none, prior=0.0)
    codes, place = np.unique(column[known], return_inverse=True)
    target, weight = lesson.target[known], lesson.weight[known]
    prior = float(np.average(lesson.target, weights=lesson.weight))
    count = np.bincount(place, minlength=len(codes)).astype(np.float64)
    mean = prior + _shrunk_means(place, target - prior, weight, len(codes))
    rank = np.empty(len(codes))
    rank[np.argsort(mean, kind="stable")] = np.arange(len(codes), dtype=np.float64)
    return CategoryLevels(codes=codes, mean=mean, count=count, rank=rank, excess=np.zeros(len(codes)), prior=prior)


def _learn_all_levels(codes: FloatArray, kinds: tuple[int, ...], lesson: EncoderTarget) -> tuple[CategoryLevels, ...]:
    """Return the levels of every column; their effects are fitted in turn on the residuals of the others."""
    levels = [_learn_levels(codes[:, j], lesson, kind) for j, kind in enumerate(kinds)]
    averaged = [j for j, kind in enumerate(kinds) if kind == AVERAGED and len(levels[j].codes)]
    averaged.sort(key=lambda j: len(levels[j].codes))  # coarse before fine: a model explains what its maker leaves
    place = {j: levels[j].position(codes[:, j]) for j in averaged}
    excess = {j: np.zeros(len(levels[j].codes)) for j in averaged}
    share = {j: np.zeros(len(codes)) for j in averaged}
    rest = lesson.rest
    for j in averaged * (_SWEEPS if len(averaged) > 1 else 1):
        where, known = place[j]
        rest = rest + share[j]
        excess[j] = _shrunk_means(where[known], rest[known], lesson.weight[known], len(levels[j].codes))
        share[j] = np.where(known, excess[j][where], 0.0)
        rest = rest - share[j]
    return tuple(replace(part, excess=excess[j]) if j in excess else part for j, part in enumerate(levels))


def _shrunk_means(place: IntArray, deviation: FloatArray, weight: FloatArray, levels: int) -> FloatArray:
    """Return the mean of each level, shrunk by the ratio of variance within and between levels."""
    count = np.bincount(place, minlength=levels)
    mean = np.bincount(place, weights=deviation, minlength=levels) / np.maximum(count, 1)
    within = float(np.sum((deviation - mean[place]) ** 2)) / max(len(deviation) - len(count), 1)
    between = max(float(np.var(deviation)) - within, 1e-9 + 0.01 * within)
    rows_of_prior = min(max(within / between, 1.0), 100.0)
    mass = np.bincount(place, weights=weight, minlength=levels)
    return np.bincount(place, weights=weight * deviation, minlength=levels) / (mass + rows_of_prior * np.mean(weight))


def _unexplained(codes: FloatArray, kinds: tuple[int, ...], lesson: EncoderTarget) -> FloatArray:
    """Return the residuals of a linear fit on numbers and ranks."""
    plain = tuple(j for j, kind in enumerate(kinds) if kind != AVERAGED)
    if not plain:
        return lesson.target - float(np.average(lesson.target, weights=lesson.weight))
    encoder, encoded = learn_encoder(codes[:, plain], tuple(kinds[j] for j in plain), lesson)
    step = max(1, len(codes) // _LINEAR_ROWS)
    part = fit_linear(
        encoded[::step],
        lesson.target[::step],
        lesson.weight[::step],
        ranked=encoder.ranked_columns(),
        monotone=(0,) * encoded.shape[1],
    )
    return lesson.target - part.predict(encoded)


def _cross_fit(codes: FloatArray, lesson: EncoderTarget, encoder: Encoder, encoded: FloatArray) -> None:
    fold = assign_folds(len(codes), _INNER_FOLDS, lesson.seed, lesson.together)
    for inner in range(_INNER_FOLDS):
        here, others = fold == inner, fold != inner
        if not np.any(here) or not np.any(others):
            continue
        part = replace(
            lesson, target=lesson.target[others], rest=lesson.rest[others], weight=lesson.weight[others], together=None
        )
        learned = _learn_all_levels(codes[others], encoder.kinds, part)
        for position in np.flatnonzero(np.array(encoder.kinds) == AVERAGED):
            levels = learned[position]
            target = int(np.flatnonzero(encoder.source == position)[0])
            more = _INNER_FOLDS / (_INNER_FOLDS - 1.0)
            encoded[here, target : target + AVERAGED_COLUMNS] = levels.averaged(codes[here, position], more)
