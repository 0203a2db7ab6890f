"""Features of a pack (特征): functions from a dossier to a column, listed in one table."""

from __future__ import annotations

from valuation.features.catalogue import FEATURES, Feature, compute
from valuation.messages import Wording

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
"""Names of the features, in the order of the matrix's columns."""

LABELS: dict[str, Wording] = {feature.name: feature.label for feature in FEATURES}
"""Labels of the features in English and Chinese."""


def label_of(name: str) -> Wording:
    """Return the label of a feature; a column that is not a feature is called by its name."""
    return LABELS.get(name, Wording(name, name))


MONOTONE: tuple[int, ...] = tuple(feature.monotone for feature in FEATURES)
"""Required direction of each feature: +1, -1 or 0, in the order of the columns."""

CATEGORICAL: tuple[str, ...] = tuple(feature.name for feature in FEATURES if feature.categorical)
"""Names of the features whose numbers are codes without an order."""

__all__ = ["CATEGORICAL", "FEATURES", "LABELS", "MONOTONE", "NAMES", "Feature", "compute", "label_of"]
