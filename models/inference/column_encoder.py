"""Any table of assets read into one float64 matrix of numbers and category codes.

Numeric columns stay numbers; text columns become codes into a sorted vocabulary; a missing cell is NaN and a text never
met in training is :data:`NEVER_SEEN`. Frames of pandas and polars are recognised by what they offer, so neither is
imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation.errors import BundleMismatch
from valuation.numeric.columns import BoolArray, FloatArray

NEVER_SEEN = -2.0
_SECONDS_A_DAY = 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEncoder:
    """The columns a model knows: their names, which hold categories, and the texts behind the codes.

    Attributes
    ----------
    names
        Column names in order.
    categorical
        For each column whether it holds categories.
    texts
        For each column its texts in code order; empty for numbers and for categories that come as codes.

    """

    names: tuple[str, ...]
    categorical: tuple[bool, ...]
    texts: tuple[tuple[str, ...], ...]

    def codes(self, table: object) -> FloatArray:
        """Return the table as numbers and codes, shape (n, columns).

        Raises
        ------
        BundleMismatch
            The table has another number of columns.

        """
        if isinstance(table, np.ndarray) and table.dtype == np.float64 and not any(self.texts):
            return self.checked(table)
        columns = list(_columns(table))
        self._expect(len(columns))
        coded = [_code(column, texts) for column, texts in zip(columns, self.texts, strict=True)]
        return np.column_stack(coded) if coded else np.zeros((0, 0))

    def checked(self, codes: FloatArray) -> FloatArray:
        """Return numbers and codes as they are, once they are known to have as many columns.

        Raises
        ------
        BundleMismatch
            They have another number of columns.

        """
        self._expect(codes.shape[1])
        return codes

    def _expect(self, columns: int) -> None:
        if columns != len(self.names):
            raise BundleMismatch(
                f"the table has {columns} columns, the model was trained on {len(self.names)}",
                hint="give the columns the model was trained on, in their order",
            )


def fit_column_encoder(table: object, names: Sequence[str], categorical: Iterable[str | int] | None) -> ColumnEncoder:
    """Return the vocabulary of a training table; text columns are categories, others only if named.

    Parameters
    ----------
    table
        Matrix or frame.
    names
        Column names in order.
    categorical
        Names or positions of numeric columns that hold category codes.

    """
    chosen = set(categorical or ())
    texts: list[tuple[str, ...]] = []
    flags: list[bool] = []
    for position, (name, column) in enumerate(zip(names, _columns(table), strict=True)):
        is_text = column.dtype == object
        texts.append(tuple(sorted({value for value in column.tolist() if value is not None})) if is_text else ())
        flags.append(is_text or name in chosen or position in chosen)
    unknown = [name for name in chosen if name not in names and name not in range(len(names))]
    if unknown:
        raise ValueError(f"categorical names {unknown[0]!r}, which is no column of the table")
    return ColumnEncoder(names=tuple(names), categorical=tuple(flags), texts=tuple(texts))


def column_names(table: object) -> tuple[str, ...]:
    """Return a frame's column names, or x0, x1... for a matrix."""
    named = getattr(table, "columns", None)
    if named is not None:
        return tuple(str(name) for name in named)
    return tuple(f"x{position}" for position in range(np.asarray(table).shape[1]))


def _columns(table: object) -> Iterable[NDArray[Any]]:
    """Yield each column as float64, or as an object array of texts and None."""
    named = getattr(table, "columns", None)
    if named is not None:
        for name in named:
            yield _column(np.asarray(table[name]))  # type: ignore[index]  # a frame, pandas' or polars'
        return
    matrix = np.asarray(table)
    for position in range(matrix.shape[1]):
        yield _column(matrix[:, position])


def _column(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    if values.dtype.kind == "M":
        seconds = values.astype("datetime64[s]")
        return np.where(np.isnat(seconds), np.nan, seconds.astype(np.float64) / _SECONDS_A_DAY)
    if values.dtype.kind not in "OUST":
        raise TypeError(f"a column holds {values.dtype}; argument must be a string or a number")
    cells = values.tolist()
    if not set(map(type, cells)) <= {str, NoneType}:  # texts and None are cells already
        cells = [_cell(value) for value in cells]
    if any(isinstance(value, str) for value in cells):
        return np.array([value if value is None else str(value) for value in cells], dtype=object)
    return np.array([np.nan if value is None else value for value in cells], dtype=np.float64)


def _cell(value: object) -> str | float | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Real):
        number = float(value)
        return None if np.isnan(number) else number
    if type(value).__name__ in {"NAType", "NaTType"}:  # pandas' own marks for not known
        return None
    raise TypeError(f"a cell holds {type(value).__name__}; argument must be a string or a number")


def _code(column: NDArray[Any], texts: tuple[str, ...]) -> FloatArray:
    if not texts:
        if column.dtype == object:  # text where training had numbers: nothing of it is known
            return np.full(len(column), np.nan)
        return column
    codes = {text: float(code) for code, text in enumerate(texts)}
    cells = column.tolist()
    found = {cell: codes.get(str(cell), NEVER_SEEN) for cell in set(cells)}  # each text is looked up once
    found |= {cell: np.nan for cell in found if cell is None or cell != cell}  # noqa: PLR0124 - NaN differs from itself
    return np.array([found[cell] for cell in cells], dtype=np.float64)


def known_rows(codes: FloatArray) -> BoolArray:
    """Return which cells are known."""
    return ~np.isnan(codes)
