"""A fleet valued on one machine (单机批量评估): partitioned, valued by several processes, and merged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from service.scoring.job import Job, PartCounts
from service.scoring.job_context import JobContext
from service.scoring.merge import in_place_order, merge_parts
from service.scoring.output_tables import REJECTED, values_schema
from service.scoring.parquet_source import open_source
from service.scoring.partitions import Partitions, batches_of_share, partition_events, partition_packs
from service.scoring.progress import Progress, silent
from service.scoring.score_batch import Scored, score
from service.scoring.worker_pool import Pool
from valuation.errors import SettingError
from valuation.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A job: packs, events (if any), output file, and number of processes."""

    packs: Path
    events: Path | None
    out: Path
    processes: int = 0

    @property
    def workers(self) -> int:
        """Number of processes; by default one per available processor."""
        affinity = getattr(os, "sched_getaffinity", None)
        return self.processes or (len(affinity(0)) if affinity else os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Packs valued and rejected, and parts taken over from an earlier run."""

    valued: int
    rejected: int
    rejected_file: Path
    resumed_parts: int
    restarted: bool


def score_files(request: Request, context: JobContext, progress: Progress = silent()) -> Outcome:  # noqa: B008 - has no state
    """Value all packs of a file, with their events, into one file.

    Parameters
    ----------
    request : Request
        The files and the number of processes.
    context : JobContext
        Quotes, model and terms.
    progress : Progress
        Receives messages and the count of packs.

    Raises
    ------
    UnreadableRecord
        If a file is no Parquet file.
    FieldError
        If a column is repeated or has a wrong unit, or there are no codes to join by.
    SettingError
        If the output cannot be written, or another run is writing it.
    """
    packs = open_source(request.packs, "packs")
    events = None if request.events is None else open_source(request.events, "events")
    _writable(request.out)
    job = Job.writing(request.out)
    identity = ":".join([context.digest, packs.identity(), events.identity() if events else "no events"])
    with _translate_disk_errors(request.out), job.locked():
        restarted = job.begin(identity)
        if restarted:
            progress.say(Message("command.score.begun_anew"))
        partitions = Partitions.of(job.folder / "shares", packs, events)
        with Pool(request.workers, context, job) as pool:
            part_counts, resumed_parts = _work(pool, partitions, job, progress)
        progress.say(Message("command.score.merging"))
        merge_parts([job.rejected_part(part) for part in range(len(part_counts))], REJECTED, job.rejected)
        merge_parts([job.values(part) for part in range(len(part_counts))], values_schema(context), job.out)
        job.close()
    return Outcome(
        valued=sum(counts.valued for counts in part_counts),
        rejected=sum(counts.rejected for counts in part_counts),
        rejected_file=job.rejected,
        resumed_parts=resumed_parts,
        restarted=restarted,
    )


def _work(pool: Pool, partitions: Partitions, job: Job, progress: Progress) -> tuple[list[PartCounts], int]:
    """Return the tallies of all shares, and how many were finished before."""
    if not job.partitioned.exists():
        progress.say(Message("command.score.partitioning"))
        partitions.folder.mkdir(exist_ok=True)
        tasks: list[Task] = [(_partition_packs, partitions)]
        tasks += [(_partition_events, partitions, portion) for portion in range(len(partitions.portions))]
        for _ in pool.each(tasks):
            pass
        job.partitioned.touch()
    shares = range(partitions.shares)
    done = {share: counts for share in shares if (counts := job.finished(share)) is not None}
    resumed_parts = len(done)
    if resumed_parts:
        progress.say(Message("command.score.resumed", count=resumed_parts, total=len(shares)))
    with progress.counting(
        partitions.packs.rows, sum(counts.valued + counts.rejected for counts in done.values())
    ) as count:
        wanted = [share for share in shares if share not in done]
        for place, counts in pool.each([(_value_share, share, partitions) for share in wanted]):
            done[wanted[place]] = counts
            count(counts.valued + counts.rejected)
    return [done[share] for share in shares], resumed_parts


Task = tuple[object, ...]


def _partition_packs(_context: JobContext, _job: Job, partitions: Partitions) -> None:
    partition_packs(partitions)


def _partition_events(_context: JobContext, _job: Job, partitions: Partitions, portion: int) -> None:
    partition_events(partitions, portion)


def _value_share(context: JobContext, job: Job, share: int, partitions: Partitions) -> PartCounts:
    """Value one share and keep the result."""
    found = [score(batch, context) for batch in batches_of_share(partitions, share)]
    values, rejected = (pa.concat_tables(getattr(one, name) for one in found) for name in ("values", "rejected"))
    return job.finish(share, Scored(values=in_place_order(values), rejected=in_place_order(rejected)))


@contextmanager
def _translate_disk_errors(out: Path) -> Iterator[None]:
    """Turn an error of the disk into a setting error; finished parts are kept."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise SettingError("fleet.not_written", field="OUT", out=out, reason=os.strerror(error.errno)) from error


def _writable(out: Path) -> None:
    """Raise if the output cannot be written."""
    if out.suffix != ".parquet":
        raise SettingError("fleet.not_parquet", field="OUT", out=out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError("fleet.folder", field="OUT", folder=out.parent, reason=error.strerror) from error
