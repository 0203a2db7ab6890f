"""Scores of a band: coverage, width, and coverage by group."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

LEVEL = 0.9
LEAST_GROUP = 150
LEAST_QUARTER = 80
SWEPT_ROWS = 200
SWEPT_STEPS = 25


def interval_score(band: np.ndarray, target: np.ndarray) -> float:
    """Return the mean interval score on the log scale (T. Gneiting and A. Raftery, 2007, eq. 43)."""
    lower, upper = band[:, 0], band[:, 2]
    missed = np.maximum(lower - target, 0.0) + np.maximum(target - upper, 0.0)
    return float(np.mean(upper - lower + 2.0 / (1.0 - LEVEL) * missed))


def covered(band: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return a mask of the sales inside the band."""
    return (target >= band[:, 0]) & (target <= band[:, 2])


def lowest_share(held: np.ndarray, label: np.ndarray, least: int) -> float:
    """Return the lowest coverage of the labels with enough sales, NaN if there are none."""
    _, place = np.unique(label.astype(str), return_inverse=True)
    count = np.bincount(place)
    share = np.bincount(place, weights=held.astype(np.float64)) / count
    return float(np.min(share[count >= least])) if np.any(count >= least) else float("nan")


def narrowest_constant(deviation: np.ndarray) -> float:
    """Return the width of the narrowest constant band around the point that covers 90 % of the test sales."""
    ordered = np.sort(deviation)
    inside = int(np.ceil(LEVEL * len(ordered)))
    return float(np.min(ordered[inside - 1 :] - ordered[: len(ordered) - inside + 1]))


def scores(band: np.ndarray, target: np.ndarray, group: np.ndarray) -> dict[str, float]:
    """Return all scores of one method on one test part; edges and point are logarithms of prices."""
    held = covered(band, target)
    width = band[:, 2] - band[:, 0]
    return {
        "interval_score": interval_score(band, target),
        "coverage": float(np.mean(held)),
        "worst_group": lowest_share(held, group, LEAST_GROUP),
        "mape": float(np.mean(np.abs(np.exp(band[:, 1] - target) - 1.0))),
        "relative_width": float(np.median(np.exp(band[:, 2] - band[:, 1]) - np.exp(band[:, 0] - band[:, 1]))),
        "width_over_constant": float(np.mean(width)) / narrowest_constant(target - band[:, 1]),
        "finite": float(np.mean(np.all(np.isfinite(band), axis=1))),
        "crossings": float(np.mean(np.any(np.diff(band, axis=1) < 0.0, axis=1))),
    }


def violations(ask: Callable[[np.ndarray], np.ndarray], low: float, high: float, direction: int) -> float:
    """Return the share of swept curves on which a point or an edge violates its monotone direction.

    Parameters
    ----------
    ask
        Returns, for one value of the swept column, the band of every swept row, shape (rows, 3).
    low, high
        Range of the swept column.
    direction
        +1 for non-decreasing, -1 for non-increasing.

    """
    curves = np.stack([ask(np.array(value)) for value in np.linspace(low, high, SWEPT_STEPS)])
    slack = 1e-9 * np.abs(curves[:-1])
    against = direction * np.diff(curves, axis=0) < -slack
    return float(np.mean(np.any(against, axis=(0, 2))))


def latency(ask: Callable[[], object], repeats: int = 200) -> float:
    """Return the CPU time of a call, the minimum of five rounds. [us]"""
    rounds = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(repeats):
            ask()
        rounds.append((time.process_time() - begun) / repeats)
    return 1e6 * min(rounds)
