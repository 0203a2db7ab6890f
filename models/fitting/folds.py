"""Assignment of rows to folds: random, or by whole packs, lots or groups."""

from __future__ import annotations

import numpy as np

from valuation.numeric.columns import IntArray


def assign_folds(rows: int, folds: int, seed: int, together: IntArray | None = None) -> IntArray:
    """Return the fold of each row; rows with the same code share a fold.

    Parameters
    ----------
    rows, folds
        Number of rows and of folds.
    seed
        Seed of the random assignment.
    together
        A code for each row; rows with one code (a pack, a lot, a group) stay together.

    """
    generator = np.random.default_rng(seed)
    if together is None:
        return generator.permutation(np.arange(rows) % folds)
    _, member, sizes = np.unique(together, return_inverse=True, return_counts=True)
    order = generator.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]  # the largest first, each into the emptiest fold
    load = np.zeros(folds)
    fold_of = np.zeros(len(sizes), dtype=np.int64)
    for block in order:
        fold_of[block] = int(np.argmin(load))
        load[fold_of[block]] += sizes[block]
    return fold_of[member].astype(np.int64)


def fold_count(rows: int, wanted: int) -> int:
    """Return the number of folds: fewer for large samples."""
    if rows >= 100_000:
        return min(wanted, 2)
    if rows > 15_000:
        return min(wanted, 3)
    return max(2, min(wanted, rows))
