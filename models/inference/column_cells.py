"""Reads the cells of one column as numbers or texts, with errors that name the column (列取值).

The type of a column is that of most cells. Texts that are plain numbers are numbers; marks such as "-" are missing
values; other cells raise an error and are never read as missing.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Real
from types import NoneType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuation.numeric.columns import FloatArray

NOT_KNOWN = frozenset({"", "-", "--", "/", "nan", "none", "null", "na", "n/a", "#n/a", "<na>", "nat"})
"""Texts that mean not known in a column of numbers, in lower case."""

Cell = str | float | None
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_PADDED = re.compile(r"[+-]?0\d")
_SECONDS_A_DAY = 86400.0


def read_column(values: NDArray[Any], name: str, *, categorical: bool = False) -> NDArray[Any]:
    """Return a training column as float64, or as an object array of texts and None where it holds categories.

    Numbers padded with zeros ("0042") are texts: they are labels.

    Parameters
    ----------
    values
        Shape (n,).
    name
        What an error calls the column.
    categorical
        Whether the caller says that it holds categories: then any text makes it one of texts.

    Raises
    ------
    ValueError
        A cell is infinite, or a column of numbers holds a text that is none.
    TypeError
        A cell is neither a text, a number nor a day.

    """
    cells = _cells(values, name)
    if isinstance(cells, np.ndarray):
        return cells
    texts = {cell for cell in cells if isinstance(cell, str)}
    plain = {text for text in texts if _NUMBER.fullmatch(text.strip())}
    marks = {text for text in texts if text.strip().lower() in NOT_KNOWN}
    labels = categorical or any(_PADDED.match(text.strip()) for text in plain)
    count = sum(isinstance(cell, float) or cell in plain for cell in cells)
    others = sum(isinstance(cell, str) for cell in cells if cell not in plain and cell not in marks)
    if texts and (labels or others > count or (not count and texts != marks)):
        return np.array([cell if cell is None else label_text(cell) for cell in cells], dtype=object)
    return _numbers(cells, name, "; or name the column in categorical")


def read_numbers(values: NDArray[Any], name: str) -> FloatArray:
    """Return a column that is known to hold numbers, NaN where not known.

    >>> read_numbers(np.array(["12.5", "-", None], dtype=object), "km").tolist()
    [12.5, nan, nan]

    Raises
    ------
    ValueError
        A cell is infinite or a text that is no number.
    TypeError
        A cell is neither a text, a number nor a day.

    """
    cells = _cells(values, name)
    return cells if isinstance(cells, np.ndarray) else _numbers(cells, name, "")


def read_texts(values: NDArray[Any], name: str) -> NDArray[Any]:
    """Return a column that is known to hold texts as labels, None where not known."""
    cells = _cells(values, name)
    listed = [None if cell != cell else cell for cell in cells.tolist()] if isinstance(cells, np.ndarray) else cells  # noqa: PLR0124 - NaN differs from itself
    return np.array([cell if cell is None else label_text(cell) for cell in listed], dtype=object)


def label_text(value: object) -> str:
    """Return the text of a label; 1, 1.0 and "1" are one label.

    >>> [label_text(value) for value in (1, 1.0, "1", "1.0", 2.5, "LFP")]
    ['1', '1', '1', '1', '2.5', 'LFP']
    """
    text = str(value)
    whole, _, rest = text.partition(".")
    return whole if rest and not rest.strip("0") and whole.isdecimal() else text


def _cells(values: NDArray[Any], name: str) -> FloatArray | list[Cell]:
    """Return float64 where the array is numeric or of days, else a list of texts, numbers and None."""
    if values.dtype.kind in "fiub":
        return _finite(values.astype(np.float64), name)
    if values.dtype.kind == "M":
        return _days(values.astype("datetime64[s]"))
    if values.dtype.kind not in "OUST":
        raise TypeError(f"column {name} holds {values.dtype}; argument must be a string or a number")
    cells = values.tolist()
    return cells if set(map(type, cells)) <= {str, NoneType} else [_cell(value, name) for value in cells]


def _cell(value: object, name: str) -> Cell:
    if value is None or isinstance(value, str):
        return value
    if type(value).__name__ in {"NAType", "NaTType"}:  # pandas' own marks for not known; NaT is a datetime too
        return None
    if isinstance(value, (Real, Decimal)):
        number = float(value)
        return None if np.isnan(number) else number
    if isinstance(value, (date, np.datetime64)):
        utc = value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) and value.tzinfo else value
        return _days(np.array(utc, dtype="datetime64[s]")).item()
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"column {name} holds a cell of type {type(value).__name__}; argument must be a string or a number")


def _days(moments: NDArray[np.datetime64]) -> FloatArray:
    return np.where(np.isnat(moments), np.nan, moments.astype(np.float64) / _SECONDS_A_DAY)


def _numbers(cells: list[Cell], name: str, way_out: str) -> FloatArray:
    result = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        if isinstance(cell, str):
            text = cell.strip()
            if _NUMBER.fullmatch(text):
                result[row] = float(text)
            elif text.lower() not in NOT_KNOWN:
                raise ValueError(
                    f"column {name} holds numbers, but {cell!r} in row {row}; give a number, or nothing where it is "
                    f"not known{way_out}"
                )
        elif cell is not None:
            result[row] = cell
    return _finite(result, name)


def _finite(column: FloatArray, name: str) -> FloatArray:
    endless = np.flatnonzero(np.isinf(column))
    if len(endless):
        raise ValueError(f"column {name} contains infinity in row {endless[0]}; leave out what is not known")
    return column
