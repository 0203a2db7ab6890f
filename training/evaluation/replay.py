"""Replay of sales in order of day (按日回放): predict each month after recentring on the sales reported by then.

The gate, the held-out evaluation, the back-test and the realised coverage use this one replay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from models.calibration.reported_sales import ReportedSales, recentred
from models.inference.fitted_model import FittedRegressor
from training.configuration import TrainingConfig
from training.dataset.training_set import TrainingSet
from training.metrics import Forecast
from valuation import features
from valuation.errors import BundleMismatch
from valuation.numeric.columns import FloatArray

STEP_DAYS = 30.0
"""Time between two recentrings. [d]"""

CalibratedModel: TypeAlias = tuple[FittedRegressor, Mapping[str, float]]
"""A fitted model, and the calibrated market constants behind its structural values."""


def replay(model: CalibratedModel, sales: TrainingSet, start: float, config: TrainingConfig) -> Forecast:
    """Return the forecasts of the sales after a day; the model is recentred monthly and never refitted.

    A price counts as reported ``config.label_delay_days`` after the sale.

    Parameters
    ----------
    model : pair
        Fitted on sales reported by `start`, and its calibrated constants.
    sales : TrainingSet
        Sales before and after the day.
    start : float
        Day since 1970-01-01; only later sales are predicted.
    config : TrainingConfig
        Level and label delay.

    Returns
    -------
    Forecast
        Of the sales after `start`, per kWh of the rated energy listed in `sales`.
    """
    state, calibration = model
    calibrated = sales.with_calibration(calibration)
    later = sales.sold_day > start
    share = (calibrated.energy_kwh / sales.energy_kwh)[later]
    return replay_calibrated(state, calibrated, start, config).times(share)


def replay_calibrated(state: FittedRegressor, sales: TrainingSet, start: float, config: TrainingConfig) -> Forecast:
    """Return the forecasts of :func:`replay` for sales that are computed with the model's constants already."""
    predicted = np.full((len(sales), 3), np.nan)
    reported_to = start - config.label_delay_days
    for day in np.arange(start, float(sales.sold_day.max()) + 1.0, STEP_DAYS):
        known = day - config.label_delay_days
        fresh = (sales.sold_day > reported_to) & (sales.sold_day <= known)
        if fresh.any():
            state, reported_to = recentre(state, sales.where(fresh), float(day)), known
        ahead = (sales.sold_day > day) & (sales.sold_day <= day + STEP_DAYS)
        if ahead.any():
            predicted[ahead] = predict(state, sales.where(ahead), config.level)
    forecast = Forecast(price=sales.price, point=predicted[:, 0], lower=predicted[:, 1], upper=predicted[:, 2])
    return forecast.where(sales.sold_day > start)


def predict(state: FittedRegressor, sales: TrainingSet, level: float) -> FloatArray:
    """Return point, lower and upper of each sale, shape (sales, 3). [CNY/kWh without VAT]"""
    edges = np.array([0.5 - level / 2.0, 0.5 + level / 2.0])
    point, quantiles = state.price(_codes(state, sales), sales.structural, list(sales.groups), edges)
    return np.column_stack([point, quantiles])


def recentre(state: FittedRegressor, news: TrainingSet, day: float) -> FittedRegressor:
    """Return the model recentred on sales reported by a day."""
    predicted = state.predict(_codes(state, news), news.structural, list(news.groups))
    sales = ReportedSales(predicted=predicted, price=news.price, day=news.sold_day, weight=np.ones(len(news)))
    return recentred(state, sales, day)


def _codes(state: FittedRegressor, sales: TrainingSet) -> FloatArray:
    """Return the columns that a model reads, in its order; an older model reads fewer than the catalogue has."""
    missing = sorted(set(state.vocabulary.names) - set(features.NAMES))
    if missing:
        raise BundleMismatch("training.unknown_features", hint="bundle.train_again_here", features=missing)
    columns = [features.NAMES.index(name) for name in state.vocabulary.names]
    return state.vocabulary.codes(sales.matrix[:, columns])
