"""Independent jobs fanned out (并行作业): folds of a back-test, trials of a search, fits of segments; here or on Spark.

>>> run_all(abs, [-1, 2, -3], Crew(processes=1))
[1, 2, 3]
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from valuation.errors import TrainingError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
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


def run_all(function: Callable[[Job], Result], jobs: Iterable[Job], crew: Crew | None = None) -> list[Result]:
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
    wanted = list(jobs)
    crew = crew or Crew()
    if crew.spark is not None:
        return _on_spark(function, wanted, crew.spark)
    if crew.hands == 1 or len(wanted) < 2:
        return [function(job) for job in wanted]
    with ProcessPoolExecutor(
        min(crew.hands, len(wanted)), mp_context=multiprocessing.get_context("spawn"), initializer=_alone
    ) as pool:
        return list(pool.map(function, wanted))


def _alone() -> None:
    """Keep a process to one thread: there is one process a processor."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _on_spark(function: Callable[[Job], Result], jobs: Sequence[Job], master: str) -> list[Result]:
    """Return the results from a cluster, a task each; Spark does again what a lost worker had."""
    with _session(master) as session:
        tasks = session.sparkContext.parallelize(list(enumerate(jobs)), max(1, len(jobs)))
        try:
            found = tasks.map(_Numbered(function)).collect()
        except Exception as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise TrainingError(
                f"a job failed on the cluster: {(lines or ['no reason given'])[0][:300]}",
                hint="Spark's log tells more; workers need canzhi of this version with the extra train",
            ) from error
    return [result for _, result in sorted(found, key=_number)]


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
