"""Learning from sales: the estimator, told what the catalogue knows of its columns (训练)."""

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
"""Sales from which a second thread pays; below, threads on a busy machine wait longer than they work."""

ALL_FEATURES_FROM = 1_500
"""Sales from which every feature is heard; a hundred columns find chance patterns in fewer, and extrapolate them."""
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
"""What a valuer asks first: how healthy, how sure, how old, what each route pays, any accident, where lithium goes."""


def frame(matrix: FloatArray) -> pd.DataFrame:
    """Return features with their names, as the estimator keeps them."""
    return pd.DataFrame(matrix, columns=list(features.NAMES))


class MarketRegressor(ResidualValueRegressor):
    """The estimator together with the habits of the market that the structural values it learned from rest on."""

    habits_: Mapping[str, float]


def learn(
    sales: TrainingSet, extra: TrainingSet | None, config: TrainingConfig, least: int = LEAST_SALES
) -> MarketRegressor:
    """Return the estimator that learned from sales, and from the same sales with thinner records.

    First the sales tell how the market's constants differ from the judged ones; then what no formula knows is learned
    beside the structural values of those constants. `least` is the fewest sales that will do: a fold of a judgement has
    to make do with fewer than a model.

    Raises
    ------
    TooFewSales
        If there are fewer sales than any honest calibration needs.
    """
    if len(sales) < least:
        raise TooFewSales(
            f"{len(sales)} usable sales are too few to learn from",
            hint=f"give at least {least}; without a model the structural value answers",
            field="sales",
            value=len(sales),
        )
    habits = fit_market_calibration(sales, config)
    if extra is not None:
        extra = extra.where(extra.alone)  # a part of a lot, seen again alone, has no price of its own to teach
    taught = join([sales, extra]) if extra is not None and len(extra) else sales
    few = len(sales) < CALIBRATION_FROM_SALES
    taught = cross_fitted_structural(taught, sales, config, habits) if few else taught.seen(habits)
    weight = np.where(np.arange(len(taught)) < len(sales), 1.0, config.thinned_weight)
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
        n_jobs=(os.cpu_count() or 1) if len(taught) >= THREADS_PAY_FROM else 1,  # the same bits with any number
    )
    estimator.habits_ = habits
    return estimator.fit(
        frame(taught.matrix if len(sales) >= ALL_FEATURES_FROM else _mask_features(taught.matrix)),
        _prices_or_sums(taught),
        base=taught.structural,
        time=taught.sold_day,
        groups=list(taught.groups),
        packs=list(taught.together),
        lots=None if taught.alone.all() else [lot or "" for lot in taught.lot],
        quantity=None if taught.alone.all() else taught.energy_kwh,
        sample_weight=weight,
    )


def _prices_or_sums(taught: TrainingSet) -> FloatArray:
    """Return prices per rated kWh; for the packs of a lot that has one price, its sum: that is what is known."""
    price = taught.price.copy()
    lots: dict[str, list[int]] = {}
    for row, lot in enumerate(taught.lot):
        if lot is not None:
            lots.setdefault(lot, []).append(row)
    for rows in lots.values():
        price[rows] = float(np.sum(taught.price_cny[rows]))
    return price


def _mask_features(matrix: FloatArray) -> FloatArray:
    """Return the matrix with every column silent but those that a valuer would ask first."""
    silent = np.full_like(matrix, np.nan)
    asked = [features.NAMES.index(name) for name in CORE_FEATURES]
    silent[:, asked] = matrix[:, asked]
    return silent


def forecast(estimator: MarketRegressor, sales: TrainingSet, level: float) -> Forecast:
    """Return what an estimator says about sales, next to what they fetched, per kWh of the energy the sales list."""
    seen = sales.seen(estimator.habits_)
    table, groups = frame(seen.matrix), list(seen.groups)
    point = estimator.predict(table, base=seen.structural, groups=groups)
    edges = estimator.predict_interval(table, level=level, base=seen.structural, groups=groups)
    said = Forecast(price=seen.price, point=point, lower=edges[:, 0], upper=edges[:, 1])
    return said.times(seen.energy_kwh / sales.energy_kwh)
