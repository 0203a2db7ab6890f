"""Rows dealt out to shares as pieces of bytes: a cluster moves few large things instead of every row with its cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from service.scoring.codes import join_key, share_of

ROWS_DEALT_AT_ONCE = 262_144
_EVENTS_A_SHARE = 200_000
_PACKS_A_SHARE = 25_000


def shares_for(packs: int, events: int, processors: int) -> int:
    """Return into how many shares so many rows are dealt: each small enough to be held, none too few to keep all busy.

    >>> shares_for(packs=1_000, events=1_000_000, processors=2)
    6
    """
    return max(1 + max(events // _EVENTS_A_SHARE, packs // _PACKS_A_SHARE), processors)


def pieces_of(table: pa.Table, shares: int) -> list[tuple[int, bytes]]:
    """Return the rows of a table dealt into shares by their codes: each share that gets any, with its piece."""
    share = share_of(join_key(table), shares)
    rows = table.take(pa.array(np.argsort(share, kind="stable"))).combine_chunks()
    counts = np.bincount(share, minlength=shares)
    begins = np.cumsum(counts) - counts
    there = np.flatnonzero(counts).tolist()
    return [(one, _as_bytes(rows.slice(int(begins[one]), int(counts[one])))) for one in there]


def gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Yield the rows of some batches together, so that a share's piece of them is worth its headings."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(len(one) for one in held) >= ROWS_DEALT_AT_ONCE:
            yield pa.Table.from_batches(held)
            held = []
    if any(len(one) for one in held):
        yield pa.Table.from_batches(held)


def together(pieces: Iterable[bytes], nothing: pa.Table) -> pa.Table:
    """Return the rows of all pieces of a share."""
    tables = [pa.ipc.open_stream(piece).read_all() for piece in pieces]
    return pa.concat_tables(tables) if tables else nothing


def _as_bytes(rows: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(rows)
    return bytes(sink.getvalue())
