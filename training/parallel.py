"""Independent jobs fanned out (并行作业): folds of a back-test, trials of a search, fits of segments; here or on Spark.

>>> run_all(abs, [-1, 2, -3], Workers(processes=1))
[1, 2, 3]
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from valuation.errors import TrainingError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Who does the work.

    Parameters
    ----------
    processes : int
        Processes of this machine; 0 for as many as it may use processors, 1 for this process alone.
    spark : str, optional
        The master of a Spark cluster, which then does the work; its workers need canzhi with the extra `train`.
    """

    processes: int = 0
    spark: str | None = None

    @property
    def hands(self) -> int:
        """How many processes of this machine work."""
        affinity = getattr(os, "sched_getaffinity", None)
        return self.processes or (len(affinity(0)) if affinity else os.cpu_count() or 1)


ALONE = Workers(processes=1)
"""This process, nobody else."""


def run_all(function: Callable[[Job], Result], jobs: Iterable[Job], crew: Workers | None = None) -> list[Result]:
    """Return the result of each job, in the order of the jobs, whoever did them.

    Parameters
    ----------
    function : callable of one job
        Importable by name (no lambda): each process imports it afresh. It must give the same result wherever it runs.
    jobs : iterable
        Plain data; each is carried to where it is done.
    crew : Crew, optional
        This machine with all its processors by default.

    Raises
    ------
    TrainingError
        If Spark is asked for and not there, or a job failed on every attempt.
    """
    return [result for _, result in sorted(iter_results(function, jobs, crew), key=_number)]


def iter_results(
    function: Callable[[Job], Result], jobs: Iterable[Job], crew: Workers | None = None
) -> Iterator[tuple[int, Result]]:
    """Yield the place of each job with its result as they come; :func:`run_all` says what is given and raised.

    From a cluster all come together, at the end.
    """
    wanted = list(jobs)
    crew = crew or Workers()
    if crew.spark is not None and wanted:
        yield from _on_spark(function, wanted, crew.spark)
    elif crew.hands == 1 or len(wanted) < 2:
        yield from ((place, function(job)) for place, job in enumerate(wanted))
    else:
        yield from _by_processes(function, wanted, min(crew.hands, len(wanted)))


def _by_processes(
    function: Callable[[Job], Result], jobs: Sequence[Job], processes: int
) -> Iterator[tuple[int, Result]]:
    """Yield the results of processes of this machine; what is not begun is left when one of them fails."""
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_alone)
    try:
        begun = {pool.submit(function, job): place for place, job in enumerate(jobs)}
        for future in as_completed(begun):
            yield begun[future], future.result()
    except BrokenProcessPool as error:
        raise TrainingError(
            "a process ended before its work did, perhaps for want of memory",
            hint="run it again with fewer processes (--processes 1)",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _alone() -> None:
    """Keep a process to one thread, for there is one process a processor, and end it when who started it ends."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _on_spark(function: Callable[[Job], Result], jobs: Sequence[Job], master: str) -> list[tuple[int, Result]]:
    """Return the places and results from a cluster, a task each; Spark does again what a lost worker had."""
    with _session(master) as session:
        tasks = session.sparkContext.parallelize(list(enumerate(jobs)), max(1, len(jobs)))
        try:
            found: list[tuple[int, Result]] = tasks.map(_Numbered(function)).collect()
        except Exception as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise TrainingError(
                f"a job failed on the cluster: {(lines or ['no reason given'])[0][:300]}",
                hint="Spark's log tells more; workers need canzhi of this version with the extra train",
            ) from error
    return found


class _Numbered:
    """A function that keeps the number of its job beside the result."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function

    def __call__(self, job: tuple[int, Any]) -> tuple[int, Any]:
        """Return number and result."""
        return job[0], self._function(job[1])


def _number(found: tuple[int, object]) -> int:
    return found[0]


@contextmanager
def _session(master: str) -> Iterator[SparkSession]:
    """Open a session on a cluster, or use the one that is open; only one that was opened here is closed."""
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - the extra spark
    except ModuleNotFoundError as missing:
        raise TrainingError("Spark is not installed", hint="pip install 'canzhi[spark]'") from missing
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    running = SparkSession.getActiveSession()
    try:
        session = running or SparkSession.builder.master(master).appName("canzhi training").getOrCreate()
    except Exception as error:
        raise TrainingError(
            f"Spark does not start: {str(error).splitlines()[0][:200]}",
            hint="install Java 17 (JAVA_HOME), and see that the master can be reached",
        ) from error
    try:
        yield session
    finally:
        if running is None:
            session.stop()
