"""Shared parts of the tuning of all engines: training rows, held-out rows and the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.price_bands.matrices import View

LOW, MIDDLE, HIGH = 0.05, 0.5, 0.95
QUANTILES = (LOW, MIDDLE, HIGH)
MOST_TREES = 1500
PATIENCE = 50
VALIDATION_SHARE = 0.2
FEWEST_TREES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Tuning result: data form, parameter variant, number of trees and loss."""

    form: str
    variant: dict[str, Any] = field(default_factory=dict)
    trees: int = 100
    loss: float = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderTarget:
    """Training rows, and validation rows for early stopping."""

    matrix: np.ndarray
    target: np.ndarray
    categorical: tuple[int, ...] = ()
    valid: tuple[np.ndarray, np.ndarray] | None = None


def pinball(target: np.ndarray, said: np.ndarray, level: float) -> float:
    """Return the mean pinball loss of a quantile."""
    gap = target - said
    return float(np.mean(np.maximum(level * gap, (level - 1.0) * gap)))


def halves(rows: int, seed: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the remaining rows and the held-out share."""
    order = np.random.default_rng(seed).permutation(rows)
    apart = int(rows * share)
    return order[apart:], order[:apart]


def set_apart(view: View, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return training and held-out rows for tuning, at random or by whole models."""
    if not view.whole:
        return halves(len(view), seed, VALIDATION_SHARE)
    names, member = np.unique(view.sales.model.astype(str), return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(names))
    held = order[np.cumsum(np.bincount(member)[order]) <= VALIDATION_SHARE * len(view)]
    apart = np.isin(member, held)
    return np.flatnonzero(~apart), np.flatnonzero(apart)
