"""Fits of mean and width on subsets of the training set, for out-of-fold predictions and for the final model."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.booster.boosting import Sample, mean_settings, width_settings
from models.calibration.unseen_groups import even_weights, group_count_column, is_unseen, nested_columns, side_by_side
from models.fitting.fit_encoder import EncoderTarget, column_kinds, fit_crossfitted
from models.fitting.fit_linear import fit_linear
from models.fitting.folds import assign_folds, fold_count
from models.fitting.forest_ensemble import FORESTS, ForestEnsemble, grow_ensemble, grow_with_early_stopping
from models.fitting.out_of_fold import FoldModel, FoldTraining
from models.fitting.scale_model import OutOfFoldResiduals, fewest_errors, fit_scale_model
from models.fitting.training_data import TrainingData
from models.inference.band import BandSettings
from models.inference.column_encoder import NEVER_SEEN
from models.inference.encoding import NUMBER, Encoder
from models.inference.fitted_model import LINEAR_SHARE, MeanPart, WidthPart
from models.inference.linear import LinearPart
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_LINEAR_ROWS = 20_000
_TAUGHT_TWICE = 0.2  # of the sales
_UNSEEN_SHARE = 0.1  # share of the weight of rows without a known group, singletons included
_LEAST_UNSEEN_SHARE = 0.01
_MOST_TWICE = 10_000
_LEFT_OUT_FOLDS = 3
_LEFT_OUT_ROWS = 20_000  # a subsample of this size suffices for unseen groups
_LEAST_GROUPS = 3
_ROWS_FOR_FEWER = (3_000, 100_000)  # number of sales from which one forest less is used for out-of-fold predictions
_NEXT_SEED = 15_485_863
_TOGETHER = 1.25  # times the trees that are best for one forest alone: the mean of several overfits later


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """Settings of a fit; with ``trees`` None, early stopping in the folds determines the number."""

    monotone: tuple[int, ...]
    trees: int | None
    learning_rate: float
    folds: int
    seed: int
    threads: int
    band: BandSettings


class Learner:
    """Fits means and widths on parts of one training set."""

    def __init__(self, ledger: TrainingData, settings: FitSettings, group: IntArray) -> None:
        self.ledger = ledger
        self.group = group
        sizes = np.bincount(group)
        self.unseen_share = max(_UNSEEN_SHARE - float(np.mean(sizes[group] == 1)), _LEAST_UNSEEN_SHARE)
        self.nested = np.array(nested_columns(ledger.codes, ledger.categorical, group))
        self.settings = settings
        self.rows = len(ledger.target)
        # of all sales, so that every part has the same encoded columns
        self.kinds = column_kinds(ledger.codes, ledger.categorical)
        self.folds = fold_count(self.rows, settings.folds)
        self.fold = assign_folds(self.rows, self.folds, settings.seed, ledger.packs)
        self.group_fold = assign_folds(self.rows, min(_LEFT_OUT_FOLDS, self.folds), settings.seed + 2, group)
        growth = mean_settings(self.rows, (), settings.seed, settings.threads)
        self.growth = replace(growth, learning_rate=settings.learning_rate, trees=settings.trees or growth.trees)
        self.trees = settings.trees or 0
        self.trees_for_unseen = 0
        self.unseen = np.zeros(self.rows, dtype=np.bool_)
        self.several = len(sizes[sizes > 0]) >= _LEAST_GROUPS
        self.place = group_count_column(ledger.codes, self.kinds, self.nested) if self.several else -1

    def mean_out_of_fold(self) -> FloatArray:
        """Return out-of-fold predictions of the mean for all sales; also chooses the number of trees."""
        if self.rows < 2:  # a single sale, however often listed, cannot be predicted out of fold
            return self.ledger.target
        fold = self.fold
        parts = [self.fit_fold(fold != k, fold == k) for k in range(self.folds) if np.any(fold == k)]
        best = fewest_errors([part.grown.curve for part in parts if part.grown is not None])
        self.trees = self.settings.trees or FORESTS * round(_TOGETHER * best)
        mean = np.empty(self.rows)
        for part in parts:
            self.unseen[part.test] = part.unseen
            mean[part.test] = part.predict(-1 if self.settings.trees else self.trees // FORESTS)
        return mean

    def unseen_predictions(self, mean: FloatArray, apart: list[tuple[FoldModel, FloatArray]]) -> FloatArray:
        """Return the out-of-fold means, with the leave-group-out mean for sales whose level occurs in one fold only."""
        mean = mean.copy()
        for part, predicted in apart:
            is_unseen_level = self.unseen[part.test] & part.unseen
            mean[part.test[is_unseen_level]] = predicted[is_unseen_level]
        return mean

    def _fold_forests(self) -> int:
        """Return the number of forests for out-of-fold predictions: one suffices for many sales."""
        return FORESTS - sum(self.rows >= rows for rows in _ROWS_FOR_FEWER)

    def fit_fold(self, train: BoolArray, test: BoolArray) -> FoldModel:
        """Return the mean fitted on the training rows of a fold; the validation rows determine the number of trees."""
        training = self._fold_training(train, self._fold_forests())
        rows = np.flatnonzero(test)
        matrix = training.encoder.encode(self.ledger.codes[rows])
        if self.settings.trees is None:
            rest = self.ledger.target[rows] - LINEAR_SHARE * training.linear.predict(matrix)
            validation = Sample(matrix=matrix, target=rest, weight=self.ledger.weight[rows])
            grown = grow_with_early_stopping(training.samples, training.growth, self._fold_forests(), validation)
        else:
            grown = self._some_forests(training, self._fold_forests())
        unseen = is_unseen(matrix, self.place)
        return FoldModel(test=rows, linear=training.linear, matrix=matrix, unseen=unseen, grown=grown)

    def leave_groups_out(self) -> list[tuple[FoldModel, FloatArray]]:
        """Return leave-group-out predictions; also chooses the number of trees for unseen groups."""
        if not self.several:
            return []
        chosen = np.arange(self.rows) % max(1, self.rows // _LEFT_OUT_ROWS) == 0
        parts = [
            self._left_out(chosen & (self.group_fold != k), self.singles_only(chosen & (self.group_fold == k)))
            for k in range(min(_LEFT_OUT_FOLDS, self.folds))
        ]
        best = fewest_errors([part.grown_unseen.curve for part in parts if part.grown_unseen is not None])
        if self.place >= 0:
            self.trees_for_unseen = self.settings.trees or FORESTS * round(_TOGETHER * best) or self.trees
        trees = -1 if self.settings.trees else self.trees_for_unseen // FORESTS
        return [(part, part.predict(-1, trees)) for part in parts]

    def _left_out(self, train: BoolArray, test: BoolArray) -> FoldModel:
        part, training = self._fold_inputs(train, test, 1)
        grown = None if np.all(part.unseen) else self._some_forests(training, 1)
        if not np.any(part.unseen):
            return replace(part, grown=grown)
        rows, matrix = part.test[part.unseen], part.matrix[part.unseen]
        rest = self.ledger.target[rows] - LINEAR_SHARE * part.linear.predict(matrix)
        validation = Sample(matrix=matrix, target=rest, weight=even_weights(self.ledger.weight[rows], self.group[rows]))
        if self.settings.trees is None:
            grown_unseen = grow_with_early_stopping(training.unseen_samples, training.growth, 1, validation)
        else:
            trees = max(self.settings.trees // FORESTS, 1)
            grown_unseen = grow_ensemble(training.unseen_samples, training.growth, 1, trees)
        return replace(part, grown=grown, grown_unseen=grown_unseen)

    def singles_only(self, test: BoolArray) -> BoolArray:
        """Return the validation rows without those of lots that are only partly among them."""
        return test if self.ledger.lots is None else test & ~self.ledger.lots.member

    def fit_on(self, train: BoolArray, test: BoolArray, forests: int = 2) -> FoldModel:
        """Return a mean of several forests trained on some rows, and validation rows as of its last training day."""
        forests = min(self._fold_forests(), forests)
        part, training = self._fold_inputs(train, test, forests)
        part = replace(part, grown=self._some_forests(training, forests))
        if not self.trees_for_unseen or not np.any(part.unseen):
            return part
        trees = max(self.trees_for_unseen * forests // FORESTS, 1)
        return replace(part, grown_unseen=grow_ensemble(training.unseen_samples, training.growth, forests, trees))

    def _fold_inputs(self, train: BoolArray, test: BoolArray, copies: int) -> tuple[FoldModel, FoldTraining]:
        """Return the training data of some rows, and the encoded validation rows; no trees are grown yet."""
        training = self._fold_training(train, copies)
        rows = np.flatnonzero(test)
        codes = self.ledger.codes[rows]
        if not np.all(np.isnan(self.ledger.day)):
            codes = codes.copy()
            codes[:, -1] = np.minimum(codes[:, -1], np.max(self.ledger.codes[train, -1]))
        matrix = training.encoder.encode(codes)
        return FoldModel(
            test=rows, linear=training.linear, matrix=matrix, unseen=is_unseen(matrix, self.place)
        ), training

    def _some_forests(self, training: FoldTraining, forests: int) -> ForestEnsemble:
        """Return a number of forests, each as large as those of the final mean."""
        return grow_ensemble(training.samples, training.growth, forests, max(self.trees * forests // FORESTS, 1))

    def mean_on_everything(self) -> tuple[MeanPart, FloatArray]:
        """Return the mean fitted on all sales, and all sales as encoded for it."""
        training = self._fold_training(
            np.ones(self.rows, dtype=np.bool_), FORESTS if self.rows < _ROWS_FOR_FEWER[-1] else 1
        )
        columns = len(training.encoder.source)
        forest = grow_ensemble(training.samples, training.growth, FORESTS, self.trees).forest(columns)
        if self.trees_for_unseen:
            unseen = grow_ensemble(training.unseen_samples, training.growth, FORESTS, self.trees_for_unseen)
            forest = side_by_side(forest, unseen.forest(columns), self.place)
        return MeanPart(encoder=training.encoder, linear=training.linear, forest=forest), training.encoded

    def width_part(self, residuals: OutOfFoldResiduals, encoder: Encoder) -> tuple[WidthPart, FloatArray]:
        """Return the width fitted on residuals, and out-of-fold widths of the same sales.

        The width does not use the day of sale: all predictions are for the last day, so a calm last month would make
        all later bands too narrow. The band accounts for changes over time by the decay of sales.
        """
        growth = width_settings(len(residuals.rows), self.settings.seed, self.settings.threads)
        return fit_scale_model(residuals, np.array(self._directions(encoder)), growth, ~self._day_column(encoder))

    def mask_unseen_groups(self, rows: IntArray, encoded: FloatArray, encoder: Encoder) -> FloatArray:
        """Return encoded sales, with blank group features for sales whose group occurs in one fold only."""
        unseen = self.unseen[rows]
        return np.where(unseen[:, np.newaxis], self._blank(encoded, encoder), encoded)

    def _fold_training(self, train: BoolArray, copies: int) -> FoldTraining:
        """Return the training data of some rows with a number of encoded copies."""
        ledger = self.ledger
        packs = None if ledger.packs is None else ledger.packs[train]
        target, weight = ledger.target[train], ledger.weight[train]
        lesson = EncoderTarget(target=target, rest=target, weight=weight, together=packs, seed=self.settings.seed)
        encoder, encoded = fit_crossfitted(ledger.codes[train], self.kinds, lesson, copies)
        twice = [
            self._with_unseen_copies(self._uncounted(copy, encoder), encoder, turn) for turn, copy in enumerate(encoded)
        ]
        samples = [Sample(matrix=known, target=target[row], weight=weight[row] * share) for known, row, share in twice]
        directions = self._directions(encoder)
        linear = self._linear(samples, encoder, directions)
        rests = [replace(one, target=one.target - LINEAR_SHARE * linear.predict(one.matrix)) for one in samples]
        unseen_samples: list[Sample] = []
        if self.place >= 0:
            rests = [one.take(np.arange(len(one.target)) < len(target)) for one in rests]
            step = max(1, len(target) // _LEFT_OUT_ROWS)
            matrix = self._blank(encoded[0][::step], encoder)
            rest = target[::step] - LINEAR_SHARE * linear.predict(matrix)
            unseen_samples = [Sample(matrix=matrix, target=rest, weight=weight[::step])]
        return FoldTraining(
            encoder=encoder,
            encoded=encoded[0],
            linear=linear,
            samples=rests,
            unseen_samples=unseen_samples,
            growth=replace(self.growth, monotone=directions if any(directions) else ()),
        )

    def _linear(self, samples: list[Sample], encoder: Encoder, directions: tuple[int, ...]) -> LinearPart:
        step = max(1, len(samples[0].target) // _LINEAR_ROWS)
        return fit_linear(
            np.concatenate([self._timeless(sample.matrix[::step], encoder) for sample in samples]),
            np.concatenate([sample.target[::step] for sample in samples]),
            np.concatenate([sample.weight[::step] for sample in samples]),
            ranked=encoder.ranked_columns(),
            monotone=directions,
            copies=len(samples),
        )

    def _uncounted(self, encoded: FloatArray, encoder: Encoder) -> FloatArray:
        """Return rows without the counts of sales per level: rare models are expensive, but new ones are not."""
        known = encoded.copy()
        known[:, encoder.count_columns()] = 0.0
        return known

    def _with_unseen_copies(
        self, known: FloatArray, encoder: Encoder, turn: int
    ) -> tuple[FloatArray, IntArray, FloatArray]:
        """Return the rows and copies of some with blanked group features, the index of each, and its weight share.

        Without such copies the mean relies on the features that identify a group and is poor for unseen groups.
        """
        rows = np.arange(len(known))
        twice = min(_TAUGHT_TWICE, _MOST_TWICE / len(rows))
        if not np.any(self.nested):
            return known, rows, np.ones(len(rows))
        chance = np.random.default_rng(self.settings.seed + 3 + _NEXT_SEED * turn)
        again = np.flatnonzero(chance.random(len(rows)) < twice)
        unseen = self._blank(known[again], encoder)
        share = np.append(np.ones(len(rows)), np.full(len(again), self.unseen_share / twice))
        return np.concatenate([known, unseen]), np.append(rows, again), share

    def _blank(self, encoded: FloatArray, encoder: Encoder) -> FloatArray:
        """Return rows with blanked group features."""
        never_seen = np.full((1, len(self.nested)), float(NEVER_SEEN))
        unseen, blank = encoded.copy(), self.nested[encoder.source]
        unseen[:, blank] = encoder.encode(never_seen)[:, blank]
        unseen[:, encoder.count_columns()] = 0.0
        return unseen

    def _timeless(self, encoded: FloatArray, encoder: Encoder) -> FloatArray:
        """Return rows with a constant day of sale, so that the linear part has no term for it.

        The day is the sum of year made and age, so its coefficient is not identified, and it stays constant in
        predictions after training.
        """
        day = self._day_column(encoder)
        if not np.any(day):
            return encoded
        still = encoded.copy()
        still[:, day] = 0.0
        return still

    def _day_column(self, encoder: Encoder) -> BoolArray:
        """Return which encoded column is the day of sale; none if sales have no day."""
        dated = not np.all(np.isnan(self.ledger.day))
        last: BoolArray = encoder.source == (self.ledger.codes.shape[1] - 1 if dated else -1)
        return last

    def _directions(self, encoder: Encoder) -> tuple[int, ...]:
        wanted = (*self.settings.monotone, 0)  # the day of sale has none
        return tuple(wanted[int(column)] if encoder.kinds[int(column)] == NUMBER else 0 for column in encoder.source)
