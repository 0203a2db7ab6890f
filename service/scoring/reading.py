"""Batches of packs with all their events: streamed from files in order, or gathered from shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.scoring.plan import Part
from service.scoring.scoring import Batch
from service.scoring.source import Source
from service.scoring.spool import in_order, staged_rows
from valuation.ingest.tables.event_columns import runs_of
from valuation.numeric.columns import IntArray

EVENTS_AT_ONCE = 196_608
_LEAST = pa.schema([(name, pa.string()) for name in ("battery_code", "type", "on")])


class OutOfOrder(Exception):
    """Events that were said to stand in the order of the codes do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """Files in the order of their codes: the packs as they were staged, and the events."""

    packs: Source
    staged: Path
    events: Source | None
    repeated: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Events in the order of their codes as they are read; those of codes above `low` up to `high` are wanted."""

    batches: Iterable[pa.RecordBatch]
    empty: pa.Table
    codes: str
    low: str | None
    high: str | None


def batches_in_order(part: Part, files: Ordered) -> Iterator[Batch]:
    """Yield the packs of a part with their events, a few thousand at a time.

    Raises
    ------
    OutOfOrder
        If the events do not stand in the order of their codes.
    """
    packs = staged_rows(files.staged, part.start, part.stop)
    events = Stream(batches=(), empty=no_events(), codes="battery_code", low=part.low, high=part.high)
    if files.events is not None:
        reader = files.events.batches(EVENTS_AT_ONCE, part.groups, texts_once=True) if part.groups else ()
        nothing = files.events.open(texts_once=True).schema_arrow.empty_table()
        events = replace(events, batches=reader, empty=nothing, codes=files.events.codes)
    for batch in batches_with_events(packs, packs.column(files.packs.codes), events, files.repeated):
        yield replace(batch, places=batch.places + part.start)


def batches_with_events(
    packs: pa.Table, codes: pa.ChunkedArray, events: Stream, repeated: frozenset[str]
) -> Iterator[Batch]:
    """Yield packs in the order of their codes with their events, a few thousand at a time.

    Raises
    ------
    OutOfOrder
        If the events do not stand in the order of their codes.
    """
    done = 0
    for found, before in _complete(events):
        left = codes.slice(done)
        count = len(left) if before is None else _below(left, before)
        if count or found.num_rows:
            places = np.arange(done, done + count)
            yield Batch(packs=packs.slice(done, count), events=found, places=places, repeated=repeated)
        done += count


def _complete(events: Stream) -> Iterator[tuple[pa.Table, str | None]]:
    """Yield events whose packs are complete, and the code before which they all stand; None for the last."""
    held, last, counted = [events.empty], "", 0
    for batch in events.batches:
        table = pa.Table.from_batches([batch])
        codes, counts = runs_of(table.column(events.codes))
        if not in_order(codes, last):
            raise OutOfOrder
        last = codes[-1].as_py() if len(codes) else last
        held.append(_inside(table, codes, counts, events))
        counted += held[-1].num_rows
        if events.high is not None and last > events.high:
            break
        if counted >= EVENTS_AT_ONCE:  # the reader hands out less at a time than it is asked for
            together = pa.concat_tables(held)
            newest = together.column(events.codes)[-1].as_py()
            count = _below(together.column(events.codes), newest)
            if count:
                yield together.slice(0, count), newest
            held, counted = [together.slice(count)], counted - count
    yield pa.concat_tables(held), None


def no_events() -> pa.Table:
    """Return a table of events without a row."""
    return _LEAST.empty_table()


def _inside(table: pa.Table, codes: pa.Array, counts: IntArray, events: Stream) -> pa.Table:
    """Return the events of the codes that are wanted; of each code there are so many, one after the other."""
    ends = np.concatenate([[0], np.cumsum(counts)])
    start = 0 if events.low is None else int(ends[pc.sum(pc.less_equal(codes, events.low)).as_py() or 0])
    stop = table.num_rows if events.high is None else int(ends[pc.sum(pc.less_equal(codes, events.high)).as_py() or 0])
    return table.slice(start, max(0, stop - start))


def _below(codes: pa.ChunkedArray, code: str) -> int:
    """Return how many codes stand before a code."""
    return int(pc.sum(pc.less(codes, code)).as_py() or 0)
