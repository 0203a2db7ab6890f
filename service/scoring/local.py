"""A fleet valued on one machine (单机批量评估): cut into parts, worked on by several processes, put together again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from service.scoring.answers import REJECTED, values_schema
from service.scoring.hash_partitions import Partitioned, batch_of_share, deal
from service.scoring.job import Job, Tally
from service.scoring.job_context import JobContext
from service.scoring.merge import gather
from service.scoring.plan import Part, plan_in_order, portions_of, shares_of
from service.scoring.pool import Pool
from service.scoring.progress import Progress, silent
from service.scoring.reading import Ordered, OutOfOrder, batches_in_order
from service.scoring.scoring import Scored, score
from service.scoring.source import Source, open_source
from service.scoring.spool import Spooled, stage
from valuation.errors import SettingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A job: packs, events (if any), where the answer goes, and how many processes work on it."""

    packs: Path
    events: Path | None
    out: Path
    processes: int = 0

    @property
    def workers(self) -> int:
        """How many processes work: as many as this one may use processors, unless it was said."""
        affinity = getattr(os, "sched_getaffinity", None)
        return self.processes or (len(affinity(0)) if affinity else os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended: packs valued and set aside, and where; parts taken over from a run before."""

    valued: int
    rejected: int
    rejected_file: Path
    taken_over: int
    begun_anew: bool


def score_files(request: Request, kit: JobContext, progress: Progress = silent()) -> Outcome:  # noqa: B008 - has no state
    """Value all packs of a file, with their events, into one file.

    Parameters
    ----------
    request : Request
        The files, and how many processes work.
    kit : Kit
        Quotes, model and terms.
    progress : Progress
        Told what is being done, and how many packs are.

    Raises
    ------
    UnreadableRecord
        If a file is no Parquet file.
    FieldError
        If a column stands twice, is in a wrong unit, or there are no codes to join by.
    SettingError
        If the answer cannot be written where it should be, or another run is writing it.
    """
    packs = open_source(request.packs, "packs")
    events = None if request.events is None else open_source(request.events, "events")
    _writable(request.out)
    job = Job.writing(request.out)
    identity = ":".join([kit.digest, packs.identity(), events.identity() if events else "no events"])
    with _told_of_the_disk(request.out), job.held():
        anew = job.begin(identity)
        if anew:
            progress.say("the job begun here before was another (files, quotes, model or terms); beginning anew")
        with Pool(request.workers, kit, job) as pool:
            tallies, taken_over = _work(pool, (packs, events), job, progress)
        progress.say("putting the parts together")
        gather([job.aside(part) for part in range(len(tallies))], REJECTED, job.rejected)
        gather([job.values(part) for part in range(len(tallies))], values_schema(kit), job.out)
        job.close()
    return Outcome(
        valued=sum(tally.valued for tally in tallies),
        rejected=sum(tally.rejected for tally in tallies),
        rejected_file=job.rejected,
        taken_over=taken_over,
        begun_anew=anew,
    )


def _work(pool: Pool, sources: tuple[Source, Source | None], job: Job, progress: Progress) -> tuple[list[Tally], int]:
    """Return the tallies of all parts, and how many were finished before: in order if the files are, else by shares."""
    packs, events = sources
    staged_file = job.folder / "packs.arrow"
    staged = stage(packs, staged_file)
    parts = None if (job.folder / "by-shares").exists() else plan_in_order(staged, staged_file, packs, events)
    if parts is not None:
        files = Ordered(packs=packs, staged=staged_file, events=events, repeated=staged.repeated)
        try:
            return _run(pool, job, progress, [(_score_part, part, files) for part in parts], packs.rows)
        except OutOfOrder:
            pool.drain()
    return _by_shares(pool, sources, staged, job, progress)


def _by_shares(
    pool: Pool, sources: tuple[Source, Source | None], staged: Spooled, job: Job, progress: Progress
) -> tuple[list[Tally], int]:
    """Return the tallies of all shares, after packs and events were dealt into them."""
    packs, events = sources
    portions = portions_of(events)
    dealt = Partitioned(
        folder=job.folder / "shares", shares=shares_of(packs, events), portions=len(portions), repeated=staged.repeated
    )
    mark = job.folder / "by-shares"
    if not mark.exists():
        progress.say("the events stand in no order: dealing them out by their codes first")
        for entry in job.folder.glob("[0-9]*"):
            entry.unlink()
        dealt.folder.mkdir(exist_ok=True)
        tasks: list[Task] = [(_deal, packs, dealt, "packs", 0, None)]
        tasks += [(_deal, events, dealt, "events", place, groups) for place, groups in enumerate(portions)]
        for _ in pool.each(tasks):
            pass
        mark.touch()
    return _run(pool, job, progress, [(_score_share, share, dealt) for share in range(dealt.shares)], packs.rows)


Task = tuple[Callable[..., object], ...] | tuple[object, ...]


def _run(pool: Pool, job: Job, progress: Progress, tasks: list[Task], packs: int) -> tuple[list[Tally], int]:
    """Return the tally of each part in order, working out those that are not finished yet."""
    done = {part: tally for part in range(len(tasks)) if (tally := job.finished(part)) is not None}
    taken_over = len(done)
    if taken_over:
        progress.say(f"{taken_over} of {len(tasks)} parts are finished already")
    with progress.counting(packs, sum(tally.valued + tally.rejected for tally in done.values())) as count:
        wanted = [part for part in range(len(tasks)) if part not in done]
        for place, tally in pool.each([(_finish, part, *tasks[part]) for part in wanted]):
            done[wanted[place]] = tally
            count(tally.valued + tally.rejected)
    return [done[part] for part in range(len(tasks))], taken_over


def _finish(kit: JobContext, job: Job, part: int, work: Callable[..., Iterator[Scored]], *rest: object) -> Tally:
    """Work out one part and keep it."""
    found = list(work(kit, *rest))
    empty = Scored(values=values_schema(kit).empty_table(), rejected=REJECTED.empty_table())
    return job.finish(
        part,
        Scored(
            values=pa.concat_tables([empty.values, *(one.values for one in found)]),
            rejected=pa.concat_tables([empty.rejected, *(one.rejected for one in found)]).sort_by("place"),
        ),
    )


def _score_part(kit: JobContext, part: Part, files: Ordered) -> Iterator[Scored]:
    return (score(batch, kit) for batch in batches_in_order(part, files))


def _score_share(kit: JobContext, share: int, dealt: Partitioned) -> Iterator[Scored]:
    return (score(batch, kit) for batch in batch_of_share(dealt, share))


def _deal(_kit: JobContext, _job: Job, *rest: object) -> None:
    deal(*rest)  # type: ignore[arg-type]  # the arguments were put together in _by_shares


@contextmanager
def _told_of_the_disk(out: Path) -> Iterator[None]:
    """Say in a sentence where the disk refused; what is finished is kept."""
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
    """Raise where the answer cannot be written."""
    if out.suffix != ".parquet":
        raise SettingError(f"the output {out} is no .parquet file", hint="name it values.parquet", field="OUT")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(
            f"{out.parent} cannot be made: {error.strerror}", hint="name a folder that can be written", field="OUT"
        ) from error
