"""Columns with one row per pack, NaN for unknown, and reductions of event columns to one value per pack.

Everything between ingest and answer works on columns, so that one pack, a lot and a fleet use the same functions. Each
reduction uses the events of one pack in order, so a pack's result does not depend on the rest of the batch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
Columns: TypeAlias = Mapping[str, FloatArray]

UNKNOWN = float("nan")
_BEGINNING = np.zeros(1, dtype=np.int64)
_NOWHERE = np.full(1, -1, dtype=np.int64)


class ColumnMatrix(Mapping[str, FloatArray]):
    """Columns stored as the rows of one matrix, so that entries are selected from all of them at once.

    >>> stacked = ColumnMatrix({"a": 0, "b": 1}, np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> stacked["b"].tolist(), stacked.take(np.array([1]))["a"].tolist()
    ([3.0, 4.0], [2.0])
    """

    __slots__ = ("_place", "matrix")

    def __init__(self, place: Mapping[str, int], matrix: FloatArray) -> None:
        self._place = place
        self.matrix = matrix

    def __getitem__(self, name: str) -> FloatArray:
        """Return a column."""
        column: FloatArray = self.matrix[self._place[name]]
        return column

    def __iter__(self) -> Iterator[str]:
        """Return the names of the columns."""
        return iter(self._place)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._place)

    def take(self, index: IntArray) -> ColumnMatrix:
        """Return these entries of every column, in this order."""
        return ColumnMatrix(self._place, self.matrix[:, index])


class ColumnView(Mapping[str, FloatArray]):
    """Selected entries of other columns; each column is computed on first access.

    >>> picked = ColumnView({"a": np.array([1.0, 2.0])}, np.array([1]))
    >>> picked["a"].tolist(), take(picked, np.array([0, 0]))["a"].tolist()
    ([2.0], [2.0, 2.0])
    """

    __slots__ = ("_columns", "_index", "_made")

    def __init__(self, columns: Columns, index: IntArray) -> None:
        self._columns, self._index = columns, index
        self._made: dict[str, FloatArray] = {}

    def __getitem__(self, name: str) -> FloatArray:
        """Return a column."""
        if name not in self._made:
            column = self._columns[name]
            constant = column.strides == (0,) and len(column) > 0  # a constant column stays without memory per row
            self._made[name] = np.broadcast_to(column[0], len(self._index)) if constant else column[self._index]
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of the columns."""
        return iter(self._columns)

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self._columns)

    def take(self, index: IntArray) -> ColumnView:
        """Return these entries of every column, in this order."""
        return ColumnView(self._columns, self._index[index])


def take(columns: Columns, index: IntArray) -> Columns:
    """Return these entries of every column, in this order."""
    return columns.take(index) if isinstance(columns, ColumnMatrix | ColumnView) else ColumnView(columns, index)


def unknown(rows: int) -> FloatArray:
    """Return a column of NaN."""
    column = np.empty(rows)  # several times faster than np.full, and used everywhere
    column.fill(np.nan)
    return column


def coalesce(*columns: FloatArray) -> FloatArray:
    """Return, row by row, the first known value of the columns.

    >>> coalesce(np.array([np.nan, 1.0]), np.array([2.0, 3.0])).tolist()
    [2.0, 1.0]
    """
    result = columns[0]
    for column in columns[1:]:
        missing = (result != result).nonzero()[0]  # noqa: PLR0124 - NaN differs from itself
        if not len(missing):
            return result
        result = result.copy()
        result[missing] = column[missing]
    return result


def chosen(where: BoolArray, values: FloatArray) -> FloatArray:
    """Return the values where the condition is true, NaN elsewhere.

    >>> chosen(np.array([True, False]), np.array([1.0, 2.0])).tolist()
    [1.0, nan]
    """
    places = where.nonzero()[0]  # three times faster than np.where
    result = unknown(len(where))
    result[places] = values[places]
    return result


