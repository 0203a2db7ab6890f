"""Fit the estimator to sales, with the constraints of the feature catalogue (模型训练)."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import pandas as pd

from models.estimator import ResidualValueRegressor
from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset.market_calibration import CALIBRATION_FROM_SALES, cross_fitted_structural, fit_market_calibration
from training.dataset.training_set import TrainingSet, join
from training.metrics import Forecast
from valuation import features
from valuation.errors import TooFewSales
from valuation.numeric.columns import FloatArray

THREADS_PAY_FROM = 20_000
"""Number of sales from which several threads are faster than one."""

ALL_FEATURES_FROM = 1_500
"""Number of sales from which all features are used. With fewer sales a hundred columns fit chance patterns."""
CORE_FEATURES = (
    "soh",
    "soh_sd",
    "calendar_age_a",
    "structural_cny_per_kwh",
    "recycling_cny_per_kwh",
    "second_life_cny_per_kwh",
    "accident_severity",
    "lithium_trend_90d",
)
"""Features used with few sales: health and its uncertainty, age, route values, accidents, lithium trend."""


def frame(matrix: FloatArray) -> pd.DataFrame:
    """Return the feature matrix as a data frame with feature names."""
    return pd.DataFrame(matrix, columns=list(features.NAMES))


class MarketRegressor(ResidualValueRegressor):
    """The estimator and the calibrated market constants behind its structural values."""

    calibration_: Mapping[str, float]


def learn(
    sales: TrainingSet, augmentation: TrainingSet | None, config: TrainingConfig, least: int = LEAST_SALES
) -> MarketRegressor:
    """Fit an estimator to sales and, if given, to copies of sales with degraded records.

    The market constants are calibrated first. The estimator then learns the residual over the structural values
    computed with those constants. `least` is the smallest accepted number of sales; an evaluation fold accepts fewer
    than a model.

    Raises
    ------
    TooFewSales
        If there are fewer than `least` sales.
    """
    if len(sales) < least:
        raise TooFewSales("training.too_few", field="sales", value=len(sales), count=len(sales), least=least)
    calibration = fit_market_calibration(sales, config)
    if augmentation is not None:
        augmentation = augmentation.where(augmentation.single_sale)  # a pack of a lot has no price of its own
    rows = join([sales, augmentation]) if augmentation is not None and len(augmentation) else sales
    few = len(sales) < CALIBRATION_FROM_SALES
    rows = cross_fitted_structural(rows, sales, config, calibration) if few else rows.with_calibration(calibration)
    weight = np.where(np.arange(len(rows)) < len(sales), 1.0, config.degraded_weight)
    estimator = MarketRegressor(
        monotone=features.MONOTONE,
        categorical=features.CATEGORICAL,
        trees=config.trees or None,
        folds=config.folds,
        learning_rate=config.learning_rate,
        group_rows=config.group_rows,
        shift_rows=config.shift_rows,
        anchor_days=config.anchor_days,
        decay_days=config.decay_days,
        label_delay_days=config.label_delay_days,
        level=config.level,
        random_state=config.seed,
        n_jobs=(os.cpu_count() or 1) if len(rows) >= THREADS_PAY_FROM else 1,  # the result does not depend on it
    )
    estimator.calibration_ = calibration
    return estimator.fit(
        frame(rows.matrix if len(sales) >= ALL_FEATURES_FROM else _mask_features(rows.matrix)),
        _prices_or_sums(rows),
        base=rows.structural,
        time=rows.sold_day,
        groups=list(rows.groups),
        packs=list(rows.repeat_sale_group),
        lots=None if rows.single_sale.all() else [lot or "" for lot in rows.lot],
        quantity=None if rows.single_sale.all() else rows.energy_kwh,
        sample_weight=weight,
    )


def _prices_or_sums(sales: TrainingSet) -> FloatArray:
    """Return the price per rated kWh of single sales, and the total price of the lot for packs sold in a lot."""
    price = sales.price.copy()
    lots: dict[str, list[int]] = {}
    for row, lot in enumerate(sales.lot):
        if lot is not None:
            lots.setdefault(lot, []).append(row)
    for rows in lots.values():
        price[rows] = float(np.sum(sales.price_cny[rows]))
    return price


def _mask_features(matrix: FloatArray) -> FloatArray:
    """Return the matrix with all columns but :data:`CORE_FEATURES` set to NaN."""
    masked = np.full_like(matrix, np.nan)
    core = [features.NAMES.index(name) for name in CORE_FEATURES]
    masked[:, core] = matrix[:, core]
    return masked


def forecast(estimator: MarketRegressor, sales: TrainingSet, level: float) -> Forecast:
    """Return predictions and prices of sales, per kWh of the rated energy listed in `sales`. [CNY/kWh]"""
    calibrated = sales.with_calibration(estimator.calibration_)
    table, groups = frame(calibrated.matrix), list(calibrated.groups)
    point = estimator.predict(table, base=calibrated.structural, groups=groups)
    edges = estimator.predict_interval(table, level=level, base=calibrated.structural, groups=groups)
    predicted = Forecast(price=calibrated.price, point=point, lower=edges[:, 0], upper=edges[:, 1])
    return predicted.times(calibrated.energy_kwh / sales.energy_kwh)
