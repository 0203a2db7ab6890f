"""One training: judge on the newest sales, then learn from all of them (训练与评判)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.fitted import FittedRegressor
from models.regressor import ResidualValueRegressor
from training.configuration import LEAST_SALES, TrainingConfig
from training.dataset import TrainingSet, join
from training.judging import Forecast, Verdict, judge, judge_by
from valuation import features
from valuation.columns import BoolArray, FloatArray
from valuation.errors import TooFewSales
from valuation.fields import CHEMISTRIES

THREADS_PAY_FROM = 20_000
"""Sales from which a second thread pays; below, threads on a busy machine wait longer than they work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the newest sales say about a model that had not seen them, next to the structural value alone."""

    overall: Verdict
    structural: Verdict
    by_chemistry: dict[str, Verdict]
    by_tier: dict[str, Verdict]

    def as_dict(self) -> dict[str, object]:
        """Return the figures by name, ready for a run's record."""
        return {
            "overall": self.overall.as_dict(),
            "structural": self.structural.as_dict(),
            "by_chemistry": {name: verdict.as_dict() for name, verdict in self.by_chemistry.items()},
            "by_tier": {name: verdict.as_dict() for name, verdict in self.by_tier.items()},
        }


def frame(matrix: FloatArray) -> pd.DataFrame:
    """Return features with their names, as the estimator keeps them."""
    return pd.DataFrame(matrix, columns=list(features.NAMES))


def learn(sales: TrainingSet, extra: TrainingSet | None, config: TrainingConfig) -> ResidualValueRegressor:
    """Return the estimator that learned from sales, and from the same sales with thinner records.

    Raises
    ------
    TooFewSales
        If there are fewer sales than any honest calibration needs.
    """
    if len(sales) < LEAST_SALES:
        raise TooFewSales(
            f"{len(sales)} usable sales are too few to learn from",
            hint=f"give at least {LEAST_SALES}; without a model the structural value answers",
            field="sales",
            value=len(sales),
        )
    taught = join([sales, extra]) if extra is not None and len(extra) else sales
    estimator = ResidualValueRegressor(
        monotone=features.MONOTONE,
        categorical=features.CATEGORICAL,
        trees=config.trees or None,
        folds=config.folds,
        label_delay_days=config.label_delay_days,
        level=config.level,
        random_state=config.seed,
        n_jobs=(os.cpu_count() or 1) if len(taught) >= THREADS_PAY_FROM else 1,  # the same bits with any number
    )
    return estimator.fit(
        frame(taught.matrix),
        taught.price,
        base=taught.structural,
        time=taught.sold_day,
        groups=list(taught.groups),
        packs=list(taught.packs),
    )


def forecast(estimator: ResidualValueRegressor, sales: TrainingSet, level: float) -> Forecast:
    """Return what an estimator says about sales, next to what they fetched."""
    table, groups = frame(sales.matrix), list(sales.groups)
    point = estimator.predict(table, base=sales.structural, groups=groups)
    edges = estimator.predict_interval(table, level=level, base=sales.structural, groups=groups)
    return Forecast(price=sales.price, point=point, lower=edges[:, 0], upper=edges[:, 1])


def newest(sales: TrainingSet, config: TrainingConfig) -> tuple[BoolArray, BoolArray]:
    """Return which sales were known before the newest share of them, and which are that share."""
    cut_day = float(np.quantile(sales.sold_day, 1.0 - config.test_share))
    return sales.sold_day + config.label_delay_days <= cut_day, sales.sold_day > cut_day


def judge_newest(sales: TrainingSet, extra: TrainingSet | None, config: TrainingConfig) -> Judgement | None:
    """Return how a model of the older sales does on the newest, nothing where there are too few to tell."""
    known, test = newest(sales, config)
    if int(known.sum()) < LEAST_SALES or int(test.sum()) < LEAST_SALES:
        return None
    older_extra = extra.where(newest_of(extra, sales, config)) if extra is not None else None
    estimator = learn(sales.where(known), older_extra, config)
    judged = sales.where(test)
    said = forecast(estimator, judged, config.level)
    structural = Forecast(price=judged.price, point=judged.structural, lower=judged.structural, upper=judged.structural)
    return Judgement(
        overall=judge(said, config.level),
        structural=judge(structural, config.level),
        by_chemistry=judge_by(said, names_of(judged.chemistry), config.level),
        by_tier=judge_by(said, tiers_of(judged.tier), config.level),
    )


def newest_of(extra: TrainingSet, sales: TrainingSet, config: TrainingConfig) -> BoolArray:
    """Return which of the thinned sales were known before the newest share of the sales."""
    cut_day = float(np.quantile(sales.sold_day, 1.0 - config.test_share))
    return extra.sold_day + config.label_delay_days <= cut_day


def names_of(chemistry: FloatArray) -> Sequence[str]:
    """Return the names of chemistry codes.

    >>> names_of(np.array([0.0, 5.0]))
    ['LFP', 'NMC811']
    """
    return [CHEMISTRIES[int(code)] for code in chemistry]


def tiers_of(tier: FloatArray) -> Sequence[str]:
    """Return the names of evidence tiers.

    >>> tiers_of(np.array([0.0, 4.0]))
    ['T0', 'T4']
    """
    return [f"T{int(number)}" for number in tier]


def fitted(estimator: ResidualValueRegressor) -> FittedRegressor:
    """Return what an estimator learned, as data."""
    return estimator.fitted_
