"""How a model of the older sales does on the newest, before it is trusted with all of them (评判)."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

import numpy as np

from models.inference.folds import assign_folds
from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset.training_set import TrainingSet
from training.evaluation.replay import roll
from training.evaluation.segments import judge_segments, names_of, tiers_of
from training.fit_model import forecast, learn
from training.metrics import Forecast, Verdict, judge

__all__ = [
    "BY_FOLDS",
    "LEVELS",
    "NEWEST",
    "HoldoutReport",
    "judge_by_folds",
    "judge_newest",
    "judge_sales",
    "names_of",
    "newest_from",
    "tiers_of",
]

NEWEST, BY_FOLDS = "newest", "folds"
FOLDS = 5
LEAST_IN_FOLDS = 48
"""Sales that a fold must learn from: four fifths of the fewest that a model is made of."""

LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95)
"""Levels at which the band is held against what happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutReport:
    """What the newest sales say about a model that had not seen them, next to the structural value alone.

    `overall` and the segments are re-anchored month by month on the sales reported by then, as the model is meant to be
    used; `untold` is the same model left without news from the first of these sales to the last. Where the sales are
    too few for that, `method` is "folds" instead of "newest": every sale was judged by a model that had seen neither it
    nor its pack or lot, but had seen newer ones. Packs of a lot that has one price are not judged: what each of them
    fetched is not known. `reliability` is the share of sales held at each level asked for; `said` and `judged` are the
    forecasts and the sales behind the figures.
    """

    overall: Verdict
    untold: Verdict
    structural: Verdict
    by_chemistry: dict[str, Verdict]
    by_tier: dict[str, Verdict]
    said: Forecast = field(repr=False)
    judged: TrainingSet = field(repr=False)
    method: str = NEWEST
    segments: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    reliability: dict[float, float] = field(default_factory=dict)

    @property
    def worth_having(self) -> bool:
        """Whether the model's band says more than the structural value's: a better interval score on the same sales."""
        return self.overall.interval_score_per_kwh < self.structural.interval_score_per_kwh

    def as_dict(self) -> dict[str, object]:
        """Return the figures by name, ready for a run's record."""
        return {
            "overall": self.overall.as_dict(),
            "untold": self.untold.as_dict(),
            "structural": self.structural.as_dict(),
            "by_chemistry": {name: verdict.as_dict() for name, verdict in self.by_chemistry.items()},
            "by_tier": {name: verdict.as_dict() for name, verdict in self.by_tier.items()},
            "method": self.method,
            "segments": {
                kind: {name: verdict.as_dict() for name, verdict in of_kind.items()}
                for kind, of_kind in self.segments.items()
            },
            "reliability": {f"{level:g}": share for level, share in self.reliability.items()},
        }


def newest_from(sales: TrainingSet, config: TrainingConfig) -> float:
    """Return the day after which the newest share of the sales begins, days since 1970-01-01."""
    return float(np.quantile(sales.sold_day, 1.0 - config.test_share))


def judge_sales(sales: TrainingSet, extra: TrainingSet | None, config: TrainingConfig) -> HoldoutReport | None:
    """Return how a model does on sales it has not seen: the newest, or by folds where they are too few to tell."""
    return judge_newest(sales, extra, config) or judge_by_folds(sales, extra, config)


def judge_newest(sales: TrainingSet, extra: TrainingSet | None, config: TrainingConfig) -> HoldoutReport | None:
    """Return how a model of the older sales does on the newest, nothing where there are too few to tell."""
    cut_day = newest_from(sales, config)
    known = sales.sold_day + config.label_delay_days <= cut_day
    if int(known.sum()) < LEAST_SALES or int(((sales.sold_day > cut_day) & sales.alone).sum()) < LEAST_SALES:
        return None
    older = None if extra is None else extra.where(extra.sold_day + config.label_delay_days <= cut_day)
    estimator = learn(sales.where(known), older, config)
    untold = forecast(estimator, sales.where((sales.sold_day > cut_day) & sales.alone), config.level)
    reliability = {}
    for level in LEVELS:
        said, tested = roll(copy.deepcopy(estimator), sales, cut_day, replace(config, level=level))
        reliability[level] = judge(said.where(sales.where(tested).alone), level).coverage
    said, tested = roll(estimator, sales, cut_day, config)
    judged = sales.where(tested)
    return _judgement(said.where(judged.alone), untold, judged.where(judged.alone), config, NEWEST, reliability)


def judge_by_folds(sales: TrainingSet, extra: TrainingSet | None, config: TrainingConfig) -> HoldoutReport | None:
    """Return how models do on the sales left out of them, fold by fold; nothing where even that cannot tell.

    A pack or lot is never parted. Newer sales stand among those learned from, so a turn of the market does not show.
    """
    if len(sales) < LEAST_SALES or not sales.alone.any():
        return None
    fold = assign_folds(len(sales), FOLDS, config.seed, np.unique(sales.together, return_inverse=True)[1])
    levels = (*LEVELS, config.level)
    answers = [np.full((len(sales), 3), np.nan) for _ in levels]
    for k in range(FOLDS):
        left_out, learned = fold == k, fold != k
        if not left_out.any() or int(learned.sum()) < LEAST_IN_FOLDS:
            return None
        packs = set(sales.where(left_out).packs)
        others = (
            None if extra is None else extra.where(np.array([pack not in packs for pack in extra.packs], dtype=bool))
        )
        estimator = learn(sales.where(learned), others, config, least=LEAST_IN_FOLDS)
        for answer, level in zip(answers, levels, strict=True):
            said = forecast(estimator, sales.where(left_out), level)
            answer[left_out] = np.column_stack([said.point, said.lower, said.upper])
    forecasts = [
        Forecast(price=sales.price, point=one[:, 0], lower=one[:, 1], upper=one[:, 2]).where(sales.alone)
        for one in answers
    ]
    reliability = {level: judge(said, level).coverage for level, said in zip(LEVELS, forecasts, strict=False)}
    return _judgement(forecasts[-1], forecasts[-1], sales.where(sales.alone), config, BY_FOLDS, reliability)


def _judgement(  # noqa: PLR0913, PLR0917 - the parts of one verdict
    said: Forecast,
    untold: Forecast,
    judged: TrainingSet,
    config: TrainingConfig,
    method: str,
    reliability: dict[float, float],
) -> HoldoutReport:
    """Return the judgement of forecasts beside the structural value and its own band."""
    structural = Forecast(
        price=judged.price,
        point=judged.structural,
        lower=judged.structural_lower,
        upper=judged.structural_upper,
    )
    segments = judge_segments(said, judged, config.level)
    return HoldoutReport(
        overall=judge(said, config.level),
        untold=judge(untold, config.level),
        structural=judge(structural, config.level),
        by_chemistry=segments["chemistry"],
        by_tier=segments["tier"],
        said=said,
        judged=judged,
        method=method,
        segments=segments,
        reliability=reliability,
    )
