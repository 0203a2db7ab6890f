"""Exact path-dependent Shapley values of a forest (TreeSHAP, S. M. Lundberg et al., 2020).

The value of a leaf is shared among the features on its path. With z the share of training rows that pass a feature's
splits on the path, and o whether the row passes them, the feature's share is
``value * (o - z) * integral over t in [0, 1] of the product over the other features of (z (1 - t) + o t)``:
the Shapley weights are the moments of the uniform distribution. The integrand is a polynomial in t of the other
features' number, so Gauss-Legendre nodes of half that number are exact.

The compiled kernel and numpy do the same operations in the same order: eight leaves in parallel with separate sums,
which are added at the end.
"""

from __future__ import annotations

import numpy as np

from models.inference.explanation.native_shap import Explanation, explains
from models.inference.explanation.shap_paths import LANES, Group, read_paths
from models.inference.forest import Forest
from models.kernel.native_forest import NativeForest
from valuation.numeric.columns import BoolArray, FloatArray


class Attribution:
    """A forest prepared for explanation."""

    def __init__(self, forest: Forest, program: NativeForest | None = None) -> None:
        self.forest = forest
        program = forest.program if program is None else program
        splits = np.flatnonzero(forest.left != np.arange(len(forest.left)))
        self._paths = read_paths(forest, splits if program is None else program.splits[program.split_order])
        self.expected = self._paths.expected
        self._quadrature = [_gauss_legendre((group.places + 1) // 2) for group in self._paths.groups]
        self.explanation: Explanation | None = None
        """The paths as the kernel reads them; None without trees, or where numpy is to explain."""
        if program is not None and explains(program, self._paths):
            self.explanation = Explanation(program, self._paths, self._quadrature)

    @property
    def by_kernel(self) -> bool:
        """Whether the kernel is used; a forest without splits needs none."""
        return self.explanation is not None or not self._paths.groups

    def effects(self, matrix: FloatArray) -> FloatArray:
        """Return the contribution of each feature relative to ``expected``, shape (n, features)."""
        return self.effects_numpy(matrix) if self.explanation is None else self.explanation.effects(matrix)

    def effects_numpy(self, matrix: FloatArray) -> FloatArray:
        """Return the same with numpy alone."""
        effects = np.zeros((len(matrix), self.forest.features))
        if self._paths.groups:
            for row in range(len(matrix)):
                left = self.forest.decisions(matrix[row : row + 1], self._paths.splits)
                effects[row] = self._row(self._paths.passed(left)[0])
        return effects

    def _row(self, passed: BoolArray) -> FloatArray:
        shares = [
            _shares(group, passed, quadrature)
            for group, quadrature in zip(self._paths.groups, self._quadrature, strict=True)
        ]
        lane = np.arange(LANES)
        slots = np.concatenate([(group.feature * LANES + lane).ravel() for group in self._paths.groups])
        sums = np.bincount(slots, weights=np.concatenate(shares), minlength=LANES * self.forest.features)
        effects: FloatArray = np.cumsum(sums.reshape(-1, LANES), axis=1, dtype=np.float64)[:, -1]
        return effects


def _shares(group: Group, passed: BoolArray, quadrature: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Return each feature's share of its leaf's value, in the order of the group's cells."""
    gap = passed[group.test].astype(np.float64) - group.cover
    integral = np.zeros_like(gap)
    for node, weight in zip(quadrature[0].tolist(), quadrature[1].tolist(), strict=True):
        factor = group.cover + gap * node
        before = np.empty_like(factor)  # the product of the factors before each place, from there on back after it
        product = np.full_like(group.value, weight)
        for place in range(group.places):
            before[:, place] = product
            product = product * factor[:, place]
        after = np.ones_like(group.value)
        for place in range(group.places - 1, -1, -1):
            integral[:, place] += before[:, place] * after
            after = after * factor[:, place]
    share: FloatArray = gap * integral * group.value[:, np.newaxis, :]
    return share.ravel()


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
