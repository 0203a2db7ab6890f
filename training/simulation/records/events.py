"""Reported events as columns (溯源事件): blocks of one type, merged in order of pack, day and type."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from training.simulation.event_fields import CHOICES, CODE_WIDTHS, EVENT_TYPES, REPORTER_KINDS
from training.simulation.packs.battery_codes import enterprise_number
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

AnyArray = NDArray[np.generic]

_FIRMS = {"battery_maker": 16, "vehicle_maker": 12, "swap_operator": 4, "repair_shop": 60, "dismantler": 30,
          "recycler": 15, "service_outlet": 60, "importer": 2, "owner": 0}  # fmt: skip


def _reporter_numbers() -> tuple[str, ...]:
    return tuple(enterprise_number(1000 + number) for number in range(sum(_FIRMS.values())))


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Events as columns; ``fields`` holds the fields of some types: NaN, -1 and b"" mean not reported.

    Attributes
    ----------
    row
        Index of the pack.
    type
        Index into ``EVENT_TYPES``.
    on, reported_on
        Days since 1970-01-01.
    reporter
        Index into ``reporter_numbers()``, -1 if no reporter is given.
    reporter_kind
        Index into ``REPORTER_KINDS``.
    """

    row: IntArray
    type: IntArray
    on: IntArray
    reported_on: IntArray
    reporter: IntArray
    reporter_kind: IntArray
    fields: dict[str, AnyArray]

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.row)

    def where(self, chosen: BoolArray | IntArray) -> Events:
        """Return the chosen events."""
        return Events(
            row=self.row[chosen], type=self.type[chosen], on=self.on[chosen], reported_on=self.reported_on[chosen],
            reporter=self.reporter[chosen], reporter_kind=self.reporter_kind[chosen],
            fields={name: column[chosen] for name, column in self.fields.items()},
        )  # fmt: skip

    def numbers(self, name: str) -> FloatArray:
        """Return a numeric field, NaN if not reported."""
        column = self.fields.get(name)
        return np.full(len(self), np.nan) if column is None else column.astype(np.float64)

    def choice(self, name: str) -> IntArray:
        """Return a choice as index into ``CHOICES[name]``, -1 if not reported."""
        column = self.fields.get(name)
        return np.full(len(self), -1) if column is None else column.astype(np.int64)


def reporter_numbers() -> tuple[str, ...]:
    """Return the invented enterprise numbers, in the order of their index."""
    return _reporter_numbers()


def reporter_of(kind: str, firm: IntArray) -> IntArray:
    """Return the index of the reporting enterprise of a kind, -1 for owners.

    >>> reporter_of("vehicle_maker", np.array([0, 12])).tolist()
    [16, 16]
    """
    if not _FIRMS[kind]:
        return np.full(len(firm), -1)
    offset = sum(list(_FIRMS.values())[: REPORTER_KINDS.index(kind)])
    return offset + firm % _FIRMS[kind]


def block(event_type: str, row: IntArray, on: AnyArray, by: tuple[str, IntArray], /, **fields: AnyArray) -> Events:
    """Return events of one type, reported on their own day by ``by`` = (reporter kind, firm)."""
    reporter_kind, firm = by
    rows = len(row)
    day = np.floor(on.astype(np.float64)).astype(np.int64)
    return Events(
        row=row, type=np.full(rows, EVENT_TYPES.index(event_type)), on=day, reported_on=day,
        reporter=reporter_of(reporter_kind, firm), reporter_kind=np.full(rows, REPORTER_KINDS.index(reporter_kind)),
        fields=dict(fields),
    )  # fmt: skip


def gather(blocks: list[Events]) -> Events:
    """Merge blocks in order of pack, day and type; every event has every field."""
    names = sorted({name for part in blocks for name in part.fields})
    whole = Events(
        row=np.concatenate([part.row for part in blocks]),
        type=np.concatenate([part.type for part in blocks]),
        on=np.concatenate([part.on for part in blocks]),
        reported_on=np.concatenate([part.reported_on for part in blocks]),
        reporter=np.concatenate([part.reporter for part in blocks]),
        reporter_kind=np.concatenate([part.reporter_kind for part in blocks]),
        fields={},
    )
    order = np.lexsort((whole.type, whole.on, whole.row))
    fields = {name: np.concatenate([_filled(part, name) for part in blocks])[order] for name in names}
    return replace(whole.where(order), fields=fields)


def _filled(part: Events, name: str) -> AnyArray:
    if name in CODE_WIDTHS:
        empty: AnyArray = np.zeros(len(part), dtype=f"S{CODE_WIDTHS[name]}")
        return part.fields[name].astype(empty.dtype) if name in part.fields else empty
    if name in CHOICES:
        return part.fields[name].astype(np.int16) if name in part.fields else np.full(len(part), -1, dtype=np.int16)
    return part.fields[name].astype(np.float64) if name in part.fields else np.full(len(part), np.nan)
