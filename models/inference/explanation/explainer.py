"""Additive contributions of each column to the learned value and to the width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.inference.explanation.tree_shap import Attribution
from models.inference.fitted_model import LINEAR_SHARE, FittedRegressor
from models.inference.interval_table import IntervalTable
from models.inference.native_model import NativeModel
from valuation.numeric.columns import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Contributions to the learned value; base level plus effects is the learned value of each row.

    ``base_level`` (n,), ``effects`` (n, features); both on the scale of the learned value.
    """

    base_level: FloatArray
    effects: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedWidth(Explained):
    """Contributions to the logarithm of a band's width; base level plus effects is the logarithm.

    ``group`` (n,) is the part of the base level due to the row's group, or the nearest known parent, relative to all
    sales.
    """

    group: FloatArray


class Explainer:
    """Explains mean and width of a model; uses the compiled kernel if a program is given."""

    def __init__(
        self, state: FittedRegressor, interval_table: IntervalTable | None = None, program: NativeModel | None = None
    ) -> None:
        self.state = state
        self._interval_table = IntervalTable(state) if interval_table is None else interval_table
        self._mean = Attribution(state.mean.forest)
        self._width = Attribution(state.width.forest)
        fits = self._mean.by_kernel and self._width.by_kernel
        self._program = program if fits else None

    def mean(self, codes: FloatArray, labels: Sequence[str] | None) -> Explained:
        """Return the contribution of each input column to the learned value on the scale."""
        state = self.state
        source = state.mean.encoder.source
        if self._program is not None:
            by_column, raw = self._program.explain(codes, self._mean.explanation, source, of_width=False)
        else:
            encoded = state.encode(codes)
            effects = self._mean.effects(encoded)
            effects = effects + LINEAR_SHARE * state.mean.linear.effects(encoded, encoded.shape[1])
            by_column, raw = self._gather(effects, source), state.mean.predict(encoded)
        whole = raw + state.centre + self._interval_table.level[self._interval_table.places(codes, labels)]
        return Explained(base_level=_rest(whole, by_column), effects=by_column)

    def width(self, codes: FloatArray, labels: Sequence[str] | None) -> ExplainedWidth:
        """Return the contribution of each input column to the logarithm of the 90 % band's width on the scale."""
        state = self.state
        source = state.mean.encoder.source[state.width.columns]  # the mean's own effect stays in the base level
        if self._program is not None:
            by_column, raw = self._program.explain(codes, self._width.explanation, source, of_width=True)
        else:
            encoded = state.encode(codes)
            matrix = state.width.matrix(encoded, state.mean.predict(encoded))
            effects = self._width.effects(matrix) if state.width.forest.trees else np.zeros(matrix.shape)
            by_column, raw = self._gather(effects[:, : len(source)], source), state.width.forest.predict(matrix)
        span = self._interval_table.log_span[self._interval_table.places(codes, labels)]
        group = span - self._interval_table.log_span[0]  # the first group is all sales together
        return ExplainedWidth(base_level=_rest(span + raw, by_column), effects=by_column, group=group)

    def _gather(self, effects: FloatArray, source: IntArray) -> FloatArray:
        by_column = np.zeros((len(effects), len(self.state.vocabulary.names)))
        for position, column in enumerate(source.tolist()):
            if column < by_column.shape[1]:  # the day of sale is no input: what it adds stays in the base level
                by_column[:, column] += effects[:, position]
        return by_column


def _rest(whole: FloatArray, effects: FloatArray) -> FloatArray:
    """Return the base level: the total minus the effects, subtracted in order."""
    if effects.shape[1] == 0:
        return whole
    return whole - np.cumsum(effects, axis=1)[:, -1]
