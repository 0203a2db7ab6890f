"""Batches of packs with all their events: streamed from files in order, or gathered from shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.batch.plan import Part
from service.batch.scoring import Batch
from service.batch.source import Source
from service.batch.staging import in_order, staged_rows

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


def batches_in_order(part: Part, files: Ordered) -> Iterator[Batch]:
    """Yield the packs of a part with their events, a few thousand at a time.

    Raises
    ------
    OutOfOrder
        If the events do not stand in the order of their codes.
    """
    packs = staged_rows(files.staged, part.start, part.stop)
    done = 0
    for events, before in _complete(part, files.events):
        codes = packs.column(files.packs.codes).slice(done)
        count = len(codes) if before is None else _below(codes, before)
        if count or events.num_rows:
            places = np.arange(part.start + done, part.start + done + count)
            yield Batch(packs=packs.slice(done, count), events=events, places=places, repeated=files.repeated)
        done += count


def _complete(part: Part, events: Source | None) -> Iterator[tuple[pa.Table, str | None]]:
    """Yield events whose packs are complete, and the code before which they all stand; None for the last."""
    if events is None:
        yield no_events(), None
        return
    held, last, counted = [events.open(texts_once=True).schema_arrow.empty_table()], "", 0
    reader = events.batches(EVENTS_AT_ONCE, part.groups, texts_once=True)
    for batch in reader if part.groups else ():
        table = pa.Table.from_batches([batch])
        codes = table.column(events.codes).combine_chunks()
        if not in_order(codes, last):
            raise OutOfOrder
        last = codes[-1].as_py() if len(codes) else last
        held.append(_inside(table, codes, part))
        counted += held[-1].num_rows
        if part.high is not None and last > part.high:
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


def _inside(table: pa.Table, codes: pa.Array, part: Part) -> pa.Table:
    """Return the events of the codes of a part."""
    start = 0 if part.low is None else pc.sum(pc.less_equal(codes, part.low)).as_py() or 0
    stop = len(codes) if part.high is None else pc.sum(pc.less_equal(codes, part.high)).as_py() or 0
    return table.slice(start, max(0, stop - start))


def _below(codes: pa.ChunkedArray, code: str) -> int:
    """Return how many codes stand before a code."""
    return int(pc.sum(pc.less(codes, code)).as_py() or 0)
