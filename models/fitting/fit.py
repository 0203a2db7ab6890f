"""The steps of a fit: out-of-fold predictions of all sales, calibration, then a final fit on all sales."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise

import numpy as np

from models.calibration.level_shift import Stream, anchor, rebuild, score_stream, standardised
from models.calibration.score_weights import weighted_quantile
from models.fitting.fit_encoder import column_kinds
from models.fitting.fit_mean_and_width import FitSettings, Learner
from models.fitting.out_of_fold import FoldModel
from models.fitting.scale_model import OutOfFoldResiduals
from models.fitting.shrinkage import Shrinkage, fit_shrinkage
from models.fitting.training_data import TrainingData, in_order
from models.inference.band import GROUP_LEFT_OUT, OUT_OF_FOLD, PREQUENTIAL, CalibrationScores
from models.inference.column_encoder import ColumnEncoder
from models.inference.encoding import AVERAGED
from models.inference.fitted_model import FittedRegressor, WidthPart, group_labels
from models.inference.group_tree import Groups, learn_groups
from models.inference.price_scale import Scale
from valuation.numeric.columns import FloatArray, IntArray

_FORWARD_BLOCKS = 4
_LEAST_FORWARD_ROWS = 200
_SINGLES = 50
_FIRST_TREES = 200
_ROUNDS, _ROUNDS_OF_LOTS = 2, 8  # in which the sums of lots are spread anew
_TELLING_SHARE = 0.05  # of the target's variance that a column must explain to stand for the group

FoldPrediction = tuple[FoldModel, FloatArray]
"""A mean of some sales, and what it says of others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitInputs:
    """Inputs of a fit beside the sales: the scale, the columns, and whether a structural value is given."""

    scale: Scale
    vocabulary: ColumnEncoder
    uses_base: bool


def fit(ledger: TrainingData, settings: FitSettings, shape: FitInputs) -> FittedRegressor:
    """Return the model fitted on a training set.

    The mean is predicted out of fold, and the width is fitted on its residuals. Whole groups are left out for the band
    of unseen groups. If days are given, later sales are predicted from earlier ones. Then all parts are fitted on all
    sales.
    """
    ledger = in_order(ledger)
    column = -1 if ledger.labels is not None else _novelty_column(ledger)
    groups, group = learn_groups(_labels(ledger, shape.vocabulary, column))
    ledger = _settled(ledger, settings, group, shape.scale)
    learner = Learner(ledger, settings, group)
    mean_out = learner.mean_out_of_fold()
    apart = learner.leave_groups_out()
    mean_out = learner.unseen_predictions(mean_out, apart)
    later = prequential_predictions(learner)
    carry = _carried(ledger, mean_out, later) if shape.uses_base else Shrinkage()
    mean_out = carry.of(mean_out)
    centre = weighted_quantile(ledger.target - mean_out, ledger.weight, 0.5)
    mean, encoded = learner.mean_on_everything()
    mean = carry.within(mean)
    evidence = _CalibrationRecords(learner, groups, group, carry=carry, centre=centre)
    rows = np.arange(len(mean_out))
    seen = evidence.residuals(rows, learner.mask_unseen_groups(rows, encoded, mean.encoder), mean_out, left_out=False)
    out = evidence.left_out(seen.take(np.zeros(len(seen.rows), dtype=np.bool_)), apart)
    width, widths = learner.width_part(seen.joined(out), mean.encoder)
    records = evidence.collect((seen, out), widths, later, width)
    days = ledger.day[~np.isnan(ledger.day)]
    latest = float(np.max(days)) if len(days) else float("nan")
    return FittedRegressor(
        scale=shape.scale,
        vocabulary=shape.vocabulary,
        mean=mean,
        width=width,
        base_share=1.0,
        centre=centre,
        groups=groups,
        band=rebuild(records, groups, settings.band, latest),
        records=records,
        settings=settings.band,
        novelty_column=column,
        uses_base=shape.uses_base,
        uses_time=bool(len(days)),
        latest_day=latest,
    )


def _labels(ledger: TrainingData, vocabulary: ColumnEncoder, column: int) -> list[str]:
    if ledger.labels is not None:
        return ledger.labels
    if column < 0:
        return [""] * len(ledger.target)
    return group_labels(ledger.codes[:, column], vocabulary.texts[column])


def _novelty_column(ledger: TrainingData) -> int:
    """Return the category column with many levels that explains most of the price, or -1."""
    best, winner = _TELLING_SHARE, -1
    total = float(np.var(ledger.target))
    kinds = np.array(column_kinds(ledger.codes, ledger.categorical))
    for position in np.flatnonzero(kinds == AVERAGED).tolist():
        _, place = np.unique(ledger.codes[:, position], return_inverse=True)
        count = np.bincount(place)
        mean = np.bincount(place, weights=ledger.target) / count
        freedom = len(place) - len(count)
        if freedom <= 0 or total == 0.0:
            continue
        share = 1.0 - float(np.sum((ledger.target - mean[place]) ** 2)) / freedom / total
        if share > best:
            best, winner = share, position
    return winner


