"""Two models on the same sales, each told only what was known by then: what a gate judges (比武).

A kept model knows the sales up to its last day, so it is asked about later ones. Where too few came later, its recipe
is asked instead: the same choices, taught anew on the sales known when the judged ones begin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np

from models.artifact.predictor import Predictor
from models.inference.fitted_model import FittedRegressor, LateSales
from training.configuration import TrainingConfig
from training.dataset.training_set import TrainingSet
from training.evaluation.holdout import newest_from
from training.evaluation.replay import STEP_DAYS
from training.fit_model import learn
from training.metrics import Forecast
from valuation import features
from valuation.errors import BundleMismatch
from valuation.numeric.columns import FloatArray
from valuation.record.to_columns import calendar_day, day_number

LEAST_JUDGED = 200
"""Fewer sales than this do not tell two bands apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two models said of the same sales.

    Attributes
    ----------
    judged
        The sales, none of which either had learned from.
    challenger, champion
        What each said of them; the champion is the structural value where no model is champion.
    start_day
        Day after which the judged sales begin.
    challenger_taught_anew, champion_taught_anew
        Whether a model's recipe was asked, taught on the sales known by that day, because the kept model knew too many.
    one_recipe
        Whether both were taught anew by the same choices: they are one model then, and only the challenger's own band
        is on trial.

    """

    judged: TrainingSet
    challenger: Forecast
    champion: Forecast
    start_day: float
    challenger_taught_anew: bool
    champion_taught_anew: bool
    one_recipe: bool = False

    @property
    def started_on(self) -> date:
        """The day after which the judged sales begin."""
        day = calendar_day(self.start_day)
        if day is None:
            raise ValueError("a contest always has a day on which it starts")
        return day


def compare_models(
    pair: tuple[Predictor, Predictor | None], sales: TrainingSet, extra: TrainingSet, begin: Callable[[str], None]
) -> Comparison:
    """Return what challenger and champion say of the newest sales, month by month, re-anchored as they are reported.

    Parameters
    ----------
    pair
        Challenger and champion; None where the structural value is all there is.
    sales, extra
        The ledger's sales, and copies with thinner records for a recipe that is taught anew.
    begin
        Told what begins.
    """
    challenger, champion = pair
    start = judged_from(pair, sales)
    config = recipe_of(challenger)
    begin("the challenger")
    mine, mine_habits, mine_anew = _prepare_candidate(challenger, sales, extra, start)
    begin("the champion")
    theirs, theirs_anew = None, False
    theirs_habits: Mapping[str, float] = {}
    same = False
    if champion is not None:
        same = mine_anew and through_day(champion) > start and recipe_of(champion) == config
        entered = (mine, mine_habits, True) if same else _prepare_candidate(champion, sales, extra, start)
        theirs, theirs_habits, theirs_anew = entered
    judged = sales.where((sales.sold_day > start) & sales.alone)
    bare = Forecast(
        price=judged.price, point=judged.structural, lower=judged.structural_lower, upper=judged.structural_upper
    )
    own = sales.alone[sales.sold_day > start]  # what a pack of a lot fetched by itself is not known
    said = [
        bare if state is None else roll_as_listed((state, habits), sales, start, config).where(own)
        for state, habits in ((mine, mine_habits), (theirs, theirs_habits))
    ]
    return Comparison(
        judged=judged,
        challenger=said[0],
        champion=said[1],
        start_day=start,
        challenger_taught_anew=mine_anew,
        champion_taught_anew=theirs_anew,
        one_recipe=same,
    )


def judged_from(pair: tuple[Predictor, Predictor | None], sales: TrainingSet) -> float:
    """Return the day after which sales are judged: as they are if enough are new to both, else the newest share."""
    through = [through_day(model) for model in pair if model is not None]
    latest = max(through)
    if int(np.sum(sales.sold_day > latest)) >= LEAST_JUDGED:
        return latest
    newest = newest_from(sales, recipe_of(pair[0]))
    theirs = through_day(pair[1]) if pair[1] is not None else float("-inf")
    return max(newest, theirs) if int(np.sum(sales.sold_day > theirs)) >= LEAST_JUDGED else newest


def through_day(model: Predictor) -> float:
    """Return the day of the newest sale a model knows, days since 1970-01-01; endless where it does not say."""
    return day_number(date.fromisoformat(model.trained_through)) if model.trained_through else float("inf")


def recipe_of(model: Predictor) -> TrainingConfig:
    """Return the choices a model was trained with, today's default where it does not say."""
    said: Mapping[str, Any] = model.about.summary.get("choices", {})
    known = {field.name for field in fields(TrainingConfig)}
    return TrainingConfig(**{name: value for name, value in said.items() if name in known})


