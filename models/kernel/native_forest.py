"""A forest prepared for the compiled kernel, and its evaluation."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.kernel.layout import FOREST_ARRAYS, STEP, ForestLayout
from models.kernel.library import Kernel
from models.kernel.threshold_ranks import read_numbers, read_sets
from models.kernel.tree_structure import Shape, read_shape
from valuation.numeric.columns import FloatArray, IntArray

if TYPE_CHECKING:
    from models.kernel.trees import Trees

NARROW, WIDE = np.uint8, np.uint16
_BRIEF_ROWS = 64


class NativeForest:
    """A forest in the layout of the kernel; immutable, so threads can share it."""

    def __init__(self, kernel: Kernel, forest: Trees, shape: Shape, parts: dict[str, NDArray[Any]]) -> None:
        self._kernel = kernel
        self.columns = forest.features
        """How many columns a row has at least."""
        self.splits, self.split_view, self.split_code = shape.splits, parts["split_view"], parts["split_code"]
        """Of each split its node in the forest, the view it reads and the code it compares with."""
        # kept, because the layout holds only addresses
        self._parts = {name: np.ascontiguousarray(parts[name]) for name in FOREST_ARRAYS}
        sets = len(parts["set_column"])
        self.views = max(len(parts["missing"]) + sets, 1)
        self.wide = parts["nodes"].dtype == WIDE
        """Whether codes take two bytes; blending needs codes of one."""
        self._layout = ForestLayout(
            trees=forest.trees,
            features=len(parts["column"]),
            views=self.views,
            sets=sets,
            **{name: array.ctypes.data for name, array in self._parts.items()},
        )
        self.address = ctypes.addressof(self._layout)
        """Where the kernel finds it, as long as this object lives."""
        self.room = int(kernel.gil_held["room"](self.address, int(self.wide)))
        """How many bytes of room an evaluation takes."""

    @property
    def split_order(self) -> IntArray:
        """The splits sorted by view and code, the order of tests in the kernel."""
        return np.lexsort((self.split_code, self.split_view))

    def predict(self, matrix: FloatArray) -> FloatArray:
        """Return the sum of the trees for each row, in tree order.

        Raises
        ------
        ValueError
            The rows have fewer columns than the forest reads.

        """
        rows, stride = self.rows(matrix)
        sums, room = np.empty(len(rows)), np.empty(self.room, dtype=np.uint8)
        place = rows.ctypes.data, len(rows), stride, sums.ctypes.data, room.ctypes.data
        self.call("predict", *place, gil_held=len(rows) <= _BRIEF_ROWS)
        return sums

    def rows(self, matrix: FloatArray) -> tuple[FloatArray, int]:
        """Return the rows in the layout of the kernel, and their stride.

        Raises
        ------
        ValueError
            The rows have fewer columns than the forest reads.

        """
        if matrix.shape[1] < self.columns:
            raise ValueError(f"the forest reads {self.columns} columns, the rows have {matrix.shape[1]}")
        if matrix.dtype != np.float64 or matrix.strides[1] != 8 or matrix.strides[0] % 8:
            matrix = np.ascontiguousarray(matrix, dtype=np.float64)
        return matrix, matrix.strides[0] // 8

    def call(self, name: str, *arguments: int, gil_held: bool) -> None:
        """Call a function of the kernel with this forest; a brief call keeps the GIL."""
        functions = self._kernel.gil_held if gil_held else self._kernel.gil_released
        functions[name](self.address, int(self.wide), *arguments)


def prepare(forest: Trees, kernel: Kernel) -> NativeForest | None:
    """Return the forest prepared for the kernel, None if the kernel does not support its size or layout."""
    shape = read_shape(forest)
    if shape is None:
        return None
    numbers, sets = read_numbers(forest, shape.splits), read_sets(forest, shape.splits)
    kind = _width(shape.most_leaves, numbers.most, max(numbers.views + sets.views, 1))
    if kind is None:
        return None
    view, code = numbers.view, numbers.code
    view[sets.places], code[sets.places] = numbers.views + sets.view, 0
    nodes = shape.nodes(view, code, kind)
    steps = np.zeros(len(nodes), dtype=STEP)
    parts = numbers.parts(int(np.iinfo(kind).max)) | sets.parts() | shape.parts(forest)
    tree = parts["tree"]
    if kind is NARROW:
        done = kernel.gil_held["prepare"](nodes.ctypes.data, tree.ctypes.data, forest.trees, steps.ctypes.data)
        kind = NARROW if done else None
    parts |= {"nodes": nodes, "steps": steps, "split_view": view, "split_code": code}
    return None if kind is None else NativeForest(kernel, forest, shape, parts)


def _width(leaves: int, thresholds: int, views: int) -> type[np.uint8 | np.uint16] | None:
    """Return the narrowest integer type for these numbers."""
    for kind in (NARROW, WIDE):
        codes = int(np.iinfo(kind).max) + 1
        if leaves <= codes // 2 and thresholds <= codes - 2 and views <= codes:
            return kind
    return None
