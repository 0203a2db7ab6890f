"""How a model is trained: every sale judged by trees that never saw it, then one refit on everything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from models.anchor import Stream, anchor, rebuild, score_stream, standardised
from models.band import FORWARD, GROUP_LEFT_OUT, SEEN, Records, weighted_quantile
from models.encoding import AVERAGED
from models.fitted import FittedRegressor, WidthPart, group_labels
from models.folds import assign_folds
from models.groups import Groups, learn_groups
from models.learning import FitSettings, Learner
from models.ledger import Ledger, in_order
from models.table import Vocabulary
from models.target import Scale
from valuation.columns import FloatArray, IntArray

_FORWARD_BLOCKS = 4
_LEAST_FORWARD_ROWS = 200
_LEFT_OUT_FOLDS = 3
_LEFT_OUT_ROWS = 40_000
_TELLING_SHARE = 0.05  # of the target's variance that a column must explain to stand for the group


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a fit knows beside the ledger: the scale, the columns, and whether a structural value was given."""

    scale: Scale
    vocabulary: Vocabulary
    uses_base: bool


def fit(ledger: Ledger, settings: FitSettings, shape: Shape) -> FittedRegressor:
    """Return the trained model of a ledger.

    The mean is judged fold by fold; the width learns from what was left; whole groups are left out to learn what a
    group never seen costs; where days are given, later sales are priced by models of earlier ones; then everything is
    refitted on all sales.
    """
    ledger = in_order(ledger)
    learner = Learner(ledger, settings)
    mean_out = learner.mean_out_of_fold()
    centre = weighted_quantile(ledger.target - mean_out, ledger.weight, 0.5)
    residual = ledger.target - mean_out - centre
    mean, encoded = learner.mean_on_everything()
    width, width_out = learner.width_part(mean.encoder, encoded, residual, mean_out)
    column = -1 if ledger.labels is not None else _novelty_column(ledger, mean.encoder.kinds)
    groups, group = learn_groups(_labels(ledger, shape.vocabulary, column))
    evidence = _Evidence(learner, width, centre, groups, group)
    records = evidence.collect(residual, width_out)
    days = ledger.day[~np.isnan(ledger.day)]
    latest = float(np.max(days)) if len(days) else float("nan")
    return FittedRegressor(
        scale=shape.scale,
        vocabulary=shape.vocabulary,
        mean=mean,
        width=width,
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


def _labels(ledger: Ledger, vocabulary: Vocabulary, column: int) -> list[str]:
    if ledger.labels is not None:
        return ledger.labels
    if column < 0:
        return [""] * len(ledger.target)
    return group_labels(ledger.codes[:, column], vocabulary.texts[column])


def _novelty_column(ledger: Ledger, kinds: tuple[int, ...]) -> int:
    """Return the category column of many levels that tells most about the price, or -1."""
    best, winner = _TELLING_SHARE, -1
    total = float(np.var(ledger.target))
    for position in np.flatnonzero(np.array(kinds) == AVERAGED).tolist():
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


class _Evidence:
    """Sales judged by models that had not seen them, in the three ways that matter."""

    def __init__(self, learner: Learner, width: WidthPart, centre: float, groups: Groups, group: IntArray) -> None:
        self.learner = learner
        self.ledger = learner.ledger
        self.width = width
        self.centre = centre
        self.groups = groups
        self.group = group

    def collect(self, residual: FloatArray, width: FloatArray) -> Records:
        """Return the records of folds at random, of groups left out and of sales priced ahead of their day."""
        rows = np.arange(len(residual))
        seen = self._records(rows, residual, residual, width, SEEN)
        standing = anchor(seen, self.groups, self.learner.settings.band, float("nan"))
        seen = replace(seen, score=standardised(residual - standing[self.group], width))
        return seen.joined(self._left_out(standing)).joined(self._forward(seen))

    def _records(
        self, rows: IntArray, residual: FloatArray, score: FloatArray, width: FloatArray, kind: int
    ) -> Records:
        return Records(
            residual=residual,
            score=standardised(score, width),
            weight=self.ledger.weight[rows],
            day=self.ledger.day[rows],
            group=self.group[rows],
            kind=np.full(len(rows), kind, dtype=np.int64),
        )

    def _left_out(self, standing: FloatArray) -> Records:
        rows = np.arange(len(self.group))
        several = len(np.unique(self.group)) >= 3
        step = max(1, len(rows) // _LEFT_OUT_ROWS)
        chosen = rows % step == 0 if several else np.zeros(len(rows), dtype=np.bool_)
        pieces = [self._records(rows[:0], np.zeros(0), np.zeros(0), np.zeros(0), GROUP_LEFT_OUT)]
        folds = min(_LEFT_OUT_FOLDS, len(np.unique(self.group)))
        fold = assign_folds(len(rows), folds, self.learner.settings.seed + 2, self.group)
        for k in range(folds if several else 0):
            test, residual, width = self._judge(chosen & (fold != k), chosen & (fold == k))
            deviation = residual - standing[self.groups.parent[self.group[test]]]
            pieces.append(self._records(test, residual, deviation, width, GROUP_LEFT_OUT))
        return _joined(pieces)

    def _judge(self, train: np.ndarray, test: np.ndarray) -> tuple[IntArray, FloatArray, FloatArray]:
        part = self.learner.part(train, test, judged=False)
        mean = part.predict(-1)
        return part.test, self.ledger.target[part.test] - mean - self.centre, self.width.predict(part.matrix, mean)

    def _forward(self, seen: Records) -> Records:
        day, band = self.ledger.day, self.learner.settings.band
        empty = seen.take(np.zeros(len(day), dtype=np.bool_))
        if np.any(np.isnan(day)) or len(day) < _LEAST_FORWARD_ROWS:
            return empty
        edges = np.quantile(day, np.linspace(0.5, 1.0, _FORWARD_BLOCKS + 1))
        edges[-1] += 1.0
        parts = []
        for start, end in pairwise(edges):
            train, test = day + band.label_delay_days <= start, (day >= start) & (day < end)
            if np.count_nonzero(train) >= _LEAST_FORWARD_ROWS // 4 and np.any(test):
                parts.append(self._judge(train, test))
        if not parts:
            return empty
        rows, residual, width = (np.concatenate(column) for column in zip(*parts, strict=True))
        stream = Stream(
            residual=residual, width=width, weight=self.ledger.weight[rows], day=day[rows], group=self.group[rows]
        )
        records = score_stream(stream, seen, self.groups, band)
        return replace(records, kind=np.full(len(records.kind), FORWARD, dtype=np.int64))


def _joined(pieces: list[Records]) -> Records:
    result = pieces[0]
    for piece in pieces[1:]:
        result = result.joined(piece)
    return result
