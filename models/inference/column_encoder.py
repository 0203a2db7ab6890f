"""Reads a table of assets into one float64 matrix of numbers and category codes.

Numbers stay numbers, texts become codes into a sorted vocabulary (:mod:`models.inference.column_cells` says which is
which); a missing cell is NaN and a text never met in training is :data:`NEVER_SEEN`. Frames of pandas and polars are
recognised by what they offer, so neither is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.inference.column_cells import label_text, read_column, read_numbers, read_texts
from valuation.errors import BundleMismatch
from valuation.numeric.columns import FloatArray

NEVER_SEEN = -2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEncoder:
    """The columns of a model: names, which hold categories, and the texts of the codes.

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
        ValueError
            A cell of a column of numbers is a text that is none, or infinite.

        """
        if isinstance(table, np.ndarray) and table.dtype == np.float64 and not any(self.texts):
            return self.checked(table)
        columns = list(_columns(table))
        self._expect(len(columns))
        coded = [
            _code(column, texts, name) for column, texts, name in zip(columns, self.texts, self.names, strict=True)
        ]
        return np.column_stack(coded) if coded else np.zeros((0, 0))

    def checked(self, codes: FloatArray) -> FloatArray:
        """Return numbers and codes after checking the number of columns.

        Raises
        ------
        BundleMismatch
            They have another number of columns.

        """
        self._expect(codes.shape[1])
        return codes

    def expect_names(self, given: Sequence[str]) -> None:
        """Check that a frame has the columns of the training, in their order; a matrix in training had no names.

        Raises
        ------
        ValueError
            A column is missing or new, or they stand in another order.

        """
        if self.names == tuple(f"x{position}" for position in range(len(self.names))):
            return
        for said, here, there in (("lacks", self.names, given), ("has the unknown", given, self.names)):
            odd = sorted(set(here) - set(there))
            if odd:
                raise ValueError(f"the table {said} column {', '.join(odd)}; give the columns of the training")
        if tuple(given) != self.names:
            raise ValueError(f"the columns must be in the order of the training: {', '.join(self.names)}")

    def _expect(self, columns: int) -> None:
        if columns != len(self.names):
            raise BundleMismatch("model.column_count", columns=columns, expected=len(self.names))


def fit_column_encoder(table: object, names: Sequence[str], categorical: Iterable[str | int] | None) -> ColumnEncoder:
    """Return the vocabulary of a training table; texts and category types are categories, others only if named.

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
    declared = _declared(table)
    texts: list[tuple[str, ...]] = []
    flags: list[bool] = []
    for position, (name, values) in enumerate(zip(names, _columns(table), strict=True)):
        named = name in chosen or position in chosen or position in declared
        column = read_column(values, name, categorical=named)
        is_text = column.dtype == object
        texts.append(tuple(sorted({value for value in column.tolist() if value is not None})) if is_text else ())
        flags.append(is_text or named)
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
    """Yield the values of each column."""
    named = getattr(table, "columns", None)
    if named is not None:
        for name in named:
            yield np.asarray(table[name])  # type: ignore[index]  # a frame, pandas' or polars'
        return
    yield from np.asarray(table).T


def _declared(table: object) -> set[int]:
    """Return the positions of a frame's columns of a category type, pandas' or polars'."""
    types = [str(getattr(table[name], "dtype", "")) for name in getattr(table, "columns", ())]  # type: ignore[index]
    return {
        position for position, name in enumerate(types) if name.lower().startswith(("category", "categorical", "enum"))
    }


def _code(values: NDArray[Any], texts: tuple[str, ...], name: str) -> FloatArray:
    if not texts:
        return read_numbers(values, name)
    codes = {label_text(text): float(code) for code, text in enumerate(texts)}
    cells = read_texts(values, name).tolist()
    found = {cell: np.nan if cell is None else codes.get(cell, NEVER_SEEN) for cell in set(cells)}  # once for each text
    return np.array([found[cell] for cell in cells], dtype=np.float64)
