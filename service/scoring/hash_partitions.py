"""Files in no order: packs and events dealt into shares by a hash of the code, so that a pack meets all its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.scoring.answers import PLACE
from service.scoring.codes import share_of
from service.scoring.reading import no_events
from service.scoring.scoring import Batch
from service.scoring.source import Source

_ROWS_AT_ONCE = 262_144
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partitioned:
    """Where the shares lie: in a folder, a file for each table, portion and share."""

    folder: Path
    shares: int
    portions: int
    repeated: frozenset[str]

    def file(self, table: str, portion: int, share: int) -> Path:
        """Return the file of one share of one portion of a table."""
        return self.folder / f"{table}-{portion}-{share:04d}.arrow"


def deal(source: Source, dealt: Partitioned, table: str, portion: int, groups: Iterable[int] | None = None) -> None:
    """Deal the rows of some row groups into their shares; packs are given their place among all packs."""
    schema = source.open().schema_arrow
    schema = schema if table == "events" else schema.append(pa.field(PLACE, pa.int64()))
    wanted = None if groups is None else list(groups)
    place = 0
    with ExitStack() as stack:
        writers = [
            stack.enter_context(pa.ipc.new_file(str(dealt.file(table, portion, share)), schema, options=_OPTIONS))
            for share in range(dealt.shares)
        ]
        for batch in source.batches(_ROWS_AT_ONCE, wanted):
            rows = pa.Table.from_batches([batch])
            if table != "events":
                rows = rows.append_column(schema.field(PLACE), pa.array(np.arange(place, place + len(batch))))
                place += len(batch)
            _hand_out(rows, source.codes, writers)


def _hand_out(rows: pa.Table, codes: str, writers: list[pa.ipc.RecordBatchFileWriter]) -> None:
    """Write each row to its share."""
    written = rows.column(codes).combine_chunks()
    written = written if pa.types.is_string(written.type) else written.cast(pa.string())
    share = share_of(pc.utf8_trim_whitespace(written), len(writers))
    order = np.argsort(share, kind="stable")
    ends = np.cumsum(np.bincount(share, minlength=len(writers)))
    sorted_rows = rows.take(pa.array(order)).combine_chunks()
    start = 0
    for writer, stop in zip(writers, ends.tolist(), strict=True):
        if stop > start:
            writer.write_table(sorted_rows.slice(start, stop - start))
        start = stop


def batch_of_share(dealt: Partitioned, share: int) -> Iterator[Batch]:
    """Yield the packs of a share with all their events."""
    packs = _read(dealt.file("packs", 0, share))
    events = [_read(dealt.file("events", portion, share)) for portion in range(dealt.portions)]
    places = packs.column(PLACE).to_numpy().copy()
    yield Batch(
        packs=packs.drop_columns([PLACE]),
        events=pa.concat_tables(events) if events else no_events(),
        places=places,
        repeated=dealt.repeated,
    )


def _read(path: Path) -> pa.Table:
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).read_all()
