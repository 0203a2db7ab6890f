"""Tables held as frozen dataclasses of columns: stacked below one another, or cut to rows."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TypeVar

import numpy as np

from valuation.numeric.columns import IntArray

_Table = TypeVar("_Table")


def take(table: _Table, rows: IntArray) -> _Table:
    """Return the given rows of a table, in that order."""
    return type(table)(**{name: column[rows] for name, column in _columns(table).items()})


def stack(upper: _Table, lower: _Table) -> _Table:
    """Return the rows of both tables, one after the other."""
    below = _columns(lower)
    return type(upper)(**{name: np.concatenate([column, below[name]]) for name, column in _columns(upper).items()})


def _columns(table: object) -> dict[str, np.ndarray]:
    assert is_dataclass(table)  # noqa: S101 - a slip of ours, never of the data
    return {field.name: getattr(table, field.name) for field in fields(table)}
