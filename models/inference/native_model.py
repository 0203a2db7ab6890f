"""A fitted model prepared for the compiled kernel, which prices rows in one call."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.inference.encoding import AVERAGED, RANKED
from models.inference.fitted_model import LINEAR_SHARE
from models.inference.linear import SIGNED_LOG, SQUARED_LOG
from models.kernel.layout import CONSTANTS, ModelLayout
from models.kernel.library import Kernel, kernel
from valuation.numeric.columns import FloatArray, IntArray
from valuation.numeric.exact_math import log

if TYPE_CHECKING:
    from models.inference.encoding import Encoder
    from models.inference.explanation.native_shap import Explanation
    from models.inference.fitted_model import FittedRegressor
    from models.kernel.native_forest import NativeForest

_BLOCK = CONSTANTS["BLOCK"]
_BRIEF_ROWS = 16
_CONSTANT = CONSTANTS["CONSTANT"]  # a column that does not come with the row
_WHOLE = ("kind", "first_level", "term_column", "term_form", "uses_log", "width_column")


def prepare_model(state: FittedRegressor) -> NativeModel | None:
    """Return the model prepared for the compiled kernel; None if numpy evaluates it, with the same bits."""
    opened = kernel()
    forests = state.mean.forest, state.width.forest
    if opened is None or any(forest.trees and forest.program is None for forest in forests):
        return None
    return NativeModel(opened, state, LINEAR_SHARE)


class NativeModel:
    """A fitted model in the layout of the kernel; immutable, so threads can share it."""

    def __init__(self, kernel: Kernel, state: FittedRegressor, linear_share: float) -> None:
        self._kernel = kernel
        mean, width = state.mean.forest.program, state.width.forest.program
        self._kept = mean, width
        parts = _encoder_parts(state.mean.encoder, state.latest_day if state.uses_time else None)
        parts |= _linear_parts(state) | {"width_column": state.width.columns}
        self._parts = {
            name: np.ascontiguousarray(part, dtype=np.int32 if name in _WHOLE else np.float64)
            for name, part in parts.items()
        }
        self._columns = len(state.vocabulary.names)
        encoded = len(state.mean.encoder.source)
        self._layout = ModelLayout(
            inputs=len(state.mean.encoder.kinds),
            encoded=encoded,
            terms=len(state.mean.linear.coefficient),
            width_columns=len(state.width.columns),
            reads_mean=int(state.width.reads_mean),
            logarithmic=int(state.scale.kind == "log"),
            mean_wide=int(mean is not None and mean.wide),
            width_wide=int(width is not None and width.wide),
            mean=0 if mean is None else mean.address,
            width=0 if width is None else width.address,
            intercept=state.mean.linear.intercept,
            linear_share=linear_share,
            mean_centre=state.centre,
            width_unit=state.width.unit,
            softening=state.scale.softening,
            base_share=state.base_share,
            **{name: part.ctypes.data for name, part in self._parts.items()},
        )
        self._address = ctypes.addressof(self._layout)
        self._row_numbers = encoded + len(state.width.columns) + 3
        self._fixed_numbers = 4 * encoded + 1 + max(_room(mean), _room(width)) // 8 + 8

    def price(
        self, codes: FloatArray, base: FloatArray | None, level: FloatArray, reach: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return point (n,) and quantiles (n, levels) in money.

        Parameters
        ----------
        codes
            Numbers and category codes, shape (n, columns).
        base
            Structural values, or None.
        level, reach
            Level shift of each row, shape (n,), and its standardised quantiles, shape (n, levels).

        """
        rows, stride = self._rows(codes)
        count, levels = reach.shape
        point, quantiles = np.empty(count), np.empty((count, levels))
        base = None if base is None else np.ascontiguousarray(base, dtype=np.float64)
        room = np.empty(min(count, _BLOCK) * self._row_numbers + self._fixed_numbers)
        function = (self._kernel.gil_held if count <= _BRIEF_ROWS else self._kernel.gil_released)["price"]
        function(
            self._address, rows.ctypes.data, count, stride, None if base is None else base.ctypes.data,
            level.ctypes.data, reach.ctypes.data, levels, point.ctypes.data, quantiles.ctypes.data, room.ctypes.data,
        )  # fmt: skip
        return point, quantiles

    def explain(
        self, codes: FloatArray, explanation: Explanation | None, source: IntArray, *, of_width: bool
    ) -> tuple[FloatArray, FloatArray]:
        """Return the contribution of each input column, shape (n, columns), and the total, shape (n,).

        Parameters
        ----------
        codes
            Numbers and category codes, shape (n, columns).
        explanation
            The forest's paths; None for a forest without trees.
        source
            The input column of each column of the forest; a higher number for one that is no input.
        of_width
            Whether the logarithm of the width is explained, or the mean before its correction.

        """
        rows, stride = self._rows(codes)
        effects, wholes = np.empty((len(rows), self._columns)), np.empty(len(rows))
        source = np.where(source < self._columns, source, -1).astype(np.int32)
        room = np.empty(self._row_numbers + self._fixed_numbers + (0 if explanation is None else explanation.room) // 8)
        self._kernel.gil_released["explain_model"](
            self._address, int(of_width), None if explanation is None else explanation.address, source.ctypes.data,
            self._columns, rows.ctypes.data, len(rows), stride, effects.ctypes.data, wholes.ctypes.data,
            room.ctypes.data,
        )  # fmt: skip
        return effects, wholes

    def _rows(self, codes: FloatArray) -> tuple[FloatArray, int]:
        if codes.shape[1] != self._columns:
            raise ValueError(f"the model reads {self._columns} columns, the rows have {codes.shape[1]}")
        if codes.strides[1] != 8 or codes.strides[0] % 8:
            codes = np.ascontiguousarray(codes)
        return codes, codes.strides[0] // 8


def _room(program: NativeForest | None) -> int:
    return 0 if program is None else program.room


def _encoder_parts(encoder: Encoder, latest_day: float | None) -> dict[str, Any]:
    """Return the arrays of the encoder; with a day, the last column is that constant."""
    kinds, fill = np.array(encoder.kinds, dtype=np.int64), encoder.fill.copy()
    for position, levels in enumerate(encoder.levels):
        if kinds[position] == AVERAGED:
            fill[position] = levels.prior
    if latest_day is not None:
        kinds[-1] = _CONSTANT
        fill[-1] = fill[-1] if np.isnan(latest_day) else latest_day
    return {
        "kind": kinds,
        "first_level": np.concatenate([[0], np.cumsum([len(levels.codes) for levels in encoder.levels])]),
        "fill": fill,
        "level_code": _joined([levels.codes for levels in encoder.levels]),
        "level_mean": _joined(
            [
                levels.rank if kind == RANKED else levels.mean
                for kind, levels in zip(encoder.kinds, encoder.levels, strict=True)
            ]
        ),
        "level_excess": _joined([levels.excess for levels in encoder.levels]),
        "level_count": _joined([log(1.0 + levels.count * 1.0) for levels in encoder.levels]),
    }


def _linear_parts(state: FittedRegressor) -> dict[str, Any]:
    linear = state.mean.linear
    logged = np.isin(linear.form, (SIGNED_LOG, SQUARED_LOG))
    return {
        "term_column": linear.column,
        "term_form": linear.form,
        "term_level": linear.level,
        "centre": linear.centre,
        "spread": linear.spread,
        "coefficient": linear.coefficient,
        "term_mean": linear.mean,
        "median": linear.median,
        "uses_log": np.bincount(linear.column[logged], minlength=len(state.mean.encoder.source)) > 0,
    }


def _joined(parts: list[NDArray[np.float64]]) -> FloatArray:
    return np.concatenate([np.zeros(0), *parts])
