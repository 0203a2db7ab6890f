"""Predictions for groups that are not in the training set, learned by leaving out whole groups.

A left-out group counts by the square root of its sales, since sales of one new model have correlated errors.

Unseen groups have a mean of their own (未见组均值): forests without the features that identify a group, with early
stopping on left-out groups. Both means are joined in one forest, where the first split of each tree tests whether the
group is known.
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
_CLUSTERS = 10.0  # left-out groups at which own quantiles weigh as much as those of the parent


def nested_columns(codes: FloatArray, categorical: tuple[bool, ...], group: IntArray) -> tuple[bool, ...]:
    """Return which columns identify the group: most of their levels occur in one group only.

    >>> nested_columns(np.array([[0.0, 5.0], [0.0, 6.0], [1.0, 5.0], [1.0, 6.0]]), (True, True), np.array([0, 0, 1, 1]))
    (True, False)
    """
    return tuple(flag and _own_share(codes[:, column], group) > _NESTED for column, flag in enumerate(categorical))


def _own_share(column: FloatArray, group: IntArray) -> float:
    """Return the average share of a level's sales that belong to the same group."""
    known = ~np.isnan(column)
    if not np.any(known):
        return 0.0
    _, level = np.unique(column[known], return_inverse=True)
    _, cell, sizes = np.unique(level * (int(np.max(group)) + 1) + group[known], return_inverse=True, return_counts=True)
    return float(np.sum(sizes[cell] / np.bincount(level)[level])) / len(column)


def group_count_column(codes: FloatArray, kinds: tuple[int, ...], nested: BoolArray) -> int:
    """Return the encoded column with the number of sales of a row's group, -1 for none.

    It is the coarsest of the columns that identify the group.
    """
    widths = np.array([AVERAGED_COLUMNS if kind == AVERAGED else 1 for kind in kinds], dtype=np.int64)
    counts = np.cumsum(widths) - 1
    levels = {j: len(np.unique(codes[:, j])) for j, kind in enumerate(kinds) if kind == AVERAGED and nested[j]}
    return int(counts[min(levels, key=lambda j: levels[j])]) if levels else -1


def is_unseen(encoded: FloatArray, place: int) -> BoolArray:
    """Return which encoded rows belong to no known group: the count of their group is zero.

    >>> is_unseen(np.array([[0.0], [0.7]]), 0).tolist()
    [True, False]
    """
    return np.zeros(len(encoded), dtype=np.bool_) if place < 0 else encoded[:, place] <= _KNOWN


def side_by_side(known: Forest, unseen: Forest, place: int) -> Forest:
    """Return one forest that predicts like the first for known groups and like the second for unseen ones."""
    parts = [_behind(known, place, unseen=False), _behind(unseen, place, unseen=True)]
    parts = [part for part in parts if part.trees]
    return sum_of(parts) if parts else empty_forest(known.features)


def _behind(forest: Forest, place: int, *, unseen: bool) -> Forest:
    """Return a forest whose trees apply to one side of a new root split and predict zero on the other."""
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
    """Return weights with which a group counts by the square root of its sales.

    >>> even_weights(np.ones(4), np.array([1, 1, 1, 1])).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    sizes = np.bincount(group).astype(np.float64)
    return weight / np.sqrt(sizes[group])


def cluster_share(clusters: FloatArray) -> FloatArray:
    """Return the weight of own left-out groups against those of the parent, from their effective number."""
    return clusters / (clusters + _CLUSTERS)
