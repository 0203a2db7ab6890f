"""Parts merged in the order of the packs into one Parquet file, written atomically."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from models.artifact.atomic_file import atomic_file
from service.scoring.output_tables import PLACE, published
from service.scoring.score_batch import UNPLACED

ROWS_PER_GROUP = 65_536


def merge_parts(parts: Iterable[Path], schema: pa.Schema, out: Path) -> None:
    """Write the rows of all parts into one file, in the order of their places."""
    shown = published(schema)
    with (
        atomic_file(out) as fresh,
        parquet.ParquetWriter(fresh, shown, compression="zstd", compression_level=1) as writer,
    ):
        pending = shown.empty_table()
        for table in _by_place(list(parts)):
            pending = pa.concat_tables([pending, table.drop_columns([PLACE])])
            while pending.num_rows >= ROWS_PER_GROUP:
                writer.write_table(pending.slice(0, ROWS_PER_GROUP), row_group_size=ROWS_PER_GROUP)
                pending = pending.slice(ROWS_PER_GROUP)
        if pending.num_rows:
            writer.write_table(pending, row_group_size=ROWS_PER_GROUP)


def _by_place(parts: list[Path]) -> Iterator[pa.Table]:
    """Yield the rows by windows of places; each part is already in the order of its places."""
    tables = [_mapped(path) for path in parts]
    places = [table.column(PLACE).to_numpy() for table in tables]
    placed = [column[: np.searchsorted(column, UNPLACED)] for column in places]
    last = max((int(column[-1]) for column in placed if len(column)), default=-1)
    for start in [*range(0, last + 1, ROWS_PER_GROUP), UNPLACED]:
        found = []
        for table, column in zip(tables, places, strict=True):
            stop = start + ROWS_PER_GROUP if start != UNPLACED else UNPLACED
            first = int(np.searchsorted(column, start, side="left"))
            end = int(np.searchsorted(column, stop, side="left" if start != UNPLACED else "right"))
            if end > first:
                found.append(table.slice(first, end - first))
        if found:
            window = pa.concat_tables(found)
            yield window if len(found) == 1 else in_place_order(window)


def in_place_order(table: pa.Table) -> pa.Table:
    """Return rows in the order of their places, those without one by battery code."""
    keys = [(PLACE, "ascending"), ("battery_code", "ascending")]
    return table.take(pc.sort_indices(table, sort_keys=keys))


def _mapped(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
