"""The statistics: from features and a structural value to a price and a calibrated band.

``ResidualValueRegressor`` needs scikit-learn and ``load_model`` does not, so each is imported on first use (PEP 562).
Pricing with a trained model needs only numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.artifact.registry import load_model
    from models.estimator import ResidualValueRegressor

_HOMES = {"ResidualValueRegressor": "models.estimator", "load_model": "models.artifact.registry"}

__all__ = ["ResidualValueRegressor", "load_model"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
