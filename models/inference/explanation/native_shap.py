"""TreeSHAP by the compiled kernel."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np

from models.kernel.layout import CONSTANTS, PathsLayout
from models.kernel.native_forest import NativeForest
from valuation.numeric.columns import FloatArray

if TYPE_CHECKING:
    from models.inference.explanation.shap_paths import Paths

_MOST_PLACES = CONSTANTS["PLACES"]
_LANES = CONSTANTS["LEAF_LANES"]
_MOST_COLUMNS = (1 << 16) // _LANES
_BRIEF_ROWS = 1


class Explanation:
    """The paths of a forest in the layout of the kernel; immutable."""

    def __init__(self, program: NativeForest, paths: Paths, quadrature: list[tuple[FloatArray, FloatArray]]) -> None:
        self._program = program
        groups = paths.groups
        order = program.split_order
        if not np.array_equal(program.splits[order], paths.splits):
            raise ValueError("the paths number their tests in another order than the kernel's")
        lane = np.arange(_LANES)
        parts = {
            "first_split": np.searchsorted(program.split_view[order], np.arange(program.views + 1)),
            "one": paths.one,
            "other": paths.other,
            "places": [group.places for group in groups],
            "blocks": [len(group.value) for group in groups],
            "points": [len(nodes) for nodes, _ in quadrature],
            "test": np.concatenate([group.test.ravel() for group in groups]),
        }
        self._parts = {name: np.ascontiguousarray(part, dtype=np.int32) for name, part in parts.items()}
        self._parts |= {
            "slot": np.concatenate([(group.feature * _LANES + lane).ravel() for group in groups]).astype(np.uint16),
            "split_code": program.split_code[order].astype(np.uint16),
            "cover": np.concatenate([group.cover.ravel() for group in groups]),
            "value": np.concatenate([group.value.ravel() for group in groups]),
            "node": np.concatenate([nodes for nodes, _ in quadrature]),
            "weight": np.concatenate([weights for _, weights in quadrature]),
        }
        self._layout = PathsLayout(
            columns=program.columns,
            splits=len(paths.splits),
            joined=len(paths.one),
            groups=len(groups),
            **{name: part.ctypes.data for name, part in self._parts.items()},
        )
        self.address = ctypes.addressof(self._layout)
        """Where the kernel finds it, as long as this object lives."""
        tests = 2 * len(paths.splits) + len(paths.one)
        self.room = 192 + 2 * program.views + tests + 8 * _LANES * program.columns
        """How many bytes of room an explanation takes."""

    def effects(self, matrix: FloatArray) -> FloatArray:
        """Return the contribution of each feature to each row, shape (n, features)."""
        rows, stride = self._program.rows(matrix)
        effects, room = np.empty((len(rows), self._program.columns)), np.empty(self.room, dtype=np.uint8)
        self._program.call(
            "explain", self.address, rows.ctypes.data, len(rows), stride, effects.ctypes.data,
            room.ctypes.data, gil_held=len(rows) <= _BRIEF_ROWS,
        )  # fmt: skip
        return effects


def explains(program: NativeForest, paths: Paths) -> bool:
    """Return whether the kernel supports paths of this size."""
    return bool(paths.groups) and paths.groups[-1].places <= _MOST_PLACES and program.columns <= _MOST_COLUMNS
