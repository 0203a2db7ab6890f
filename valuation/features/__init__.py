"""Features of a pack (特征): functions from a dossier to a column, listed in one table."""

from __future__ import annotations

from valuation.features.catalogue import FEATURES, Feature, compute

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
"""Names of the features, in the order of the matrix's columns."""

LABELS: dict[str, tuple[str, str]] = {feature.name: (feature.label_en, feature.label_zh) for feature in FEATURES}
"""Labels of the features in English and Chinese."""

MONOTONE: tuple[int, ...] = tuple(feature.monotone for feature in FEATURES)
"""Required direction of each feature: +1, -1 or 0, in the order of the columns."""

CATEGORICAL: tuple[str, ...] = tuple(feature.name for feature in FEATURES if feature.categorical)
"""Names of the features whose numbers are codes without an order."""

__all__ = ["CATEGORICAL", "FEATURES", "LABELS", "MONOTONE", "NAMES", "Feature", "compute"]
