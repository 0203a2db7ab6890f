"""What each feature adds to a forest's answer, exactly: path-dependent Shapley values (S. M. Lundberg et al., 2020).

A leaf's value is shared among the features on its path. With z the share of training rows that a feature's splits on
the path let through and o whether the row passes them, the feature's share is
``value * (o - z) * integral over t in [0, 1] of the product over the other features of (z (1 - t) + o t)``:
the Shapley weights are the moments of the uniform distribution. The integrand is a polynomial in t of the other
features' number, so Gauss-Legendre nodes of half that number are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.forest import Forest
from valuation.columns import FloatArray, IntArray

_CHUNK_CELLS = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class _Paths:
    """Leaves with the same number of features on their path.

    ``value`` (leaves,); ``feature`` and ``cover`` (features on path, leaves); ``steps`` (places, leaves, longest run)
    index into the forest's tests, the last of which is always passed and pads the shorter runs.
    """

    value: FloatArray
    feature: IntArray
    cover: FloatArray
    steps: IntArray
    nodes: FloatArray
    weights: FloatArray


class Attribution:
    """A forest prepared for explanation."""

    def __init__(self, forest: Forest) -> None:
        self.forest = forest
        self._splits = np.flatnonzero(forest.left != np.arange(len(forest.left)))
        self.expected, paths = _walk(forest, self._splits)
        self._paths = [_bundle(group, 2 * len(self._splits)) for _, group in sorted(paths.items())]

    def effects(self, matrix: FloatArray) -> FloatArray:
        """Return how far each feature moves each row from ``expected``, shape (n, features)."""
        effects = np.zeros((len(matrix), self.forest.features))
        if not len(self._splits):
            return effects
        cells = sum(paths.cover.size * len(paths.nodes) for paths in self._paths)
        step = max(1, _CHUNK_CELLS // cells)
        for start in range(0, len(matrix), step):
            left = self.forest.decisions(matrix[start : start + step], self._splits)
            passed = np.concatenate([left, ~left, np.ones((len(left), 1), dtype=np.bool_)], axis=1)
            for row in range(len(left)):
                effects[start + row] = self._row(passed[row])
        return effects

    def _row(self, passed: np.ndarray) -> FloatArray:
        total = np.zeros(self.forest.features)
        for paths in self._paths:
            share = _shares(paths, passed)
            total += np.bincount(paths.feature.ravel(), weights=share.ravel(), minlength=len(total))
        return total


def _shares(paths: _Paths, passed: np.ndarray) -> FloatArray:
    """Return each path feature's part of its leaf's value, shape (places, leaves)."""
    satisfied = passed[paths.steps].all(axis=2).astype(np.float64)
    gap = satisfied - paths.cover
    integral = np.zeros_like(gap)
    for node, weight in zip(paths.nodes.tolist(), paths.weights.tolist(), strict=True):
        factor = paths.cover + gap * node
        product = factor[0].copy()
        for place in range(1, len(factor)):
            product *= factor[place]
        integral += weight * (product / factor)  # a factor is never zero: covers are positive and nodes inside (0, 1)
    return gap * integral * paths.value


def _walk(forest: Forest, splits: IntArray) -> tuple[float, dict[int, list[tuple[float, dict[int, list[float]]]]]]:
    """Return the expected answer and every leaf's path, gathered by its number of features."""
    place = {int(node): index for index, node in enumerate(splits)}
    expected, paths = 0.0, {}  # type: float, dict[int, list[tuple[float, dict[int, list[float]]]]]
    for root in forest.roots.tolist():
        stack: list[tuple[int, dict[int, list[float]]]] = [(root, {})]
        mass = 0.0
        while stack:
            node, path = stack.pop()
            if node not in place:
                value = float(forest.value[node])
                mass += value * (float(forest.cover[node]) / float(forest.cover[root]))
                if path:
                    paths.setdefault(len(path), []).append((value, path))
                continue
            feature, cover = int(forest.split_feature[node]), float(forest.cover[node])
            for child, test in (
                (int(forest.right[node]), place[node] + len(splits)),
                (int(forest.left[node]), place[node]),
            ):
                share, *tests = path.get(feature, [1.0])
                entry = [share * (float(forest.cover[child]) / cover), *tests, float(test)]
                stack.append((child, {**path, feature: entry}))
        expected += mass
    return expected, paths


def _bundle(group: list[tuple[float, dict[int, list[float]]]], always: int) -> _Paths:
    places = len(group[0][1])
    longest = max(len(entry) - 1 for _, path in group for entry in path.values())
    steps = np.full((places, len(group), longest), always, dtype=np.int64)
    feature = np.empty((places, len(group)), dtype=np.int64)
    cover = np.empty((places, len(group)))
    for leaf, (_, path) in enumerate(group):
        for position, (name, (share, *tests)) in enumerate(path.items()):
            feature[position, leaf], cover[position, leaf] = name, share
            steps[position, leaf, : len(tests)] = [int(test) for test in tests]
    nodes, weights = _gauss_legendre((places + 1) // 2)
    return _Paths(
        value=np.array([value for value, _ in group]),
        feature=feature,
        cover=cover,
        steps=steps,
        nodes=nodes,
        weights=weights,
    )


def _gauss_legendre(count: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on [0, 1], with the same bits on every machine.

    >>> _gauss_legendre(2)[0].round(9).tolist()
    [0.788675135, 0.211324865]
    """
    start = np.cos(np.pi * (np.arange(count) + 0.75) / (count + 0.5))
    root = np.round(start, 6)  # what a library's cosine may differ in is rounded away; Newton does the rest
    slope = np.ones(count)
    for _ in range(8):
        before, here = np.ones(count), root
        for degree in range(2, count + 1):
            before, here = here, ((2 * degree - 1) * root * here - (degree - 1) * before) / degree
        slope = count * (root * here - before) / (root * root - 1.0)
        root = root - here / slope
    return (root + 1.0) / 2.0, 1.0 / ((1.0 - root * root) * slope * slope)
