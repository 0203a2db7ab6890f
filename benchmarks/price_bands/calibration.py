"""Shared parts of the split-conformal methods: stored tuning results and the correction from held-out rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from benchmarks.price_bands.matrices import View
from benchmarks.price_bands.tuning import Choice, EncoderTarget

LEVEL = 0.9
CALIBRATION_SHARE = 0.25

Band = Callable[[View], np.ndarray]
"""Lower edge, point and upper edge of the logarithm of the price, shape (n, 3)."""

Rival = Callable[[View, "Tuned", int], Band]


class Tuned:
    """Tuning results of each engine on the training part of the first seed, reused for the other seeds.

    They are stored in a file next to the results, so that an interrupted run continues with the same choices.
    """

    def __init__(self, path: Path, cell: str) -> None:
        self.path = path
        self.cell = cell

    def choice(self, name: str, tune: Callable[[], Choice]) -> Choice:
        """Return a tuning result; run the tuning if there is none."""
        kept = json.loads(self.path.read_text("utf-8")) if self.path.exists() else {}
        if name not in kept.get(self.cell, {}):
            kept.setdefault(self.cell, {})[name] = asdict(tune())
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(kept, indent=1), "utf-8")
        return Choice(**kept[self.cell][name])


def conformal(scores: np.ndarray, level: float) -> float:
    """Return the quantile of split conformal prediction: the ceil((n + 1) level)-th smallest score."""
    ordered = np.sort(scores)
    return float(ordered[min(int(np.ceil((len(scores) + 1) * level)), len(scores)) - 1])


def widened(said: np.ndarray, target: np.ndarray) -> float:
    """Return the conformal correction of both edges (Y. Romano et al., 2019)."""
    return conformal(np.maximum(said[:, 0] - target, target - said[:, 2]), LEVEL)


def lesson_of(view: View, rows: np.ndarray, form: str) -> EncoderTarget:
    """Return the given rows of a view in one form."""
    return EncoderTarget(matrix=view.matrix(form)[rows], target=view.target[rows], categorical=view.categorical)


def calibrated(raw: Band, view: View, rows: np.ndarray) -> Band:
    """Return a band of sorted quantiles with the conformal correction from held-out rows."""
    held = view.take(rows)
    width = widened(np.sort(raw(held), axis=1), held.target)
    out = np.array([-width, 0.0, width])
    return lambda asked: np.sort(raw(asked), axis=1) + out


def standardised(both: Band, held: View) -> Band:
    """Return a band of mean and width with the residual quantiles of held-out rows."""
    said = both(held)
    score = (held.target - said[:, 0]) / said[:, 1]
    edge = (1.0 + LEVEL) / 2.0
    cuts = np.array([-conformal(-score, edge), float(np.median(score)), conformal(score, edge)])

    def band(asked: View) -> np.ndarray:
        mean, width = both(asked).T
        return mean[:, np.newaxis] + width[:, np.newaxis] * cuts

    return band
