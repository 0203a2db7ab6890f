"""Thresholds of a forest as integer ranks.

The rank of a value is the number of thresholds of the feature below it, so ``value <= threshold k`` is exactly
``rank <= k``. The treatment of missing values and zeros differs between splits, so each split uses a view: a feature
with the codes for missing and for zero. A category set is a view of its own, 0 for members and 1 for all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from valuation.numeric.columns import FloatArray, IntArray

if TYPE_CHECKING:
    from models.kernel.trees import Trees

_NOTHING, _NAN_LEFT, _NAN_RIGHT, _ZERO_LEFT, _ZERO_RIGHT = range(5)  # which cells are missing, and where they go
_KINDS = 5
_MISSING_ZERO, _MISSING_NAN = 1, 2
_TOP = -1  # stands for the highest code until its width is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Ranks and views of the numeric splits.

    Attributes
    ----------
    column, table, levels
        Per feature its column, the start of its thresholds in ``tables``, and log2 of the size of its table.
    tables
        Thresholds of all features, each table padded with infinity.
    first_view
        Per feature its first view, with one entry more than features.
    missing, zero
        Per view the code of a missing cell and of zero.
    view, code
        Per split of the forest; 0 where the split is a category set.
    most
        The largest number of thresholds of a feature.

    """

    column: IntArray
    tables: FloatArray
    table: IntArray
    levels: IntArray
    first_view: IntArray
    missing: IntArray
    zero: IntArray
    view: IntArray
    code: IntArray
    most: int

    @property
    def views(self) -> int:
        """Number of views."""
        return len(self.missing)

    def parts(self, top: int) -> dict[str, NDArray[Any]]:
        """Return the arrays in the layout of the kernel; ``top`` is the highest code."""
        narrowed = {name: getattr(self, name).astype(np.int32) for name in ("column", "table", "levels", "first_view")}
        codes = {name: np.where(codes == _TOP, top, codes).astype(np.uint16) for name, codes in self._codes().items()}
        return {"tables": self.tables, **narrowed, **codes}

    def _codes(self) -> dict[str, IntArray]:
        return {"missing": self.missing, "zero": self.zero}


def read_numbers(forest: Trees, splits: IntArray) -> Numbers:
    """Return ranks and views of the forest's numeric splits."""
    places = np.flatnonzero(~forest.is_category[splits])
    here = splits[places]
    column, feature = np.unique(forest.split_feature[here], return_inverse=True)
    threshold = forest.threshold[here]
    order = np.lexsort((threshold, feature))
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (feature[order][1:] != feature[order][:-1]) | (threshold[order][1:] != threshold[order][:-1])
    first = order[fresh]  # one split for each threshold of a feature
    count = np.bincount(feature[first], minlength=len(column))
    begin = np.concatenate([[0], np.cumsum(count)])
    view, code = np.zeros(len(splits), dtype=np.int64), np.zeros(len(splits), dtype=np.int64)
    code[places[order]] = np.cumsum(fresh) - 1 - begin[feature[order]]
    levels = np.array([int(size).bit_length() for size in count], dtype=np.int64)
    table = np.concatenate([[0], np.cumsum((1 << levels) - 1)]).astype(np.int64)
    tables = np.full(table[-1], np.inf)
    tables[table[feature[first]] + np.arange(len(first)) - begin[feature[first]]] = threshold[first]
    keys, view[places] = np.unique(feature * _KINDS + _kinds(forest, here), return_inverse=True)
    owner, kind = np.divmod(keys, _KINDS)
    below_zero = np.bincount(feature[first], weights=threshold[first] < 0.0, minlength=len(column)).astype(np.int64)
    natural = below_zero[owner]
    to_left, to_right = (kind == _NAN_LEFT) | (kind == _ZERO_LEFT), (kind == _NAN_RIGHT) | (kind == _ZERO_RIGHT)
    missing = np.where(to_left, 0, np.where(to_right, _TOP, natural))
    return Numbers(
        column=column,
        tables=tables,
        table=table[:-1],
        levels=levels,
        first_view=np.searchsorted(keys, np.arange(len(column) + 1) * _KINDS),
        missing=missing,
        zero=np.where(kind >= _ZERO_LEFT, missing, natural),
        view=view,
        code=code,
        most=int(np.max(count, initial=0)),
    )


def _kinds(forest: Trees, nodes: IntArray) -> IntArray:
    missing, left = forest.missing[nodes], forest.default_left[nodes]
    kind = np.where(missing == _MISSING_NAN, np.where(left, _NAN_LEFT, _NAN_RIGHT), _NOTHING)
    return np.where(missing == _MISSING_ZERO, np.where(left, _ZERO_LEFT, _ZERO_RIGHT), kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sets:
    """The category sets of splits: ``places`` are the indices of these splits, ``view`` the set of each.

    ``column``, ``start`` and ``words`` are the column of each distinct set and the location of its bits.
    """

    places: IntArray
    view: IntArray
    column: IntArray
    start: IntArray
    words: IntArray
    bits: NDArray[np.uint32]

    @property
    def views(self) -> int:
        """Number of distinct sets."""
        return len(self.column)

    def parts(self) -> dict[str, NDArray[Any]]:
        """Return the arrays as the compiled kernel reads them."""
        named = {"set_column": self.column, "set_start": self.start, "set_words": self.words}
        return {**{name: array.astype(np.int32) for name, array in named.items()}, "set_bits": self.bits}


def read_sets(forest: Trees, splits: IntArray) -> Sets:
    """Return the distinct category sets of the forest."""
    places = np.flatnonzero(forest.is_category[splits])
    known: dict[tuple[int, bytes], int] = {}
    found: list[tuple[int, int, int]] = []
    view = np.zeros(len(places), dtype=np.int64)
    for position, node in enumerate(splits[places].tolist()):
        column, start = int(forest.split_feature[node]), int(forest.category_start[node])
        words = int(forest.category_words[node])
        members = forest.category_bits[start : start + words]
        key = column, members.tobytes()
        if key not in known:
            known[key] = len(found)
            found.append((column, start, len(members)))
        view[position] = known[key]
    table = np.array(found, dtype=np.int64).reshape(-1, 3)
    bits = np.append(forest.category_bits, np.uint32(0))
    return Sets(places=places, view=view, column=table[:, 0], start=table[:, 1], words=table[:, 2], bits=bits)
