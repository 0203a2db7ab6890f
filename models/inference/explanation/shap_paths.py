"""Paths from root to leaf of the trees of a forest, prepared for TreeSHAP.

A cell of a leaf stands for one feature on its path: the share of the training rows that pass the splits on the feature,
and the test that a row must pass there. Several splits on one feature are joined into one test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from models.inference.forest import Forest

LANES = 8  # leaves side by side, as in models/kernel/source/paths.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Leaves with the same number of features on their path, padded with leaves of value 0 to blocks of 8.

    Attributes
    ----------
    test, feature, cover
        Shape (blocks, places, 8): the test of each cell, its feature, and the share of training rows that pass it.
    value
        Shape (blocks, 8).

    """

    test: IntArray
    feature: IntArray
    cover: FloatArray
    value: FloatArray

    @property
    def places(self) -> int:
        """Number of features on each path."""
        return int(self.test.shape[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """All paths of a forest.

    Test i is going left at split i, test (number of splits + i) going right. Joined tests follow, each the conjunction
    of tests ``one`` and ``other`` with lower numbers; ``waves`` bounds groups of joined tests that are independent.
    """

    expected: float
    splits: IntArray
    one: IntArray
    other: IntArray
    waves: tuple[int, ...]
    groups: tuple[Group, ...]

    def passed(self, left: BoolArray) -> BoolArray:
        """Return which tests rows pass, from the splits at which they go left, shape (n, tests)."""
        passed = np.concatenate([left, ~left, np.empty((len(left), len(self.one)), dtype=np.bool_)], axis=1)
        offset = 2 * left.shape[1]
        for start, end in zip((0, *self.waves), self.waves, strict=False):
            passed[:, offset + start : offset + end] = passed[:, self.one[start:end]] & passed[:, self.other[start:end]]
        return passed


def read_paths(forest: Forest, splits: IntArray) -> Paths:
    """Return the paths of a forest.

    Parameters
    ----------
    forest
        The forest.
    splits
        All split nodes, in the order in which tests are numbered.

    """
    edges = _edges(forest, splits)
    first = np.flatnonzero(np.append(True, (np.diff(edges.leaf) != 0) | (np.diff(edges.feature) != 0)))
    first = first if len(edges.leaf) else first[:0]
    length = np.diff(np.append(first, len(edges.leaf)))
    test, cover = edges.test[first], edges.share[first]
    ones, others, waves = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], []
    offset = 2 * len(splits)
    for step in range(1, int(np.max(length, initial=0))):  # one more split on the same feature
        longer = np.flatnonzero(length > step)
        cover[longer] *= edges.share[first[longer] + step]
        pairs = np.stack([test[longer], edges.test[first[longer] + step]], axis=1)
        different, which = np.unique(pairs, axis=0, return_inverse=True)
        test[longer] = offset + which
        ones.append(different[:, 0])
        others.append(different[:, 1])
        offset += len(different)
        waves.append(offset - 2 * len(splits))
    leaf, feature = edges.leaf[first], edges.feature[first]
    return Paths(
        expected=_expected(forest),
        splits=splits,
        one=np.concatenate(ones),
        other=np.concatenate(others),
        waves=tuple(waves),
        groups=tuple(_groups(forest, leaf, feature, (test, cover))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edges:
    """All edges of all paths, sorted by leaf, feature and depth."""

    leaf: IntArray
    feature: IntArray
    test: IntArray
    share: FloatArray


def _edges(forest: Forest, splits: IntArray) -> _Edges:
    parent = np.full(len(forest.left), -1, dtype=np.int64)
    test = np.zeros(len(forest.left), dtype=np.int64)
    for side, children in enumerate((forest.left, forest.right)):
        parent[children[splits]] = splits
        test[children[splits]] = side * len(splits) + np.arange(len(splits))
    here = leaf = np.flatnonzero(forest.left == np.arange(len(forest.left)))
    parts: list[tuple[IntArray, IntArray, IntArray]] = []
    while np.any(parent[here] >= 0):
        climbs = parent[here] >= 0
        here, leaf = here[climbs], leaf[climbs]
        parts.append((leaf, here, np.full(len(leaf), -len(parts))))  # nearer to the root comes first
        here = parent[here]
    if not parts:
        none = np.zeros(0, dtype=np.int64)
        return _Edges(leaf=none, feature=none, test=none, share=np.zeros(0))
    leaf, node, height = (np.concatenate(part) for part in zip(*parts, strict=True))
    feature = forest.split_feature[parent[node]]
    order = np.lexsort((height, feature, leaf))
    leaf, node = leaf[order], node[order]
    return _Edges(
        leaf=leaf, feature=feature[order], test=test[node], share=forest.cover[node] / forest.cover[parent[node]]
    )


def _groups(forest: Forest, leaf: IntArray, feature: IntArray, cells: tuple[IntArray, FloatArray]) -> list[Group]:
    """Return the groups, fewest features first; cells are sorted by leaf."""
    leaves, start, places = np.unique(leaf, return_index=True, return_counts=True)
    test, cover = cells
    groups = []
    for size in np.unique(places).tolist():
        members = np.flatnonzero(places == size)
        cell = start[members][:, np.newaxis] + np.arange(size)
        groups.append(
            Group(
                test=_blocks(test[cell], 0),
                feature=_blocks(feature[cell], 0),
                cover=_blocks(cover[cell], 1.0),
                value=_blocks(forest.value[leaves[members]][:, np.newaxis], 0.0)[:, 0, :],
            )
        )
    return groups


def _blocks(cells: np.ndarray, filling: float) -> np.ndarray:
    """Return (leaves, places) as (blocks, places, 8)."""
    missing = -len(cells) % LANES
    filled = np.concatenate([cells, np.full((missing, cells.shape[1]), filling, dtype=cells.dtype)])
    return np.ascontiguousarray(filled.reshape(-1, LANES, cells.shape[1]).transpose(0, 2, 1))


def _expected(forest: Forest) -> float:
    """Return the mean prediction over the training rows."""
    tree = np.searchsorted(forest.roots, np.arange(len(forest.left)), side="right") - 1
    leaves = forest.left == np.arange(len(forest.left))
    parts = forest.value * (forest.cover / forest.cover[forest.roots[tree]]) if len(tree) else forest.value
    return float(np.cumsum(np.append(0.0, parts[leaves]))[-1])
