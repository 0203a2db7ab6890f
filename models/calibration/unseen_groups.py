"""What a group never seen costs: whole groups are left out, and every parent learns how its strangers fell.

A stranger's group counts once, however many sales it has: a thousand sales of one new model say once how far a new
model falls from what its maker would suggest.

Strangers have a mean of their own (生客均值): forests that never read what tells a group apart, grown until sales of
groups left out stop gaining. They stand beside those of known groups in one forest, each tree behind a split that asks
whether the group is known.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.inference.encoding import AVERAGED, AVERAGED_COLUMNS
from models.inference.forest import Forest, empty_forest, sum_of
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_NESTED = 0.5  # share of a level's sales
_SHARE = 0.1  # of sales of groups never seen, where an explanation weighs both means
_KNOWN = 0.5  # between the logarithms of one and of two: what stands for no sale and for one
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


def group_count_column(codes: FloatArray, kinds: tuple[int, ...], nested: BoolArray) -> int:
    """Return the encoded column that counts the sales behind a row's group, -1 for none.

    Of the columns that say little but the group the coarsest: who is known by a finer one is known by it too.
    """
    widths = np.array([AVERAGED_COLUMNS if kind == AVERAGED else 1 for kind in kinds], dtype=np.int64)
    counts = np.cumsum(widths) - 1
    levels = {j: len(np.unique(codes[:, j])) for j, kind in enumerate(kinds) if kind == AVERAGED and nested[j]}
    return int(counts[min(levels, key=lambda j: levels[j])]) if levels else -1


def is_unseen(encoded: FloatArray, place: int) -> BoolArray:
    """Return which encoded rows are of no known group: no sale stands behind the level that tells groups apart.

    >>> is_unseen(np.array([[0.0], [0.7]]), 0).tolist()
    [True, False]
    """
    return np.zeros(len(encoded), dtype=np.bool_) if place < 0 else encoded[:, place] <= _KNOWN


def side_by_side(known: Forest, unseen: Forest, place: int) -> Forest:
    """Return one forest that answers as the first of rows of known groups, as the second of all others."""
    parts = [_behind(known, place, unseen=False), _behind(unseen, place, unseen=True)]
    parts = [part for part in parts if part.trees]
    return sum_of(parts) if parts else empty_forest(known.features)


def _behind(forest: Forest, place: int, *, unseen: bool) -> Forest:
    """Return a forest each of whose trees is asked on one side of a split only, and says nothing on the other."""
    if not forest.trees:
        return forest
    ends = np.append(forest.roots[1:], len(forest.left))
    tree = np.repeat(np.arange(forest.trees), ends - forest.roots)
    node = np.arange(len(tree)) + 2 * tree + 1  # a split before each tree, a leaf after it
    root, leaf = forest.roots + 2 * np.arange(forest.trees), ends + 2 * np.arange(forest.trees) + 1
    share = _SHARE if unseen else 1.0 - _SHARE
    cover = forest.cover[forest.roots]

    def spread(column: np.ndarray, at_root: object = 0, at_leaf: object = 0) -> np.ndarray:
        wider = np.empty(len(column) + 2 * forest.trees, dtype=column.dtype)
        wider[node], wider[root], wider[leaf] = column, at_root, at_leaf
        return wider

    first = root + 1
    return replace(
        forest,
        roots=root,
        split_feature=spread(forest.split_feature, place),
        threshold=spread(forest.threshold, _KNOWN),
        left=spread(node[forest.left], first if unseen else leaf, leaf),
        right=spread(node[forest.right], leaf if unseen else first, leaf),
        default_left=spread(forest.default_left),
        missing=spread(forest.missing),
        is_category=spread(forest.is_category),
        category_start=spread(forest.category_start),
        category_words=spread(forest.category_words),
        value=spread(forest.value),
        cover=spread(forest.cover * share, cover, cover * (1.0 - share)),
        depth=forest.depth + 1,
    )


def even_weights(weight: FloatArray, group: IntArray) -> FloatArray:
    """Return weights under which a group counts by the root of its sales.

    >>> even_weights(np.ones(4), np.array([1, 1, 1, 1])).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    sizes = np.bincount(group).astype(np.float64)
    return weight / np.sqrt(sizes[group])


def cluster_share(clusters: FloatArray) -> FloatArray:
    """Return how much groups left out weigh against those of a parent, by how many equally heavy ones there are."""
    return clusters / (clusters + _CLUSTERS)
