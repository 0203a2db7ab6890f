"""Run independent jobs in parallel (并行作业), in local processes or on Spark.

>>> list(iter_results(abs, [-1, 2, -3], Workers(processes=1)))
[(0, 1), (1, 2), (2, 3)]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from models.processes import worker_pool
from valuation.errors import TrainingError
from valuation.messages import Message

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Local processes or a Spark cluster that run the jobs.

    Parameters
    ----------
    processes : int
        Local processes; 0 uses one per available processor, 1 runs in this process.
    spark : str, optional
        Master URL of a Spark cluster that runs the jobs; its workers need canzhi with the extra `train`.
    """

    processes: int = 0
    spark: str | None = None

    @property
    def count(self) -> int:
        """Number of local processes."""
        affinity = getattr(os, "sched_getaffinity", None)
        return self.processes or (len(affinity(0)) if affinity else os.cpu_count() or 1)


ALONE = Workers(processes=1)
"""Runs jobs in this process."""


def iter_results(
    function: Callable[[Job], Result], jobs: Iterable[Job], workers: Workers | None = None
) -> Iterator[tuple[int, Result]]:
    """Yield the index and the result of each job as it completes; a Spark cluster returns all together at the end.

    Parameters
    ----------
    function : callable of one job
        Importable by name (no lambda), because each process imports it. It must be deterministic.
    jobs : iterable
        Picklable data.
    workers : Workers, optional
        All local processors by default.

    Raises
    ------
    TrainingError
        If Spark is requested and not available, or a job failed on every attempt.
    """
    wanted = list(jobs)
    workers = workers or Workers()
    if workers.spark is not None and wanted:
        yield from _on_spark(function, wanted, workers.spark)
    elif workers.count == 1 or len(wanted) < 2:
        yield from ((place, function(job)) for place, job in enumerate(wanted))
    else:
        yield from _by_processes(function, wanted, min(workers.count, len(wanted)))


def _by_processes(
    function: Callable[[Job], Result], jobs: Sequence[Job], processes: int
) -> Iterator[tuple[int, Result]]:
    """Yield the results of local processes; pending jobs are cancelled when one fails."""
    pool = worker_pool(processes)
    try:
        begun = {pool.submit(function, job): place for place, job in enumerate(jobs)}
        for future in as_completed(begun):
            yield begun[future], future.result()
    except BrokenProcessPool as error:
        raise TrainingError("training.worker_ended", field="processes", value=processes) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _on_spark(function: Callable[[Job], Result], jobs: Sequence[Job], master: str) -> list[tuple[int, Result]]:
    """Return index and result of each job, one Spark task per job; Spark repeats the tasks of a lost worker."""
    with _session(master) as session:
        tasks = session.sparkContext.parallelize(list(enumerate(jobs)), max(1, len(jobs)))
        try:
            found: list[tuple[int, Result]] = tasks.map(_Numbered(function)).collect()
        except Exception as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            reason = lines[0][:300] if lines else Message("training.no_reason")
            raise TrainingError("training.spark_job", reason=reason) from error
    return found


class _Numbered:
    """Picklable wrapper that returns the index of a job with its result."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, job: tuple[int, Any]) -> tuple[int, Any]:
        """Return index and result."""
        return job[0], self._function(job[1])


@contextmanager
def _session(master: str) -> Iterator[SparkSession]:
    """Yield the active Spark session, or open a new one and close it afterwards."""
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - the extra spark
    except ModuleNotFoundError as missing:
        raise TrainingError("training.spark_missing") from missing
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    running = SparkSession.getActiveSession()
    try:
        session = running or SparkSession.builder.master(master).appName("canzhi training").getOrCreate()
    except Exception as error:
        raise TrainingError("training.spark_start", reason=str(error).splitlines()[0][:200]) from error
    try:
        yield session
    finally:
        if running is None:
            session.stop()
