"""What a model remembers of the sales it learned from, and how far later sales have moved from it (漂移)."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.drift import Shift, reference_of, shifts
from training.dataset.training_set import TrainingSet
from valuation import features
from valuation.numeric.columns import FloatArray

STRUCTURAL, PRICE = "structural value", "price"
OF_THE_MARKET = frozenset(
    feature.name for feature in features.FEATURES if feature.function.__module__.endswith((".market", ".structure"))
) | {STRUCTURAL, PRICE, "season"}
"""What moves with the market and the calendar, as it should: the structural value and the re-anchor follow it."""


def training_reference(sales: TrainingSet) -> dict[str, Any]:
    """Return the summary of the sales a model learned from: every feature, structural value and price per kWh."""
    return reference_of(columns_of(sales), list(_categorical()))


def drift_of(reference: dict[str, Any], sales: TrainingSet) -> tuple[Shift, ...]:
    """Return how far the features of later sales, their structural values and prices have moved, the farthest first."""
    return shifts(reference, columns_of(sales))


def columns_of(sales: TrainingSet) -> dict[str, FloatArray]:
    """Return the watched columns of sales by name."""
    columns = {name: np.asarray(sales.matrix[:, place]) for place, name in enumerate(features.NAMES)}
    return columns | {STRUCTURAL: sales.structural, PRICE: sales.price}


def _categorical() -> tuple[str, ...]:
    return tuple(str(column) for column in features.CATEGORICAL)
