"""Select and concatenate rows of tables that are frozen dataclasses of columns."""

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
    """Concatenate two tables."""
    below = _columns(lower)
    return type(upper)(**{name: np.concatenate([column, below[name]]) for name, column in _columns(upper).items()})


def _columns(table: object) -> dict[str, np.ndarray]:
    assert is_dataclass(table)  # noqa: S101 - programming error, never caused by data
    return {field.name: getattr(table, field.name) for field in fields(table)}
