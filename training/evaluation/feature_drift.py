"""Feature drift (漂移): a summary of the training sales, and how far later sales have moved from it."""

from __future__ import annotations

from typing import Any

from models.drift import PRICE, STRUCTURAL, Shift, feature_columns, reference_of, shifts
from training.dataset.training_set import TrainingSet
from valuation import features
from valuation.numeric.columns import FloatArray


def training_reference(sales: TrainingSet) -> dict[str, Any]:
    """Return the summary of the training sales: every feature, structural value and price per kWh."""
    return reference_of(watched_columns(sales), list(_categorical()))


def measure_drift(reference: dict[str, Any], sales: TrainingSet) -> tuple[Shift, ...]:
    """Return the drift of features, structural values and prices of later sales, largest first."""
    return shifts(reference, watched_columns(sales))


def watched_columns(sales: TrainingSet) -> dict[str, FloatArray]:
    """Return the columns that are monitored for drift, by name."""
    return feature_columns(sales.matrix) | {STRUCTURAL: sales.structural, PRICE: sales.price}


def _categorical() -> tuple[str, ...]:
    return tuple(str(column) for column in features.CATEGORICAL)