def known_places(values: FloatArray) -> IntArray:
    """Return the positions of the known values of a column.

    >>> known_places(np.array([np.nan, 2.0])).tolist()
    [1]
    """
    places: IntArray = (values == values).nonzero()[0]  # noqa: PLR0124 - as above
    return places


def successive(row: IntArray, places: IntArray) -> tuple[IntArray, IntArray]:
    """Return the positions of events that follow another of the same pack, and of their predecessors.

    >>> successive(np.array([0, 0, 0, 1]), np.array([0, 2, 3]))
    (array([2]), array([0]))
    """
    of = row[places]
    follows = (of[1:] == of[:-1]).nonzero()[0]
    return places[1:][follows], places[:-1][follows]


def count(row: IntArray, where: BoolArray, rows: int) -> FloatArray:
    """Return the number of events of each pack that satisfy the condition.

    >>> count(np.array([0, 0, 2]), np.array([True, False, True]), 3).tolist()
    [1.0, 0.0, 1.0]
    """
    return np.bincount(row[where.nonzero()[0]], minlength=rows).astype(np.float64)


def total(row: IntArray, values: FloatArray, rows: int) -> FloatArray:
    """Return the sum of the known values of each pack, zero if none is known.

    >>> total(np.array([0, 0, 2]), np.array([1.0, np.nan, 2.0]), 3).tolist()
    [1.0, 0.0, 2.0]
    """
    known = known_places(values)
    return np.bincount(row[known], weights=values[known], minlength=rows).astype(np.float64)


def last(row: IntArray, values: FloatArray, rows: int) -> FloatArray:
    """Return the last known value of each pack; events must be in order of time.

    >>> last(np.array([0, 0, 0]), np.array([1.0, 2.0, np.nan]), 2).tolist()
    [2.0, nan]
    """
    known = known_places(values)
    result = unknown(rows)
    result[row[known]] = values[known]  # later assignments win, as the rows are in order
    return result


def first(row: IntArray, values: FloatArray, rows: int) -> FloatArray:
    """Return the first known value of each pack; events must be in order of time.

    >>> first(np.array([0, 0, 0]), np.array([np.nan, 2.0, 3.0]), 2).tolist()
    [2.0, nan]
    """
    known = known_places(values)[::-1]
    result = unknown(rows)
    result[row[known]] = values[known]
    return result


def highest(row: IntArray, values: FloatArray, rows: int) -> FloatArray:
    """Return the highest known value of each pack; the events of a pack must be adjacent.

    >>> highest(np.array([0, 0]), np.array([1.0, 2.0]), 2).tolist()
    [2.0, nan]
    """
    result = unknown(rows)
    known = known_places(values)
    if len(known):
        of, known_values = row[known], values[known]
        begins = np.concatenate([_BEGINNING, np.flatnonzero(of[1:] != of[:-1]) + 1])
        result[of[begins]] = np.maximum.reduceat(known_values + 0.0, begins)  # + 0.0 turns minus zero into zero
        result[result == -np.inf] = np.nan
    return result


def lowest(row: IntArray, values: FloatArray, rows: int) -> FloatArray:
    """Return the lowest known value of each pack; the events of a pack must be adjacent.

    >>> lowest(np.array([0, 0]), np.array([1.0, 2.0]), 2).tolist()
    [1.0, nan]
    """
    return 0.0 - highest(row, -values, rows)


def previous(row: IntArray, values: FloatArray) -> FloatArray:
    """Return, for each event, the last value known before it in the same pack.

    >>> previous(np.array([0, 0, 0, 1]), np.array([5.0, np.nan, 7.0, 9.0])).tolist()
    [nan, 5.0, 5.0, nan]
    """
    events = len(values)
    if not events:
        return unknown(0)
    latest = np.maximum.accumulate(np.where(values == values, np.arange(events), -1))  # noqa: PLR0124 - as above
    before = np.concatenate([_NOWHERE, latest[:-1]])
    usable = (before >= 0) & (row[before] == row)
    return np.where(usable, values[before], np.nan)
