"""Compare challenger and champion on the same later sales (新旧模型对比), each with only what was known by then.

A stored model is evaluated on sales after its newest training sale. If too few came later, a model is refitted with its
own options on the sales known when the evaluated sales begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np

from models.artifact.predictor import Predictor
from training.configuration import TrainingConfig, with_present_names
from training.dataset.training_set import TrainingSet
from training.evaluation.holdout import newest_from
from training.evaluation.replay import CalibratedModel, recentre, replay
from training.fit_model import learn
from training.metrics import Forecast
from valuation.messages import Message
from valuation.record.to_columns import calendar_day, day_number

MIN_EVALUATED = 200
"""Fewest sales that distinguish two bands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Forecasts of two models for the same sales.

    Attributes
    ----------
    evaluated
        The sales; neither model was fitted on any of them.
    challenger, champion
        Forecasts of each model; the champion is the structural value if no model is champion.
    start_day
        Day after which the evaluated sales begin, days since 1970-01-01.
    challenger_refitted, champion_refitted
        Whether the model was refitted on the sales known by that day, because the stored model knew later sales.
    same_config
        Whether both were refitted with the same options. They are then the same model, and only the coverage of the
        challenger is evaluated.

    """

    evaluated: TrainingSet
    challenger: Forecast
    champion: Forecast
    start_day: float
    challenger_refitted: bool
    champion_refitted: bool
    same_config: bool = False

    @property
    def started_on(self) -> date:
        """Day after which the evaluated sales begin."""
        day = calendar_day(self.start_day)
        if day is None:
            raise ValueError("a comparison needs a start day")
        return day


def compare_models(
    pair: tuple[Predictor, Predictor | None],
    sales: TrainingSet,
    augmentation: TrainingSet,
    begin: Callable[[str], None],
) -> Comparison:
    """Return the forecasts of challenger and champion for the newest sales, recentred monthly as sales are reported.

    Parameters
    ----------
    pair
        Challenger and champion; None if there is no champion.
    sales, augmentation
        Sales of the ledger, and copies with degraded records for a model that is refitted.
    begin
        Called with the name of each stage as it begins.
    """
    challenger, champion = pair
    start = evaluation_start(pair, sales)
    config = config_of(challenger)
    begin(Message("stage.challenger"))
    candidate, candidate_refitted = _prepare_candidate(challenger, sales, augmentation, start)
    begin(Message("stage.champion"))
    current: CalibratedModel | None = None
    current_refitted, same = False, False
    if champion is not None:
        same = candidate_refitted and trained_through_day(champion) > start and config_of(champion) == config
        current, current_refitted = (
            (candidate, True) if same else _prepare_candidate(champion, sales, augmentation, start)
        )
    evaluated = sales.where((sales.sold_day > start) & sales.single_sale)
    structural = Forecast(
        price=evaluated.price,
        point=evaluated.structural,
        lower=evaluated.structural_lower,
        upper=evaluated.structural_upper,
    )
    own = sales.single_sale[sales.sold_day > start]  # a pack of a lot has no price of its own
    predicted = [
        structural if model is None else replay(model, sales, start, config).where(own)
        for model in (candidate, current)
    ]
    return Comparison(
        evaluated=evaluated,
        challenger=predicted[0],
        champion=predicted[1],
        start_day=start,
        challenger_refitted=candidate_refitted,
        champion_refitted=current_refitted,
        same_config=same,
    )


def evaluation_start(pair: tuple[Predictor, Predictor | None], sales: TrainingSet) -> float:
    """Return the day after which sales are evaluated: that of the newest known sale, else the newest share."""
    through = [trained_through_day(model) for model in pair if model is not None]
    latest = max(through)
    if int(np.sum(sales.sold_day > latest)) >= MIN_EVALUATED:
        return latest
    newest = newest_from(sales, config_of(pair[0]))
    champion_day = trained_through_day(pair[1]) if pair[1] is not None else float("-inf")
    return max(newest, champion_day) if int(np.sum(sales.sold_day > champion_day)) >= MIN_EVALUATED else newest


def trained_through_day(model: Predictor) -> float:
    """Return the day of the newest sale a model was trained on, days since 1970-01-01; infinite if unknown."""
    return day_number(date.fromisoformat(model.trained_through)) if model.trained_through else float("inf")


def config_of(model: Predictor) -> TrainingConfig:
    """Return the options that a model was trained with, or the defaults if they are unknown."""
    stored: Mapping[str, Any] = model.about.summary.get("choices", {})
    known = {field.name for field in fields(TrainingConfig)}
    return TrainingConfig(**{name: value for name, value in with_present_names(stored).items() if name in known})


def _prepare_candidate(
    model: Predictor, sales: TrainingSet, augmentation: TrainingSet, start: float
) -> tuple[CalibratedModel, bool]:
    """Return the model recentred on the sales reported by `start`, or refitted, and whether it was refitted."""
    config = config_of(model)
    if trained_through_day(model) <= start:
        state, day = model.state, trained_through_day(model)
        meanwhile = (sales.sold_day > day) & (sales.sold_day + config.label_delay_days <= start)
        news = sales.where(meanwhile).with_calibration(model.market_calibration)
        return (recentre(state, news, start) if len(news) else state, model.market_calibration), False
    known = sales.sold_day + config.label_delay_days <= start
    degraded = augmentation.where(augmentation.sold_day + config.label_delay_days <= start)
    estimator = learn(sales.where(known), degraded, config)
    return (estimator.fitted_, estimator.calibration_), True
