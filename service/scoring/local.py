"""A fleet valued on one machine (单机批量评估): partitioned, valued by several processes, and merged."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from service.scoring.answers import REJECTED, values_schema
from service.scoring.job import Job, Tally
from service.scoring.job_context import JobContext
from service.scoring.merge import gather, in_place_order
from service.scoring.partitions import Partitions, batches_of_share, partition_events, partition_packs
from service.scoring.pool import Pool
from service.scoring.progress import Progress, silent
from service.scoring.scoring import Scored, score
from service.scoring.source import open_source
from valuation.errors import SettingError


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
    taken_over: int
    begun_anew: bool


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
    with _told_of_the_disk(request.out), job.held():
        anew = job.begin(identity)
        if anew:
            progress.say("the job begun here before was another (files, quotes, model or terms); beginning anew")
        partitions = Partitions.of(job.folder / "shares", packs, events)
        with Pool(request.workers, context, job) as pool:
            tallies, taken_over = _work(pool, partitions, job, progress)
        progress.say("putting the parts together")
        gather([job.aside(part) for part in range(len(tallies))], REJECTED, job.rejected)
        gather([job.values(part) for part in range(len(tallies))], values_schema(context), job.out)
        job.close()
    return Outcome(
        valued=sum(tally.valued for tally in tallies),
        rejected=sum(tally.rejected for tally in tallies),
        rejected_file=job.rejected,
        taken_over=taken_over,
        begun_anew=anew,
    )


def _work(pool: Pool, partitions: Partitions, job: Job, progress: Progress) -> tuple[list[Tally], int]:
    """Return the tallies of all shares, and how many were finished before."""
    if not job.partitioned.exists():
        progress.say("partitioning packs and events by battery code")
        partitions.folder.mkdir(exist_ok=True)
        tasks: list[Task] = [(_partition_packs, partitions)]
        tasks += [(_partition_events, partitions, portion) for portion in range(len(partitions.portions))]
        for _ in pool.each(tasks):
            pass
        job.partitioned.touch()
    shares = range(partitions.shares)
    done = {share: tally for share in shares if (tally := job.finished(share)) is not None}
    taken_over = len(done)
    if taken_over:
        progress.say(f"{taken_over} of {len(shares)} parts are finished already")
    with progress.counting(
        partitions.packs.rows, sum(tally.valued + tally.rejected for tally in done.values())
    ) as count:
        wanted = [share for share in shares if share not in done]
        for place, tally in pool.each([(_value_share, share, partitions) for share in wanted]):
            done[wanted[place]] = tally
            count(tally.valued + tally.rejected)
    return [done[share] for share in shares], taken_over


Task = tuple[object, ...]


def _partition_packs(_context: JobContext, _job: Job, partitions: Partitions) -> None:
    partition_packs(partitions)


def _partition_events(_context: JobContext, _job: Job, partitions: Partitions, portion: int) -> None:
    partition_events(partitions, portion)


def _value_share(context: JobContext, job: Job, share: int, partitions: Partitions) -> Tally:
    """Value one share and keep the result."""
    found = [score(batch, context) for batch in batches_of_share(partitions, share)]
    values, rejected = (pa.concat_tables(getattr(one, name) for one in found) for name in ("values", "rejected"))
    return job.finish(share, Scored(values=in_place_order(values), rejected=in_place_order(rejected)))


@contextmanager
def _told_of_the_disk(out: Path) -> Iterator[None]:
    """Turn an error of the disk into a setting error; finished parts are kept."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise SettingError(
            f"{out} could not be written: {os.strerror(error.errno)}",
            hint="make room, or name another output; the same command goes on where this one stood",
            field="OUT",
        ) from error


def _writable(out: Path) -> None:
    """Raise if the output cannot be written."""
    if out.suffix != ".parquet":
        raise SettingError(f"the output {out} is no .parquet file", hint="name it values.parquet", field="OUT")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            f"{out.parent} cannot be made: {error.strerror}", hint="name a folder that can be written", field="OUT"
        ) from error
