"""Valuing sales in the order of their days, re-anchored step by step on the sales reported by then (滚动评估)."""

from __future__ import annotations

import numpy as np

from training.configuration import TrainingConfig
from training.dataset.training_set import TrainingSet
from training.fit_model import MarketRegressor, forecast, frame
from training.metrics import Forecast
from valuation.numeric.columns import BoolArray

STEP_DAYS = 30.0
"""How often the model is re-anchored: a month, as a platform that reports its sales would. [d]"""


def roll(
    estimator: MarketRegressor, sales: TrainingSet, start_day: float, config: TrainingConfig
) -> tuple[Forecast, BoolArray]:
    """Return what an estimator says of the sales after a day, never refitted, and which sales those are.

    At each step it is told the sales whose prices are known by then, the label delay respected, and values those of the
    step ahead.

    Parameters
    ----------
    estimator : MarketRegressor
        Trained on sales known by `start_day`; it is updated in place.
    sales : TrainingSet
        Sales before and after the day.
    start_day : float
        Day since 1970-01-01 from which sales are valued.
    config : TrainingConfig
        Level and label delay.
    """
    listed, sales = sales, sales.seen(estimator.habits_)
    said = np.full((len(sales), 3), np.nan)
    told = start_day - config.label_delay_days
    for day in np.arange(start_day, float(sales.sold_day.max()) + 1.0, STEP_DAYS):
        known = day - config.label_delay_days
        fresh = (sales.sold_day > told) & (sales.sold_day <= known)
        if fresh.any():
            tell(estimator, sales.where(fresh), day)
            told = known
        asked = (sales.sold_day > day) & (sales.sold_day <= day + STEP_DAYS)
        if asked.any():
            answer = forecast(estimator, sales.where(asked), config.level)
            said[asked] = np.column_stack([answer.point, answer.lower, answer.upper])
    tested = np.isfinite(said[:, 0])
    forecasts = Forecast(price=sales.price, point=said[:, 0], lower=said[:, 1], upper=said[:, 2])
    return forecasts.times(sales.energy_kwh / listed.energy_kwh).where(tested), tested


def tell(estimator: MarketRegressor, news: TrainingSet, day: float) -> None:
    """Re-anchor an estimator on sales reported by a day."""
    estimator.update(
        frame(news.matrix),
        news.price,
        time=news.sold_day,
        as_of=day,
        base=news.structural,
        groups=list(news.groups),
    )
