"""The statistics: from features and a structural value to a price and a calibrated band.

``ResidualValueRegressor`` needs scikit-learn and ``load_model`` does not, so each is imported on first use (PEP 562).
Pricing with a trained model needs only numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.artifact.registry import load_model
    from models.estimator import ResidualValueRegressor

__all__ = ["ResidualValueRegressor", "load_model"]


def __getattr__(name: str) -> object:
    if name == "ResidualValueRegressor":
        from models.estimator import ResidualValueRegressor  # noqa: PLC0415 - see the module's first lines

        return ResidualValueRegressor
    if name == "load_model":
        from models.artifact.registry import load_model  # noqa: PLC0415 - see the module's first lines

        return load_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
