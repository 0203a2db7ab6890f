"""The parts of a training: means and widths grown on some sales, to judge others or to price with."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.band import BandSettings
from models.booster import BoosterSettings, Grown, Sample, grow, mean_settings, width_settings, with_trees
from models.encoding import NUMBER, Encoder, Lesson, column_kinds, learn_encoder
from models.fitted import LINEAR_SHARE, MeanPart, WidthPart
from models.folds import assign_folds, fold_count
from models.forest import Forest, empty_forest
from models.ledger import Ledger
from models.linear import LinearPart, fit_linear
from valuation.columns import BoolArray, FloatArray, IntArray

_LINEAR_ROWS = 100_000
_WIDTH_PATIENCE = 30
_STRETCH_ROWS = 200.0
_LEAST_WIDTH = 0.01  # of the mean width: keeps the logarithm of a deviation of nothing finite


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """What the caller of a fit may choose; ``trees`` None lets the folds choose."""

    monotone: tuple[int, ...]
    trees: int | None
    learning_rate: float
    folds: int
    seed: int
    threads: int
    band: BandSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A mean trained on some rows, and the encoded rows it is to judge."""

    test: IntArray
    linear: LinearPart
    grown: Grown
    matrix: FloatArray

    def predict(self, trees: int) -> FloatArray:
        """Return the mean of the rows to judge."""
        return LINEAR_SHARE * self.linear.predict(self.matrix) + self.grown.predict(self.matrix, trees)


