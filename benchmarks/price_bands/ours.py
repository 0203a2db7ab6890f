"""The estimator under test, used through its public interface."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.price_bands.calibration import Band
from benchmarks.price_bands.datasets import Sales
from benchmarks.price_bands.matrices import View
from models import ResidualValueRegressor

OURS = "canzhi"
PLAIN = "canzhi, columns alone"
QUANTILE_GRID = (0.05, 0.25, 0.5, 0.75, 0.95)


def with_groups(view: View, seed: int) -> Band:
    """Fit with the groups of the sales."""
    sales = view.sales
    estimator = ResidualValueRegressor(random_state=seed, n_jobs=1)
    estimator.fit(sales.table, sales.price, groups=sales.model)
    return lambda asked: said(estimator, asked.sales.table, asked.sales.model)


def columns_alone(view: View, seed: int) -> Band:
    """Fit on the columns only."""
    estimator = ResidualValueRegressor(random_state=seed, n_jobs=1).fit(view.sales.table, view.sales.price)
    return lambda asked: said(estimator, asked.sales.table, None)


def said(estimator: ResidualValueRegressor, table: pd.DataFrame, groups: np.ndarray | None) -> np.ndarray:
    """Return the logarithms of lower edge, point and upper edge."""
    point = estimator.predict(table, groups=groups)
    edges = estimator.predict_interval(table, 0.9, groups=groups)
    return np.log(np.column_stack([edges[:, 0], point, edges[:, 1]]))


def crossings(estimator: ResidualValueRegressor, sales: Sales) -> float:
    """Return the share of sales with crossing quantiles."""
    quantiles = estimator.predict_quantiles(sales.table, list(QUANTILE_GRID), groups=sales.model)
    return float(np.mean(np.any(np.diff(quantiles, axis=1) < 0.0, axis=1)))
