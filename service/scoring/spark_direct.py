"""A fleet on a Spark cluster whose workers read and write Parquet themselves (集群直读): Java only hands out the work.

Spark's own reader makes rows of Parquet pages and Arrow batches of the rows, which costs more than valuing them. Here
each worker opens the row groups it is given with Arrow, wherever Arrow reaches them. Files that hold neighbouring codes
together are read range by range and nothing is moved; others are dealt into shares in pieces. What a task wrote counts
once it has reported it, so a lost worker costs its task again and nothing is doubled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from service.scoring.answers import PLACE, REJECTED, values_schema
from service.scoring.chunks import ROWS_DEALT_AT_ONCE, gathered, pieces_of, shares_for, together
from service.scoring.job_context import JobContext
from service.scoring.key_ranges import NotPartitionable, OutOfOrder, Range, batches_in_range, plan_ranges, sorted_range
from service.scoring.memory import keep_memory, rarely_collect
from service.scoring.reading import no_events
from service.scoring.remote_table import OutOfReach, RemoteTable, inspect_table, joined, written
from service.scoring.scoring import Batch, Scored, score
from service.scoring.spool import ODD, repeated_names, respelled_names

_RANGES_A_PROCESSOR = 3
_ROWS_A_PORTION = 1_048_576


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file that a task wrote: where, what it holds (`values` or `rejected`), and how many rows."""

    place: str
    kind: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What every task is given: the tables, the kit, where to write, and the codes that several packs carry."""

    packs: RemoteTable
    events: RemoteTable
    kit: Any
    folder: str
    repeated: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """The Parquet files of a table, as URIs, and the columns that Spark finds in it."""

    places: tuple[str, ...]
    columns: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The files of packs and of events, and the folder that tasks write to, a URI."""

    packs: Files
    events: Files
    folder: str


def score_places(context: Any, kit: JobContext, places: Places, shares: int | None = None) -> list[Written]:  # noqa: ANN401
    """Value the packs in some files with the events in others, on a cluster.

    Parameters
    ----------
    context : SparkContext
        The cluster's.
    kit : Kit
        Quotes, model and terms.
    places : Places
        Where to read and write; what lies in the folder and is not returned was written by a task that was lost.
    shares : int, optional
        Into how many tasks to cut the work.

    Raises
    ------
    OutOfReach
        If Arrow cannot read the files as Spark does: an unknown file system, columns that differ between files.
    """
    packs, events = _table(context, "packs", places.packs), _table(context, "events", places.events)
    carried = context.broadcast((kit.quotes, kit.parcel, kit.terms))
    work = _Work(packs=packs, events=events, kit=carried, folder=places.folder)
    work = replace(work, repeated=_repeated(context, work))
    ranges = plan_ranges(packs, events, shares or _RANGES_A_PROCESSOR * context.defaultParallelism)
    if ranges is not None:
        found = _each(context, sorted(ranges, key=lambda one: -one.rows), partial(_value_range, work))
        if None not in found:
            return _with_empty(context, work, [file for files in found for file in files])
    return _with_empty(context, work, _by_shares(context, work, shares))


def _with_empty(context: Any, work: _Work, found: list[Written]) -> list[Written]:  # noqa: ANN401 - as above
    """Return the files with an empty one of each kind of which there is none, so that each table has its columns."""
    lacking = {"values", "rejected"} - {file.kind for file in found}
    return found + _each(context, sorted(lacking), partial(_nothing, work))


def _each(context: Any, items: Iterable[Any], work: Callable[[Any], Any]) -> list[Any]:  # noqa: ANN401 - as above
    """Return what a piece of work says of each item, every item a task of its own."""
    listed = list(items)
    return list(context.parallelize(listed, max(1, len(listed))).map(work).collect())


def _table(context: Any, name: str, files: Files) -> RemoteTable:  # noqa: ANN401 - as above
    """Return a table as the footers of its files tell it; the workers read them, for it is they who must reach them."""
    slices = max(1, min(len(files.places), 4 * context.defaultParallelism))
    found = context.parallelize(files.places, slices).map(partial(inspect_table, name=name)).collect()
    table = joined(found) if found else None
    if table is None or set(table.schema.names) != files.columns:  # Spark makes columns of the names of folders, too
        raise OutOfReach(f"the files of {name} have not all the columns of the table")
    return table


def _repeated(context: Any, work: _Work) -> frozenset[str]:  # noqa: ANN401 - as above
    """Return the codes that several packs carry in different spellings."""
    portions = _portions(work.packs, 4 * context.defaultParallelism)
    names = [name for found in _each(context, portions, partial(_respelled, work)) for name in found]
    if not names:
        return frozenset()
    plain = _each(context, portions, partial(_among, work, frozenset(names)))
    return repeated_names(names, [code for found in plain for code in found])


def _by_shares(context: Any, work: _Work, shares: int | None) -> list[Written]:  # noqa: ANN401 - as above
    """Value files whose codes lie anywhere: their rows are dealt into shares by a hash of the code first."""
    if shares is None:
        rows = {name: sum(group.rows for group in getattr(work, name).groups) for name in ("packs", "events")}
        shares = shares_for(rows["packs"], rows["events"], context.defaultParallelism)
    portions = [
        (name, portion)
        for name in ("packs", "events")
        for portion in _portions(getattr(work, name), 2 * context.defaultParallelism)
    ]
    dealt = context.parallelize(portions, max(1, len(portions))).flatMap(partial(_dealt, work, shares))
    of_share = dealt.partitionBy(shares, int).mapPartitions(partial(_value_share, work))
    return list(of_share.collect())


