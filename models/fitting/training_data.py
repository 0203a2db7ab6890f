"""The training set in columns, in a canonical order, so that a fit does not depend on the order of the sales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.fitting.lot_allocation import Lots, merged
from models.inference.column_cells import label_text, read_numbers
from models.inference.group_tree import SEPARATOR
from valuation.numeric.columns import FloatArray, IntArray

_LAST_DAY = 47_482.0  # 2100-01-01
_FIRST_YEAR, _LAST_YEAR = 1970.0, 2100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The training set in columns.

    Attributes
    ----------
    codes
        Numbers and category codes, the day of sale last where time is used.
    categorical
        Which of these columns are categories.
    target
        Price minus structural value, on the scale.
    weight, day
        Weight and day (NaN) of each sale.
    packs
        A code for each pack or lot, whose sales stay in one fold, or None.
    labels
        Group label of each sale, or None.
    structural
        The part of the structural value that was subtracted from the price, on the scale.
    lots
        The lots, or None.

    """

    codes: FloatArray
    categorical: tuple[bool, ...]
    target: FloatArray
    weight: FloatArray
    day: FloatArray
    packs: IntArray | None
    labels: list[str] | None
    structural: FloatArray
    lots: Lots | None = None


def in_order(ledger: TrainingData) -> TrainingData:
    """Return the training set without sales of zero weight, equal sales merged, in canonical order.

    A sale listed twice counts as one with double weight, so that its copies never stand in two folds.
    """
    codes, group = np.unique(ledger.labels, return_inverse=True) if ledger.labels else (np.zeros(0), None)
    extra = [
        ledger.target,
        ledger.structural,
        ledger.day,
        *(part for part in (ledger.packs, group) if part is not None),
    ]
    key = _row_keys(np.column_stack([ledger.codes, *(np.asarray(part, dtype=np.float64) for part in extra)]))
    used = np.flatnonzero(ledger.weight > 0.0)
    if len(used) == 0:
        raise ValueError("sample_weight is zero for every sale")
    _, first, member = np.unique(key[used], return_index=True, return_inverse=True)
    weight = np.bincount(member, weights=ledger.weight[used])
    rows = used[first]
    return replace(
        ledger,
        codes=ledger.codes[rows],
        target=ledger.target[rows],
        weight=weight / np.mean(weight),
        day=ledger.day[rows],
        structural=ledger.structural[rows],
        lots=None if ledger.lots is None else merged(ledger.lots, rows, member, used),
        packs=None if ledger.packs is None or len(np.unique(ledger.packs[rows])) < 2 else ledger.packs[rows],
        labels=None if group is None else codes[group[rows]].tolist(),
    )


def days(time: ArrayLike | None, rows: int) -> FloatArray:
    """Return days since 1970 from dates or from such numbers; NaN if no time is given."""
    if time is None:
        return np.full(rows, np.nan)
    values = np.asarray(time)
    if values.dtype.kind in "US" or (values.dtype.kind == "O" and any(isinstance(cell, str) for cell in values.flat)):
        try:
            values = values.astype("datetime64[s]")
        except ValueError as error:
            raise ValueError(f"time cannot be read ({error}); give days as YYYY-MM-DD") from error
    result = read_numbers(values, "time")
    if result.shape != (rows,):
        raise ValueError(f"time holds {result.shape} values for {rows} rows; give one a row")
    missing = np.flatnonzero(np.isnan(result))
    if len(missing):
        raise ValueError(f"time is not known in row {missing[0]}; leave undated sales out or give no time at all")
    outside = np.flatnonzero((result < 0.0) | (result > _LAST_DAY))
    years = rows > 1 and np.all((result >= _FIRST_YEAR) & (result <= _LAST_YEAR) & (result == np.floor(result)))
    if len(outside) or years:
        row = int(outside[0]) if len(outside) else 0
        what = "no day from 1970 to 2100" if len(outside) else "a year, as in all rows"
        raise ValueError(
            f"time is {result[row]:.15g} in row {row}, {what}; give dates, or days since 1970 (not seconds, not "
            "years, not YYYYMMDD)"
        )
    return result


def group_labels_of(groups: ArrayLike | None, rows: int) -> list[str] | None:
    """Return one label per row; the columns of a two-dimensional array become the levels of a path."""
    if groups is None:
        return None
    values = np.asarray(groups, dtype=object)
    if values.ndim == 2:
        values = np.array([SEPARATOR.join(map(label_text, row)) for row in values.tolist()], dtype=object)
    if values.shape != (rows,):
        raise ValueError(f"groups holds {values.shape} labels for {rows} rows; give one a row")
    return [label_text(value) for value in values.tolist()]


def together(packs: ArrayLike | None, rows: int) -> IntArray | None:
    """Return a code for each pack, or None."""
    if packs is None:
        return None
    labels = [label_text(value) for value in np.asarray(packs, dtype=object).tolist()]
    if len(labels) != rows:
        raise ValueError(f"packs holds {len(labels)} labels for {rows} rows; give one a row")
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def numbers(values: ArrayLike | None, rows: int, name: str) -> FloatArray | None:
    """Return one finite number per row, or None if nothing is given."""
    if values is None:
        return None
    result = read_numbers(np.asarray(values), name)
    if result.shape != (rows,):
        raise ValueError(f"{name} holds {result.shape} values for {rows} rows; give one a row")
    missing = np.flatnonzero(np.isnan(result))
    if len(missing):
        raise ValueError(f"{name} is not known in row {missing[0]}; give a finite number in every row")
    return result


def directions(monotone: object, names: Sequence[str]) -> tuple[int, ...]:
    """Return -1, 0 or +1 for each column.

    >>> directions({"soh": 1, 2: -1}, ["soh", "duty", "age"])
    (1, 0, -1)
    """
    if monotone is None:
        return (0,) * len(names)
    if hasattr(monotone, "items"):
        wanted = [0] * len(names)
        for column, direction in monotone.items():
            if column not in names and column not in range(len(names)):
                raise ValueError(f"monotone names {column!r}, which is no column of the table")
            wanted[list(names).index(column) if column in names else int(column)] = int(direction)
    else:
        wanted = [int(direction) for direction in monotone]  # type: ignore[attr-defined]  # a sequence, checked below
    if len(wanted) != len(names) or not set(wanted) <= {-1, 0, 1}:
        raise ValueError("monotone must hold one of -1, 0, +1 for each column")
    return tuple(wanted)


def _row_keys(matrix: FloatArray) -> NDArray[np.uint64]:
    """Return a 64-bit key for each row, equal for equal rows (mixing by the finaliser of SplitMix64, S. Vigna)."""
    bits = (np.where(np.isnan(matrix), np.nan, matrix) + 0.0).view(np.uint64)
    key = np.zeros(len(matrix), dtype=np.uint64)
    for column in range(matrix.shape[1]):
        key = _mixed(key + bits[:, column] + np.uint64(0x9E3779B97F4A7C15))
    return key


def _mixed(key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))
