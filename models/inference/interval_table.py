"""Level shifts and quantiles of all groups, computed once and looked up by row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.inference.fitted_model import FittedRegressor, group_labels
from models.inference.group_tree import SEPARATOR
from valuation.numeric.columns import FloatArray, IntArray
from valuation.numeric.exact_math import log

_WIDTH_LEVEL = 0.9
_MOST_LEVELS = 32  # different sets of levels that are kept


class IntervalTable:
    """Level shifts and quantiles of the groups of a model.

    The place of a row is the code of its group. For an unseen group it is the code of the nearest known parent plus the
    number of groups.
    """

    def __init__(self, state: FittedRegressor) -> None:
        self._state = state
        self._codes = {name: code for code, name in enumerate(state.groups.names)}
        self._groups = len(state.groups.names)
        group, known = np.tile(np.arange(self._groups), 2), np.arange(2 * self._groups) < self._groups
        self._all = group, known
        self.level: FloatArray = state.band.level(group, known)
        """Level shift of each place."""
        self._reaches: dict[tuple[float, ...], FloatArray] = {}
        high, low = (state.band.read(group, known, 0.5 + sign * _WIDTH_LEVEL / 2.0) for sign in (1.0, -1.0))
        self.log_span: FloatArray = log(np.maximum((high - low) * state.width.unit, 1e-300))
        """Logarithm of the 90 % band's width of each place, on the scale, without the width of the row."""

    def places(self, codes: FloatArray, labels: Sequence[str] | None) -> IntArray:
        """Return each row's place; without labels the group is that of the novelty column, else the pool."""
        if labels is None:
            column = self._state.novelty_column
            if column < 0:
                return np.zeros(len(codes), dtype=np.int64)
            labels = group_labels(codes[:, column], self._state.vocabulary.texts[column])
        known = self._codes
        return np.array([known[label] if label in known else self._nearest(label) for label in labels], dtype=np.int64)

    def reach(self, levels: tuple[float, ...]) -> FloatArray:
        """Return per place the standardised quantiles at these levels, shape (places, levels)."""
        found = self._reaches.get(levels)
        if found is None:
            columns = [self._state.band.read(*self._all, level) for level in levels]
            found = np.column_stack(columns) if columns else np.zeros((2 * self._groups, 0))
            if len(self._reaches) < _MOST_LEVELS:
                self._reaches[levels] = found
        return found

    def groups(self, places: IntArray) -> tuple[IntArray, list[bool]]:
        """Return each place's group and whether it is the row's own."""
        return places % self._groups, (places < self._groups).tolist()

    def _nearest(self, label: str) -> int:
        while label not in self._codes:
            label = label.rpartition(SEPARATOR)[0]
        return self._codes[label] + self._groups