def _prepare_candidate(
    model: Predictor, sales: TrainingSet, extra: TrainingSet, start: float
) -> tuple[FittedRegressor, Mapping[str, float], bool]:
    """Return a model's state as it may enter, told what was reported since, its habits, and whether taught anew."""
    config = recipe_of(model)
    if through_day(model) <= start:
        state, day = model.state, through_day(model)
        meanwhile = (sales.sold_day > day) & (sales.sold_day + config.label_delay_days <= start)
        news = sales.where(meanwhile).seen(model.market_calibration)
        return (recentre_frozen(state, news, start) if len(news) else state), model.market_calibration, False
    known = sales.sold_day + config.label_delay_days <= start
    thinner = extra.where(extra.sold_day + config.label_delay_days <= start)
    estimator = learn(sales.where(known), thinner, config)
    return estimator.fitted_, estimator.habits_, True


def replay_frozen(state: FittedRegressor, sales: TrainingSet, start: float, config: TrainingConfig) -> Forecast:
    """Return what a state says of the sales after a day, re-anchored monthly on those reported by then.

    The state is never refitted; a sale counts as reported ``config.label_delay_days`` after it was made.
    """
    said = np.full((len(sales), 3), np.nan)
    told = start - config.label_delay_days
    for day in np.arange(start, float(sales.sold_day.max()) + 1.0, STEP_DAYS):
        known = day - config.label_delay_days
        fresh = (sales.sold_day > told) & (sales.sold_day <= known)
        if fresh.any():
            state, told = recentre_frozen(state, sales.where(fresh), float(day)), known
        asked = (sales.sold_day > day) & (sales.sold_day <= day + STEP_DAYS)
        if asked.any():
            said[asked] = predict_frozen(state, sales.where(asked), config.level)
    tested = sales.sold_day > start
    return Forecast(price=sales.price, point=said[:, 0], lower=said[:, 1], upper=said[:, 2]).where(tested)


def predict_frozen(state: FittedRegressor, sales: TrainingSet, level: float) -> FloatArray:
    """Return point, lower and upper of each sale, shape (sales, 3). [CNY/kWh without VAT]"""
    edges = np.array([0.5 - level / 2.0, 0.5 + level / 2.0])
    point, quantiles = state.price(_codes(state, sales), sales.structural, list(sales.groups), edges)
    return np.column_stack([point, quantiles])


def roll_as_listed(
    model: tuple[FittedRegressor, Mapping[str, float]], sales: TrainingSet, start: float, config: TrainingConfig
) -> Forecast:
    """Return what a model with its habits says of the sales after a day, per kWh of the energy that the sales list."""
    state, habits = model
    seen = sales.seen(habits)
    later = sales.sold_day > start
    return replay_frozen(state, seen, start, config).times((seen.energy_kwh / sales.energy_kwh)[later])


def recentre_frozen(state: FittedRegressor, news: TrainingSet, day: float) -> FittedRegressor:
    """Return a state re-anchored on sales reported by a day."""
    told = LateSales(day=news.sold_day, weight=np.ones(len(news)), labels=list(news.groups))
    return state.updated(_codes(state, news), news.price, news.structural, told, day)


def _codes(state: FittedRegressor, sales: TrainingSet) -> FloatArray:
    """Return the columns a state reads, in its order; an older model reads fewer than the catalogue has today."""
    missing = sorted(set(state.vocabulary.names) - set(features.NAMES))
    if missing:
        raise BundleMismatch(
            f"the model reads features that this version does not compute: {', '.join(missing)}",
            hint="judge it with the version it was trained with, or train it again with this one",
        )
    columns = [features.NAMES.index(name) for name in state.vocabulary.names]
    return state.vocabulary.codes(sales.matrix[:, columns])
