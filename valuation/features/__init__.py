"""Features of a pack (特征): plain functions from a dossier to a column, and one table of them."""

from __future__ import annotations

from valuation.features.catalogue import FEATURES, Feature, compute

NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
"""Names of the features, in the order of the matrix's columns."""

LABELS: dict[str, tuple[str, str]] = {feature.name: (feature.label_en, feature.label_zh) for feature in FEATURES}
"""What people call each feature, English and Chinese."""

MONOTONE: tuple[int, ...] = tuple(feature.monotone for feature in FEATURES)
"""Direction a valuer insists on: +1, -1 or 0, in the order of the columns."""

CATEGORICAL: tuple[str, ...] = tuple(feature.name for feature in FEATURES if feature.categorical)
"""Names of the features whose numbers are codes, without an order."""

__all__ = ["CATEGORICAL", "FEATURES", "LABELS", "MONOTONE", "NAMES", "Feature", "compute"]
