"""What a group never seen costs: whole groups are left out, and every parent learns how its strangers fell.

A stranger's group counts once, however many sales it has: a thousand sales of one new model say once how far a new
model falls from what its maker would suggest.
"""

from __future__ import annotations

import numpy as np

from valuation.columns import FloatArray, IntArray

_NESTED = 0.5  # share of a level's sales
_CLUSTERS = 10.0  # groups at which a parent's own strangers weigh as much as those of its parent


def nested_columns(codes: FloatArray, categorical: tuple[bool, ...], group: IntArray) -> tuple[bool, ...]:
    """Return which columns say little but the group: most sales share their level with their own group alone.

    >>> nested_columns(np.array([[0.0, 5.0], [0.0, 6.0], [1.0, 5.0], [1.0, 6.0]]), (True, True), np.array([0, 0, 1, 1]))
    (True, False)
    """
    return tuple(flag and _own_share(codes[:, column], group) > _NESTED for column, flag in enumerate(categorical))


def _own_share(column: FloatArray, group: IntArray) -> float:
    """Return how much of what is known of a sale's level comes from its own group, on average."""
    known = ~np.isnan(column)
    if not np.any(known):
        return 0.0
    _, level = np.unique(column[known], return_inverse=True)
    _, cell, sizes = np.unique(level * (int(np.max(group)) + 1) + group[known], return_inverse=True, return_counts=True)
    return float(np.sum(sizes[cell] / np.bincount(level)[level])) / len(column)


def even_weights(weight: FloatArray, group: IntArray) -> FloatArray:
    """Return weights under which a group counts by the root of its sales.

    >>> even_weights(np.ones(4), np.array([1, 1, 1, 1])).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    sizes = np.bincount(group).astype(np.float64)
    return weight / np.sqrt(sizes[group])


def cluster_share(weight: FloatArray, group: IntArray) -> tuple[float, float]:
    """Return how many equally heavy groups stand behind weights, and how much they weigh against a parent's."""
    sums = np.bincount(group, weights=weight)
    square = float(np.sum(sums * sums))
    clusters = float(np.sum(sums)) ** 2 / square if square > 0.0 else 0.0
    return clusters, clusters / (clusters + _CLUSTERS)