class Learner:
    """One training set and the settings by which means and widths are grown from it."""

    def __init__(self, ledger: Ledger, settings: FitSettings) -> None:
        self.ledger = ledger
        self.settings = settings
        self.rows = len(ledger.target)
        # of all sales, so that every part has the same encoded columns
        self.kinds = column_kinds(ledger.codes, ledger.categorical)
        self.folds = fold_count(self.rows, settings.folds)
        growth = mean_settings(self.rows, (), settings.seed, settings.threads)
        self.growth = replace(growth, learning_rate=settings.learning_rate, trees=settings.trees or growth.trees)
        self.trees = settings.trees or 0
        self.width_trees = 0

    def mean_out_of_fold(self) -> FloatArray:
        """Return every sale's mean by a model that never saw it, the number of trees chosen on the way."""
        if self.rows < 2:  # one sale, however often listed, judges nothing
            return self.ledger.target
        fold = assign_folds(self.rows, self.folds, self.settings.seed, self.ledger.packs)
        parts = [self.part(fold != k, fold == k, judged=True) for k in range(self.folds) if np.any(fold == k)]
        self.trees = self.settings.trees or _best([part.grown.curve for part in parts])
        mean = np.empty(self.rows)
        for part in parts:
            mean[part.test] = part.predict(self.trees)
        return mean

    def part(self, train: BoolArray, test: BoolArray, *, judged: bool) -> Part:
        """Return a mean trained on some rows; judged, it is grown until the rows to judge stop gaining."""
        encoder, linear, sample, growth, _ = self._prepare(train)
        rows = np.flatnonzero(test)
        codes = self.ledger.codes[rows]
        if not judged and not np.all(np.isnan(self.ledger.day)):
            codes = codes.copy()  # a model of earlier sales prices as of its own last day
            codes[:, -1] = np.minimum(codes[:, -1], np.max(self.ledger.codes[train, -1]))
        matrix = encoder.encode(codes)
        if judged and self.settings.trees is None:
            rest = self.ledger.target[rows] - LINEAR_SHARE * linear.predict(matrix)
            grown = grow(sample, growth, Sample(matrix=matrix, target=rest, weight=self.ledger.weight[rows]))
        else:
            # half the trees at twice the pace: the same fit to within its noise at half the cost
            pace = growth if judged else replace(growth, learning_rate=2.0 * growth.learning_rate)
            grown = grow(sample, with_trees(pace, max(self.trees if judged else self.trees // 2, 1)))
        return Part(test=rows, linear=linear, grown=grown, matrix=matrix)

    def mean_on_everything(self) -> tuple[MeanPart, FloatArray]:
        """Return the mean trained on every sale, and the encoded rows it was trained on."""
        encoder, linear, sample, growth, encoded = self._prepare(np.ones(self.rows, dtype=np.bool_))
        forest = (
            grow(sample, with_trees(growth, self.trees)).forest() if self.trees else empty_forest(len(encoder.source))
        )
        return MeanPart(encoder=encoder, linear=linear, forest=forest), encoded

    def width_part(
        self, encoder: Encoder, encoded: FloatArray, residual: FloatArray, mean: FloatArray
    ) -> tuple[WidthPart, FloatArray]:
        """Return the width trained on every sale, and every sale's width by one that never saw it."""
        directions = np.array(self._directions(encoder))
        size = np.abs(residual)
        unit = float(np.average(size, weights=self.ledger.weight))
        columns = np.flatnonzero(directions == 0)
        shell = WidthPart(forest=empty_forest(0), unit=unit, columns=columns, reads_mean=not np.any(directions))
        if not unit > 1e-12 * (1.0 + float(np.max(np.abs(mean)))):
            return replace(shell, unit=0.0), np.zeros(self.rows)
        matrix = shell.matrix(encoded, mean)
        sample = Sample(matrix=matrix, target=size / unit + _LEAST_WIDTH, weight=self.ledger.weight)
        logs = self._width_out_of_fold(sample)
        forest: Forest = empty_forest(matrix.shape[1])
        if self.width_trees > 0:
            forest = grow(sample, with_trees(self._width_growth(self.rows), self.width_trees)).forest()
        stretch = _stretch(size, logs)
        return replace(shell, forest=replace(forest, value=stretch * forest.value)), unit * np.exp(stretch * logs)

    def _prepare(self, train: BoolArray) -> tuple[Encoder, LinearPart, Sample, BoosterSettings, FloatArray]:
        """Return encoder and linear part of some rows, what the trees are to learn, how, and the rows encoded."""
        ledger = self.ledger
        packs = None if ledger.packs is None else ledger.packs[train]
        target, weight = ledger.target[train], ledger.weight[train]
        lesson = Lesson(target=target, rest=target, weight=weight, together=packs, seed=self.settings.seed)
        encoder, encoded = learn_encoder(ledger.codes[train], self.kinds, lesson)
        known = encoded.copy()
        # The mean is not told how many sales stand behind a level: rare models are dear ones, a new model is not.
        known[:, encoder.count_columns()] = 0.0
        directions = self._directions(encoder)
        step = max(1, len(target) // _LINEAR_ROWS)
        linear = fit_linear(
            self._timeless(known[::step], encoder),
            target[::step],
            weight[::step],
            ranked=encoder.ranked_columns(),
            monotone=directions,
        )
        rest = target - LINEAR_SHARE * linear.predict(known)
        growth = replace(self.growth, monotone=directions if any(directions) else ())
        return encoder, linear, Sample(matrix=known, target=rest, weight=weight), growth, encoded

    def _timeless(self, encoded: FloatArray, encoder: Encoder) -> FloatArray:
        """Return rows in which the day of sale says nothing, so that the linear part gives it no term.

        Beside year made and age the day is their sum; it stands still after training while they go on, and terms that
        offset each other then part.
        """
        if np.all(np.isnan(self.ledger.day)):
            return encoded
        still = encoded.copy()
        still[:, encoder.source == self.ledger.codes.shape[1] - 1] = 0.0
        return still

    def _directions(self, encoder: Encoder) -> tuple[int, ...]:
        wanted = (*self.settings.monotone, 0)  # the day of sale has none
        return tuple(wanted[int(column)] if encoder.kinds[int(column)] == NUMBER else 0 for column in encoder.source)

    def _width_growth(self, rows: int) -> BoosterSettings:
        return width_settings(rows, self.settings.seed, self.settings.threads)

    def _width_out_of_fold(self, sample: Sample) -> FloatArray:
        fold = assign_folds(self.rows, self.folds, self.settings.seed + 1, self.ledger.packs)
        pieces = []
        for k in range(self.folds):
            train, test = fold != k, fold == k
            if np.any(test) and sample.matrix.shape[1]:
                judge = _rows_of(sample, test)
                grown = grow(_rows_of(sample, train), self._width_growth(int(np.sum(train))), judge, _WIDTH_PATIENCE)
                pieces.append((test, judge.matrix, grown))
        self.width_trees = _best([grown.curve for _, _, grown in pieces])
        logs = np.zeros(self.rows)
        for test, matrix, grown in pieces:
            logs[test] = grown.predict(matrix, self.width_trees)
        return logs


def _rows_of(sample: Sample, rows: BoolArray) -> Sample:
    return Sample(matrix=sample.matrix[rows], target=sample.target[rows], weight=sample.weight[rows])


def _stretch(size: FloatArray, logs: FloatArray) -> float:
    """Return the power of the width under which deviations are likeliest (gamma): trees stopped early say too little.

    Wide is then a little wider and narrow narrower. Half of what the likelihood asks for is taken, and less where few
    sales can tell: all of it helped some sets and harmed others.
    """
    powers = np.linspace(0.7, 1.7, 41)
    costs = [float(np.log(np.mean(size * np.exp(-power * logs))) + power * np.mean(logs)) for power in powers]
    best = float(powers[int(np.argmin(costs))])
    return 1.0 + 0.5 * (best - 1.0) * len(size) / (len(size) + _STRETCH_ROWS)


def _best(curves: list[FloatArray]) -> int:
    """Return the number of trees at which the folds' mean error is least."""
    length = min((len(curve) for curve in curves), default=0)
    mean = np.zeros(length)
    for curve in curves:
        mean += curve[:length]
    return int(np.argmin(mean)) + 1 if length else 0
