"""A trained forest as plain arrays, equal to LightGBM's own answer to the last bit.

The compiled kernel evaluates it where there is one for the machine, numpy elsewhere, with the same bits.

All rows descend all trees one level at a time until they reach leaves. Sums run in the order of the trees, as
LightGBM sums. The decisions are those of LightGBM's ``Tree::Decision`` (missing values, zero as missing, category
sets), documented at https://lightgbm.readthedocs.io (Advanced Topics: missing values, categorical features).
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.kernel.library import kernel
from models.kernel.native_forest import NativeForest, prepare
from models.kernel.trees import Trees
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

ZERO_THRESHOLD = float(np.float32(1e-35))  # LightGBM reads anything closer to zero as zero
MISSING_ZERO = 1
MISSING_NAN = 2
_CHUNK_CELLS = 1 << 20  # rows x trees walked at once: the working set stays inside a processor's cache


class _Prepared(Trees):
    """Cache of the prepared forest; it is no field, so it is not stored, copied or compared."""

    __slots__ = ("_program",)
    _program: NativeForest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest(_Prepared):
    """A forest of trees, evaluated by the compiled kernel or by numpy."""

    @property
    def program(self) -> NativeForest | None:
        """The forest prepared for the compiled kernel; None if numpy evaluates it."""
        try:
            return self._program
        except AttributeError:  # two threads may both prepare it: either result will do
            opened = kernel()
            program = None if opened is None or self.trees == 0 else prepare(self, opened)
            object.__setattr__(self, "_program", program)
            return program

    def predict(self, matrix: FloatArray) -> FloatArray:
        """Return the sum of the trees for each row, in tree order.

        Parameters
        ----------
        matrix
            Rows of encoded features, shape (n, features), NaN for missing.

        """
        program = self.program
        return self.predict_numpy(matrix) if program is None else program.predict(matrix)

    def predict_numpy(self, matrix: FloatArray) -> FloatArray:
        """Return the predictions computed with numpy alone."""
        rows = len(matrix)
        result = np.zeros(rows)
        if self.trees == 0:
            return result
        clean = np.where(np.abs(matrix) <= ZERO_THRESHOLD, 0.0, matrix)
        step = max(1, _CHUNK_CELLS // self.trees)
        for start in range(0, rows, step):
            leaves = self._leaves(clean[start : start + step])
            # cumsum adds strictly one after another; sum would add in pairs and differ in the last bit
            result[start : start + step] += np.cumsum(self.value[leaves], axis=0)[-1]
        return result

    def decisions(self, matrix: FloatArray, nodes: IntArray) -> BoolArray:
        """Return for each row whether it goes left at each of the given splits, shape (n, nodes)."""
        clean = np.where(np.abs(matrix) <= ZERO_THRESHOLD, 0.0, matrix)
        return self._goes_left(clean[:, self.split_feature[nodes]], nodes[np.newaxis, :])

    def _leaves(self, clean: FloatArray) -> IntArray:
        """Return the leaf each row reaches in each tree, shape (trees, rows)."""
        rows = np.arange(len(clean))[np.newaxis, :]
        node = np.repeat(self.roots[:, np.newaxis], len(clean), axis=1)
        for _ in range(self.depth):
            cell = clean[rows, self.split_feature[node]]
            node = np.where(self._goes_left(cell, node), self.left[node], self.right[node])
        return node

    def _goes_left(self, cell: FloatArray, node: IntArray) -> BoolArray:
        unknown = np.isnan(cell)
        missing = self.missing[node]
        number = np.where(unknown & (missing != MISSING_NAN), 0.0, cell)
        absent = (unknown & (missing == MISSING_NAN)) | ((number == 0.0) & (missing == MISSING_ZERO))
        goes_left: BoolArray = np.where(absent, self.default_left[node], number <= self.threshold[node])
        if len(self.category_bits):
            goes_left = np.where(self.is_category[node], self._in_set(cell, node), goes_left)
        return goes_left

    def _in_set(self, cell: FloatArray, node: IntArray) -> BoolArray:
        words = self.category_words[node]
        usable = (cell > -1.0) & (np.trunc(cell) < words * 32.0)  # NaN fails both
        code = np.where(usable, cell, 0.0).astype(np.int64)
        word = self.category_bits[np.where(usable, self.category_start[node] + code // 32, 0)]
        return usable & ((word >> (code % 32).astype(np.uint32)) & 1).astype(np.bool_)


def sum_of(forests: list[Forest]) -> Forest:
    """Return one forest that predicts the sum of several, with their trees in order.

    Parameters
    ----------
    forests
        At least one, each of at least one tree over the same columns.

    """
    nodes = np.cumsum([0, *(len(forest.value) for forest in forests)])
    words = np.cumsum([0, *(len(forest.category_bits) for forest in forests)])

    def gathered(name: str, moved_by: IntArray | None = None) -> NDArray[Any]:
        columns = [getattr(forest, name) for forest in forests]
        if moved_by is not None:
            columns = [column + by for column, by in zip(columns, moved_by.tolist(), strict=False)]
        return np.concatenate(columns)

    moved = {"roots": nodes, "left": nodes, "right": nodes, "category_start": words}
    names = [field.name for field in fields(Forest) if field.name not in {"depth", "features"}]
    return Forest(
        **{name: gathered(name, moved.get(name)) for name in names},
        depth=max(forest.depth for forest in forests),
        features=forests[0].features,
    )


def mean_of(forests: list[Forest]) -> Forest:
    """Return one forest that predicts the mean of several; see :func:`sum_of`."""
    together = sum_of(forests)
    return replace(together, value=together.value / len(forests))


def empty_forest(features: int) -> Forest:
    """Return a forest without trees, which predicts zero."""
    whole = np.zeros(0, dtype=np.int64)
    real = np.zeros(0)
    flag = np.zeros(0, dtype=np.bool_)
    return Forest(
        roots=whole,
        split_feature=whole,
        threshold=real,
        left=whole,
        right=whole,
        default_left=flag,
        missing=whole,
        is_category=flag,
        category_start=whole,
        category_words=whole,
        category_bits=np.zeros(0, dtype=np.uint32),
        value=real,
        cover=real,
        depth=0,
        features=features,
    )
