"""Held-out evaluation (留出评估): fit on older sales and score on the newest, before the final fit on all sales."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from models.fitting.folds import assign_folds
from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset.training_set import TrainingSet
from training.evaluation.replay import replay
from training.evaluation.segments import names_of, score_segments, tiers_of
from training.fit_model import forecast, learn
from training.metrics import Forecast, Scores, score_forecast

__all__ = [
    "BY_FOLDS",
    "LEVELS",
    "NEWEST",
    "HoldoutReport",
    "evaluate_by_folds",
    "evaluate_model",
    "evaluate_on_newest",
    "names_of",
    "newest_from",
    "tiers_of",
]

NEWEST, BY_FOLDS = "newest", "folds"
FOLDS = 5
LEAST_IN_FOLDS = 48
"""Fewest training sales of a fold: four fifths of the fewest sales of a model."""

LEVELS = (0.5, 0.7, 0.8, 0.9, 0.95)
"""Levels of the reliability diagram. [1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldoutReport:
    """Metrics of a model on held-out sales, and of the structural value on the same sales.

    `overall` and the segments are recentred monthly on the sales reported by then, as the model is used in service;
    `frozen` is the same model without recentring. With too few sales `method` is "folds" instead of "newest": every
    sale is predicted by a model fitted without its pack and lot, but with newer sales. Packs of a lot with one total
    price are not evaluated, because they have no price of their own. `reliability` is the coverage at each level;
    `predicted` and `evaluated` are the forecasts and the sales behind the metrics.
    """

    overall: Scores
    frozen: Scores
    structural: Scores
    by_chemistry: dict[str, Scores]
    by_tier: dict[str, Scores]
    predicted: Forecast = field(repr=False)
    evaluated: TrainingSet = field(repr=False)
    method: str = NEWEST
    segments: dict[str, dict[str, Scores]] = field(default_factory=dict)
    reliability: dict[float, float] = field(default_factory=dict)

    @property
    def beats_structural(self) -> bool:
        """Whether the interval score is better than that of the structural value on the same sales."""
        return self.overall.interval_score_per_kwh < self.structural.interval_score_per_kwh

    def as_dict(self) -> dict[str, object]:
        """Return the metrics by name; the keys are stored in runs and bundles."""
        return {
            "overall": self.overall.as_dict(),
            "untold": self.frozen.as_dict(),
            "structural": self.structural.as_dict(),
            "by_chemistry": {name: scores.as_dict() for name, scores in self.by_chemistry.items()},
            "by_tier": {name: scores.as_dict() for name, scores in self.by_tier.items()},
            "method": self.method,
            "segments": {
                kind: {name: scores.as_dict() for name, scores in of_kind.items()}
                for kind, of_kind in self.segments.items()
            },
            "reliability": {f"{level:g}": share for level, share in self.reliability.items()},
        }


def newest_from(sales: TrainingSet, config: TrainingConfig) -> float:
    """Return the day after which the held-out share of the sales begins, days since 1970-01-01."""
    return float(np.quantile(sales.sold_day, 1.0 - config.test_share))


def evaluate_model(
    sales: TrainingSet, augmentation: TrainingSet | None, config: TrainingConfig
) -> HoldoutReport | None:
    """Evaluate on the newest sales, or by cross-validation if they are too few; None if even that is impossible."""
    return evaluate_on_newest(sales, augmentation, config) or evaluate_by_folds(sales, augmentation, config)


def evaluate_on_newest(
    sales: TrainingSet, augmentation: TrainingSet | None, config: TrainingConfig
) -> HoldoutReport | None:
    """Fit on the older sales and evaluate on the newest; None if there are too few sales."""
    cut_day = newest_from(sales, config)
    known = sales.sold_day + config.label_delay_days <= cut_day
    if int(known.sum()) < LEAST_SALES or int(((sales.sold_day > cut_day) & sales.single_sale).sum()) < LEAST_SALES:
        return None
    older = (
        None if augmentation is None else augmentation.where(augmentation.sold_day + config.label_delay_days <= cut_day)
    )
    estimator = learn(sales.where(known), older, config)
    frozen = forecast(estimator, sales.where((sales.sold_day > cut_day) & sales.single_sale), config.level)
    reliability = {}
    evaluated = sales.where(sales.sold_day > cut_day)
    own = evaluated.single_sale
    model = (estimator.fitted_, estimator.calibration_)
    for level in LEVELS:
        predicted = replay(model, sales, cut_day, replace(config, level=level))
        reliability[level] = score_forecast(predicted.where(own), level).coverage
    predicted = replay(model, sales, cut_day, config)
    return _holdout_report(predicted.where(own), frozen, evaluated.where(own), config, NEWEST, reliability)


def evaluate_by_folds(
    sales: TrainingSet, augmentation: TrainingSet | None, config: TrainingConfig
) -> HoldoutReport | None:
    """Evaluate by cross-validation; None if there are too few sales.

    Packs and lots are kept in one fold. Training folds contain newer sales, so the result does not show market changes.
    """
    if len(sales) < LEAST_SALES or not sales.single_sale.any():
        return None
    fold = assign_folds(len(sales), FOLDS, config.seed, np.unique(sales.repeat_sale_group, return_inverse=True)[1])
    levels = (*LEVELS, config.level)
    answers = [np.full((len(sales), 3), np.nan) for _ in levels]
    for k in range(FOLDS):
        left_out, learned = fold == k, fold != k
        if not left_out.any() or int(learned.sum()) < LEAST_IN_FOLDS:
            return None
        packs = set(sales.where(left_out).packs)
        others = (
            None
            if augmentation is None
            else augmentation.where(np.array([pack not in packs for pack in augmentation.packs], dtype=bool))
        )
        estimator = learn(sales.where(learned), others, config, least=LEAST_IN_FOLDS)
        for answer, level in zip(answers, levels, strict=True):
            predicted = forecast(estimator, sales.where(left_out), level)
            answer[left_out] = np.column_stack([predicted.point, predicted.lower, predicted.upper])
    forecasts = [
        Forecast(price=sales.price, point=one[:, 0], lower=one[:, 1], upper=one[:, 2]).where(sales.single_sale)
        for one in answers
    ]
    reliability = {
        level: score_forecast(predicted, level).coverage for level, predicted in zip(LEVELS, forecasts, strict=False)
    }
    return _holdout_report(forecasts[-1], forecasts[-1], sales.where(sales.single_sale), config, BY_FOLDS, reliability)


def _holdout_report(  # noqa: PLR0913, PLR0917 - the parts of one report
    predicted: Forecast,
    frozen: Forecast,
    evaluated: TrainingSet,
    config: TrainingConfig,
    method: str,
    reliability: dict[float, float],
) -> HoldoutReport:
    """Return the report on forecasts, with the structural value and its own band for comparison."""
    structural = Forecast(
        price=evaluated.price,
        point=evaluated.structural,
        lower=evaluated.structural_lower,
        upper=evaluated.structural_upper,
    )
    segments = score_segments(predicted, evaluated, config.level)
    return HoldoutReport(
        overall=score_forecast(predicted, config.level),
        frozen=score_forecast(frozen, config.level),
        structural=score_forecast(structural, config.level),
        by_chemistry=segments["chemistry"],
        by_tier=segments["tier"],
        predicted=predicted,
        evaluated=evaluated,
        method=method,
        segments=segments,
        reliability=reliability,
    )