def _settled(ledger: TrainingData, settings: FitSettings, group: IntArray, scale: Scale) -> TrainingData:
    """Return the training set with lot sums allocated to their assets by models of other sales.

    If enough assets are sold singly, the first model is fitted on these alone, which converges faster than an even
    allocation.
    """
    lots = ledger.lots
    if lots is None or not np.any(lots.member):
        return replace(ledger, lots=None)
    weight = lots.shared(ledger.weight)
    ledger = replace(ledger, weight=weight / np.mean(weight))
    enough = int(np.sum(~lots.member)) >= _SINGLES
    for turn in range(_ROUNDS if enough else _ROUNDS_OF_LOTS):
        learner = Learner(ledger, settings, group)
        learner.trees = settings.trees or _FIRST_TREES
        everything = np.ones(learner.rows, dtype=np.bool_)
        mean = (
            learner.fit_on(~lots.member, everything).predict(-1) if enough and not turn else learner.mean_out_of_fold()
        )
        lots = lots.spread(mean + ledger.structural, scale)
        target = np.where(lots.member, scale.to(lots.price) - ledger.structural, ledger.target)
        ledger = replace(ledger, target=target, lots=lots)
    return ledger


class _CalibrationRecords:
    """Calibration scores of all sales: out of fold, by left-out group, and prequential."""

    def __init__(self, learner: Learner, groups: Groups, group: IntArray, *, carry: Shrinkage, centre: float) -> None:
        self.learner = learner
        self.ledger = learner.ledger
        self.carry = carry
        self.centre = centre
        self.groups = groups
        self.group = group

    def residuals(self, rows: IntArray, encoded: FloatArray, mean: FloatArray, *, left_out: bool) -> OutOfFoldResiduals:
        """Return the residuals of out-of-sample predictions."""
        residual = self.ledger.target[rows] - mean - self.centre
        if self.ledger.lots is not None:
            residual = self.ledger.lots.take(rows).one_per_lot(residual)
        return OutOfFoldResiduals(
            rows=rows,
            encoded=encoded,
            mean=mean,
            residual=residual,
            weight=self.ledger.weight[rows],
            fold=self.learner.fold[rows],
            group_fold=self.learner.group_fold[rows],
            left_out=np.full(len(rows), left_out),
        )

    def left_out(self, nobody: OutOfFoldResiduals, apart: list[FoldPrediction]) -> OutOfFoldResiduals:
        """Return out-of-group residuals, appended to an empty set."""
        return reduce(OutOfFoldResiduals.joined, [self._residuals_of(one, left_out=True) for one in apart], nobody)

    def collect(
        self,
        both: tuple[OutOfFoldResiduals, OutOfFoldResiduals],
        widths: FloatArray,
        later: list[FoldPrediction],
        width: WidthPart,
    ) -> CalibrationScores:
        """Return the calibration scores of random folds, of left-out groups and of prequential predictions."""
        seen, out = both
        first = self._records(seen, seen.residual, widths[: len(seen.rows)], OUT_OF_FOLD)
        standing = anchor(first, self.groups, self.learner.settings.band, float("nan"))
        first = self._records(seen, seen.residual - standing[self.group], widths[: len(seen.rows)], OUT_OF_FOLD)
        left_out = self._records(out, out.residual, widths[len(seen.rows) :], GROUP_LEFT_OUT)
        return first.joined(left_out).joined(self._forward(first, later, width))

    def _records(
        self, residuals: OutOfFoldResiduals, score: FloatArray, width: FloatArray, kind: int
    ) -> CalibrationScores:
        rows = residuals.rows
        return CalibrationScores(
            residual=residuals.residual,
            score=standardised(score, width),
            weight=residuals.weight,
            day=self.ledger.day[rows],
            group=self.group[rows],
            kind=np.full(len(rows), kind, dtype=np.int64),
        )

    def _residuals_of(self, prediction: FoldPrediction, *, left_out: bool) -> OutOfFoldResiduals:
        part, predicted = prediction
        return self.residuals(part.test, part.matrix, self.carry.of(predicted), left_out=left_out)

    def _forward(self, seen: CalibrationScores, later: list[FoldPrediction], width: WidthPart) -> CalibrationScores:
        if not later:
            return seen.take(np.zeros(len(seen.day), dtype=np.bool_))
        prequential = reduce(OutOfFoldResiduals.joined, [self._residuals_of(one, left_out=False) for one in later])
        stream = Stream(
            residual=prequential.residual,
            width=width.predict(prequential.encoded, prequential.mean),
            weight=prequential.weight,
            day=self.ledger.day[prequential.rows],
            group=self.group[prequential.rows],
        )
        records = score_stream(stream, seen, self.groups, self.learner.settings.band)
        return replace(records, kind=np.full(len(records.kind), PREQUENTIAL, dtype=np.int64))


def prequential_predictions(learner: Learner) -> list[FoldPrediction]:
    """Return, for each block of later sales, the model of the earlier sales and its predictions."""
    day, delay = learner.ledger.day, learner.settings.band.label_delay_days
    if np.any(np.isnan(day)) or len(day) < _LEAST_FORWARD_ROWS:
        return []
    edges = np.quantile(day, np.linspace(0.5, 1.0, _FORWARD_BLOCKS + 1))
    edges[-1] += 1.0
    parts = []
    for start, end in pairwise(edges):
        train, test = day + delay <= start, (day >= start) & (day < end)
        if np.count_nonzero(train) >= _LEAST_FORWARD_ROWS // 4 and np.any(test):
            part = learner.fit_on(train, learner.singles_only(test))
            parts.append((part, part.predict(-1)))
    return parts


def _carried(ledger: TrainingData, mean: FloatArray, later: list[FoldPrediction]) -> Shrinkage:
    """Return the shrinkage of the learned value that prequential predictions support."""
    predicted = [(mean_ahead, ledger.target[part.test], ledger.weight[part.test]) for part, mean_ahead in later]
    stretches = [one for one in predicted if np.sum(one[2]) > 0.0]
    return fit_shrinkage(stretches, float(np.average(mean, weights=ledger.weight)))
