"""A fleet cut into ranges of codes by what its files state of their row groups, each range read by whoever values it.

Where row groups hold neighbouring codes, nothing has to be dealt out: a range reads the groups that hold its codes and
leaves what belongs to others. Whether the rows of a group stand in order does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.scoring.reading import EVENTS_AT_ONCE, OutOfOrder, Stream, batches_with_events
from service.scoring.remote_table import Group, RemoteTable
from service.scoring.scoring import Batch

EVENTS_A_RANGE = 1_048_576
_EVENTS_TO_A_PACK = 8  # packs weigh as much where they have few events, or none
MOST_READ = 1.5
"""How often a byte may be read on average before dealing the rows out costs less."""


class NotPartitionable(Exception):
    """Codes that are not given, or stand between blanks: what files state of them does not tell where they belong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Codes above `low` up to `high`, None where it is open, and the row groups of packs and events that hold them."""

    low: str | None
    high: str | None
    packs: tuple[int, ...]
    events: tuple[int, ...]
    rows: int


def plan_ranges(packs: RemoteTable, events: RemoteTable, least: int) -> list[Range] | None:
    """Return ranges of about equal work, `least` or more where there are groups enough; None where dealing is better.

    Parameters
    ----------
    packs, events : RemoteTable
        The tables.
    least : int
        How many ranges it takes to keep everybody busy.
    """
    groups = [*packs.groups, *events.groups]
    if not packs.groups or any(group.span is None for group in groups):
        return None
    weights = [group.rows * _EVENTS_TO_A_PACK for group in packs.groups] + [group.rows for group in events.groups]
    step = max(1, min(EVENTS_A_RANGE, sum(weights) // max(least, 1)))
    ends = _ends(groups, weights, step)
    ranges = [
        Range(
            low=low,
            high=high,
            packs=_holding(packs.groups, low, high),
            events=_holding(events.groups, low, high),
            rows=sum(events.groups[place].rows for place in _holding(events.groups, low, high)),
        )
        for low, high in pairwise([None, *ends, None])
    ]
    read = sum(packs.groups[place].size for one in ranges for place in one.packs)
    read += sum(events.groups[place].size for one in ranges for place in one.events)
    return None if read > MOST_READ * sum(group.size for group in groups) else ranges


def _ends(groups: Sequence[Group], weights: Sequence[int], step: int) -> list[str]:
    """Return the codes with which ranges end: last codes of row groups, a step of work apart."""
    lasts = sorted((group.span[1], weight) for group, weight in zip(groups, weights, strict=True) if group.span)
    ends, passed = [], 0
    for last, weight in lasts:
        passed += weight
        if passed >= step:
            ends.append(last)
            passed = 0
    return sorted(set(ends) - {lasts[-1][0]})


def _holding(groups: Sequence[Group], low: str | None, high: str | None) -> tuple[int, ...]:
    """Return the places of the row groups that may hold codes of a range."""
    held = [
        (group.span, place)
        for place, group in enumerate(groups)
        if group.span and (low is None or group.span[1] > low) and (high is None or group.span[0] <= high)
    ]
    return tuple(place for _, place in sorted(held))


def batches_in_range(part: Range, packs: RemoteTable, events: RemoteTable, repeated: frozenset[str]) -> Iterator[Batch]:
    """Yield the packs of a range with their events; events in the order of the codes are never held all at once.

    Raises
    ------
    OutOfOrder
        If the events do not stand in order: then :func:`sorted_range` serves.
    Unfit
        If a code is not given, or stands between blanks.
    """
    spans = [events.groups[place].span or ("", "") for place in part.events]
    if any(later[0] < earlier[1] for earlier, later in pairwise(spans)):
        raise OutOfOrder
    return _with_events(part, packs, _stream(part, events), repeated)


def sorted_range(part: Range, packs: RemoteTable, events: RemoteTable, repeated: frozenset[str]) -> Iterator[Batch]:
    """Yield the same where events stand in no order, put into it first."""
    stream = _stream(part, events)
    found = [_of_range(pa.Table.from_batches([batch]), events.codes, part) for batch in stream.batches]
    together = _in_order(pa.concat_tables([stream.empty, *found]), events.codes)
    return _with_events(part, packs, replace(stream, batches=together.to_batches(EVENTS_AT_ONCE)), repeated)


def _stream(part: Range, events: RemoteTable) -> Stream:
    """Return the events of a range as they are read."""
    return Stream(
        batches=events.batches(EVENTS_AT_ONCE, part.events, texts_once=True),
        empty=events.empty(texts_once=True),
        codes=events.codes,
        low=part.low,
        high=part.high,
    )


def _with_events(part: Range, packs: RemoteTable, events: Stream, repeated: frozenset[str]) -> Iterator[Batch]:
    """Yield the packs of a range, in the order of their codes, with their events."""
    found = [
        _of_range(pa.Table.from_batches([batch]), packs.codes, part)
        for batch in packs.batches(EVENTS_AT_ONCE, part.packs)
    ]
    plates = _in_order(pa.concat_tables([packs.empty(), *found]), packs.codes)
    return batches_with_events(plates, plates.column(packs.codes), events, repeated)


def _of_range(table: pa.Table, codes: str, part: Range) -> pa.Table:
    """Return the rows of a table whose codes are those of a range."""
    column = table.column(codes)
    if column.null_count or not pc.all(pc.equal(column, pc.utf8_trim_whitespace(column))).as_py():
        raise NotPartitionable
    wanted = pc.is_valid(column)
    wanted = wanted if part.low is None else pc.and_(wanted, pc.greater(column, part.low))
    return table.filter(wanted if part.high is None else pc.and_(wanted, pc.less_equal(column, part.high)))


def _in_order(table: pa.Table, codes: str) -> pa.Table:
    column = table.column(codes)
    order = pc.sort_indices(column)
    rising = np.asarray(order)
    return table if bool((rising[1:] > rising[:-1]).all()) else table.take(order)


__all__ = [
    "EVENTS_A_RANGE",
    "NotPartitionable",
    "OutOfOrder",
    "Range",
    "batches_in_range",
    "plan_ranges",
    "sorted_range",
]
