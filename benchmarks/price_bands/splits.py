"""Split sales into training and test parts: at random, by unseen models, or by time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from benchmarks.price_bands.datasets import Sales

TEST_ROWS = 3000
UNSEEN_SHARE = 0.25
LABEL_DELAY_DAYS = 30.0
STEP_DAYS = 30.0
QUARTER_DAYS = 91.0
REFIT_DAYS = 182.0
FIRST_SHARE = 0.5  # of the sales in time, before anything is judged
KEPT_SHARE = 0.8  # of the sales, drawn anew for each seed of a split in time


def random_split(sales: Sales, rows: int, seed: int) -> tuple[Sales, Sales]:
    """Return random training and test sales."""
    order = np.random.default_rng(seed).permutation(len(sales))
    held = min(TEST_ROWS, len(sales) // 4)
    return sales.take(order[held : held + rows]), sales.take(order[:held])


def unseen_split(sales: Sales, rows: int, seed: int) -> tuple[Sales, Sales]:
    """Return training sales, and test sales of models that are not among them."""
    generator = np.random.default_rng(seed)
    names, member = np.unique(sales.model.astype(str), return_inverse=True)
    order = generator.permutation(len(names))
    sizes = np.bincount(member)[order]
    held = order[np.cumsum(sizes) <= UNSEEN_SHARE * len(sales)]
    out = np.isin(member, held)
    train = generator.permutation(np.flatnonzero(~out))[:rows]
    test = generator.permutation(np.flatnonzero(out))[:TEST_ROWS]
    return sales.take(train), sales.take(test)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One period of a walk through time.

    Attributes
    ----------
    start
        First day.
    asked
        Rows sold within the period, to be predicted.
    reported
        Rows whose price became known since the previous step.
    known
        All rows whose price is known on the first day.

    """

    start: float
    asked: np.ndarray
    reported: np.ndarray
    known: np.ndarray


def in_time(sales: Sales, seed: int) -> Sales:
    """Return a share of the sales in order of day."""
    generator = np.random.default_rng(seed)
    rows = np.flatnonzero(generator.random(len(sales)) < KEPT_SHARE)
    return sales.take(rows[np.argsort(sales.day[rows], kind="stable")])


def walk(sales: Sales) -> list[Step]:
    """Return monthly steps from the middle of the sales to the last; prices become known a month later."""
    first = float(np.quantile(sales.day, FIRST_SHARE))
    edges = np.arange(first, float(sales.day.max()) + STEP_DAYS, STEP_DAYS)
    steps = []
    before = -np.inf
    for start, end in pairwise(edges):
        seen = sales.day + LABEL_DELAY_DAYS <= start
        steps.append(
            Step(
                start=float(start),
                asked=np.flatnonzero((sales.day > start) & (sales.day <= end)),
                reported=np.flatnonzero(seen & (sales.day + LABEL_DELAY_DAYS > before)),
                known=np.flatnonzero(seen),
            )
        )
        before = float(start)
    return steps


def quarters(day: np.ndarray, first: float) -> np.ndarray:
    """Return the number of the quarter of each day."""
    return ((day - first) // QUARTER_DAYS).astype(np.int64)
