"""Packs and events partitioned on disk by a hash of the battery code (按编码分区), so that a pack meets all its events.

The order of the files does not matter. The partitions follow from the files alone, so any number of processes, and a
repeated run, produce the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from service.scoring.code_join_key import join_key, share_of
from service.scoring.parquet_source import Source
from service.scoring.score_batch import NO_EVENTS, Batch

EVENTS_PER_SHARE = 196_608
PACKS_PER_SHARE = 24_576
MAX_SHARES = 512
"""One process writes so many files at once; a larger share is valued in several batches."""
PORTIONS = 8
_ROWS_PER_BATCH = 131_072
_PLACE = "canzhi_place"
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitions:
    """A folder with one file per table, portion of its row groups, and share of the codes.

    Attributes
    ----------
    shares : int
        Number of shares.
    portions : tuple of tuples of int
        Row groups of the events that are partitioned together, in parallel with the other portions.
    """

    folder: Path
    packs: Source
    events: Source | None
    shares: int
    portions: tuple[tuple[int, ...], ...]

    @staticmethod
    def of(folder: Path, packs: Source, events: Source | None) -> Partitions:
        """Return the partitions of packs and events in a folder, not yet written."""
        rows, groups = (0, 0) if events is None else (events.rows, events.groups)
        size = max(1, -(-groups // PORTIONS))
        return Partitions(
            folder=folder,
            packs=packs,
            events=events,
            shares=min(1 + max(rows // EVENTS_PER_SHARE, packs.rows // PACKS_PER_SHARE), MAX_SHARES),
            portions=tuple(tuple(range(start, min(start + size, groups))) for start in range(0, groups, size)),
        )

    def schema(self, table: str) -> pa.Schema:
        """Return the columns of the files of a table."""
        if table == "packs":
            return self.packs.schema.append(pa.field(_PLACE, pa.int64()))
        return (self.events or self.packs).schema

    def file(self, table: str, portion: int, share: int) -> Path:
        """Return the file of one share of one portion of a table."""
        return self.folder / f"{table}-{portion}-{share:04d}.arrow"


def partition_packs(partitions: Partitions) -> None:
    """Write the packs into their shares, each with its place among all packs."""
    _write_shares(partitions, "packs", 0, _with_places(partitions.packs))


def partition_events(partitions: Partitions, portion: int) -> None:
    """Write the events of one portion of the row groups into their shares."""
    if partitions.events is not None:
        batches = partitions.events.batches(_ROWS_PER_BATCH, partitions.portions[portion])
        _write_shares(partitions, "events", portion, (pa.Table.from_batches([batch]) for batch in batches))


def batches_of_share(partitions: Partitions, share: int) -> Iterator[Batch]:
    """Yield the packs of a share with all their events, in one batch unless the share is too large for that."""
    packs = _read([partitions.file("packs", 0, share)])
    portions = range(len(partitions.portions))
    events = _read([partitions.file("events", portion, share) for portion in portions]) if portions else NO_EVENTS
    batches = 1 + max(events.num_rows // (2 * EVENTS_PER_SHARE), packs.num_rows // (2 * PACKS_PER_SHARE))
    for own, known in zip(*(_split(table, partitions.shares, batches) for table in (packs, events)), strict=True):
        yield Batch(
            packs=own.drop_columns([_PLACE]),
            events=known,
            places=own.column(_PLACE).to_numpy().copy(),
        )


def _with_places(packs: Source) -> Iterator[pa.Table]:
    """Yield the packs with their positions in the file."""
    start = 0
    for batch in packs.batches(_ROWS_PER_BATCH):
        places = pa.array(np.arange(start, start + len(batch)), type=pa.int64())
        yield pa.Table.from_batches([batch]).append_column(_PLACE, places)
        start += len(batch)


def _write_shares(partitions: Partitions, table: str, portion: int, batches: Iterator[pa.Table]) -> None:
    """Write each row to the file of its share."""
    shares, schema = partitions.shares, partitions.schema(table)
    with ExitStack() as stack:
        writers = [
            stack.enter_context(pa.ipc.new_file(str(partitions.file(table, portion, share)), schema, options=_OPTIONS))
            for share in range(shares)
        ]
        for rows in batches:
            share = share_of(join_key(rows), shares)
            ordered = rows.take(pa.array(np.argsort(share, kind="stable"))).combine_chunks()
            counts = np.bincount(share, minlength=shares)
            starts = np.cumsum(counts) - counts
            for one in np.flatnonzero(counts).tolist():
                writers[one].write_table(ordered.slice(int(starts[one]), int(counts[one])))


def _split(table: pa.Table, shares: int, batches: int) -> list[pa.Table]:
    """Return the rows of a share in several tables; all rows of a code are in one of them."""
    if batches == 1:
        return [table]
    part = share_of(join_key(table), shares * batches) // shares
    return [table.filter(pa.array(part == one)) for one in range(batches)]


def _read(paths: Sequence[Path]) -> pa.Table:
    """Return the rows of some files as one chunk; each step that follows has a cost per chunk."""
    tables = []
    for path in paths:
        with pa.OSFile(str(path)) as source:
            tables.append(pa.ipc.open_file(source).read_all())
    return pa.concat_tables(tables).combine_chunks()