def _portions(table: RemoteTable, least: int) -> list[tuple[int, ...]]:
    """Return the row groups of a table in portions of about a million rows, more of them to keep all busy."""
    rows = sum(group.rows for group in table.groups)
    size = max(1, min(_ROWS_A_PORTION, rows // max(least, 1)))
    portions: list[list[int]] = [[]]
    counted = 0
    for place, group in enumerate(table.groups):
        if counted >= size:
            portions.append([])
            counted = 0
        portions[-1].append(place)
        counted += group.rows
    return [tuple(portion) for portion in portions if portion]


# What follows runs on the workers.


def _respelled(work: _Work, portion: tuple[int, ...]) -> list[str]:
    found: list[str] = []
    for codes in _codes(work.packs, portion):
        odd = codes.filter(pc.fill_null(pc.match_substring_regex(codes, ODD), False))  # noqa: FBT003 - Arrow's signature
        found += respelled_names(odd.to_pylist())
    return found


def _among(work: _Work, names: frozenset[str], portion: tuple[int, ...]) -> list[str]:
    wanted = pa.array(sorted(names), type=pa.string())
    found: list[str] = []
    for codes in _codes(work.packs, portion):
        bare = pc.utf8_trim_whitespace(codes)
        found += bare.filter(pc.is_in(bare, value_set=wanted)).to_pylist()
    return found


def _codes(packs: RemoteTable, portion: tuple[int, ...]) -> Iterator[pa.Array]:
    """Yield the battery codes of some packs."""
    for batch in packs.batches(ROWS_DEALT_AT_ONCE, portion, columns=[packs.codes]):
        column = batch.column(0)
        yield column if pa.types.is_string(column.type) else column.cast(pa.string())


def _value_range(work: _Work, part: Range) -> list[Written] | None:
    """Value the packs of a range; None where codes lie elsewhere than the files state."""
    kit = _opened(*work.kit.value)
    try:
        try:
            return _kept(work, kit, batches_in_range(part, work.packs, work.events, work.repeated))
        except OutOfOrder:
            return _kept(work, kit, sorted_range(part, work.packs, work.events, work.repeated))
    except NotPartitionable:
        return None


def _dealt(work: _Work, shares: int, portion: tuple[str, tuple[int, ...]]) -> Iterator[tuple[int, tuple[str, bytes]]]:
    """Yield the rows of some row groups in pieces, each with its share."""
    _settled()
    name, groups = portion
    table: RemoteTable = getattr(work, name)
    for rows in gathered(table.batches(ROWS_DEALT_AT_ONCE, groups)):
        for share, piece in pieces_of(rows, shares):
            yield share, (name, piece)


def _value_share(work: _Work, pieces: Iterator[tuple[int, tuple[str, bytes]]]) -> list[Written]:
    """Value the packs of a share."""
    kit = _opened(*work.kit.value)
    held: dict[str, list[bytes]] = {"packs": [], "events": []}
    for _, (name, piece) in pieces:
        held[name].append(piece)
    if not held["packs"] and not held["events"]:
        return []
    plates = together(held["packs"], work.packs.empty())
    batch = Batch(
        packs=plates,
        events=together(held["events"], no_events()),
        places=np.arange(plates.num_rows),
        repeated=work.repeated,
    )
    return _kept(work, kit, iter([batch]))


def _kept(work: _Work, kit: JobContext, batches: Iterator[Batch]) -> list[Written]:
    """Value batches, write what is said of them into files that nobody else writes, and say where they are."""
    scored: list[Scored] = [score(batch, kit) for batch in batches]
    files = []
    for kind in ("values", "rejected"):
        tables = [getattr(one, kind) for one in scored]
        if any(table.num_rows for table in tables):
            files.append(_write(work, kind, pa.concat_tables(tables)))
    return files


def _nothing(work: _Work, kind: str) -> Written:
    """Write a file of a kind that holds no row."""
    schema = values_schema(_opened(*work.kit.value)) if kind == "values" else REJECTED
    return _write(work, kind, schema.empty_table())


def _write(work: _Work, kind: str, table: pa.Table) -> Written:
    place = f"{work.folder}/{kind}-{uuid4().hex}.parquet"
    written(table.drop_columns([PLACE]), place)
    return Written(place=place, kind=kind, rows=table.num_rows)


@lru_cache(maxsize=1)
def _opened(quotes: bytes, parcel: bytes | None, terms: bytes) -> JobContext:
    """Return the kit that came with the work, opened once in each process."""
    _settled()
    return JobContext(quotes=quotes, parcel=parcel, terms=terms)


@lru_cache(maxsize=1)
def _settled() -> None:
    """Make a worker's process ready: one thread, and its memory kept from batch to batch."""
    pa.set_cpu_count(1)
    keep_memory()
    rarely_collect()


__all__ = ["Files", "OutOfReach", "Places", "Written", "score_places"]
