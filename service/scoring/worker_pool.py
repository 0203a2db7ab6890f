"""Worker processes of the local engine; they end with the process that started them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from models.processes import worker_pool
from service.scoring.job import Job
from service.scoring.job_context import JobContext
from service.scoring.memory_settings import keep_memory, rarely_collect, without_pandas
from valuation.errors import CanzhiError, SettingError

_AHEAD = 2  # submitted tasks per process, so that none is idle

_process: dict[str, Any] = {}


class Pool:
    """Processes that run tasks: tuples of a function and its arguments, called after job context and job.

    They are started with the first tasks. A single task, or all tasks of one process, run in this process.
    """

    def __init__(self, processes: int, context: JobContext, job: Job) -> None:
        self._processes = processes
        self._context, self._job = context, job
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Return the pool without starting processes."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel waiting tasks and wait for the processes."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def each(self, tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield the index and the result of each task in the order in which they end.

        Raises
        ------
        SettingError
            If a process ended before its task.
        """
        if self._processes == 1 or len(tasks) <= 1:
            keep_memory()
            for place, (function, *rest) in enumerate(tasks):
                yield place, function(self._context, self._job, *rest)
            return
        executor = self._executor or self._started()
        running: dict[Future[Any], int] = {}
        left = list(enumerate(tasks))[::-1]
        while left or running:
            while left and len(running) < self._processes * _AHEAD:
                place, task = left.pop()
                running[executor.submit(_carry_out, task)] = place
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield running.pop(future), _result(future)

    def _started(self) -> ProcessPoolExecutor:
        """Start the processes."""
        self._executor = worker_pool(self._processes, _settle, (self._context, self._job))
        return self._executor


def _result(future: Future[Any]) -> Any:  # noqa: ANN401 - the task's result
    try:
        answer = future.result()
    except BrokenProcessPool as error:
        raise SettingError("fleet.process_ended") from error
    if isinstance(answer, CanzhiError):
        raise answer
    return answer


def _carry_out(task: tuple[Callable[..., Any], Any]) -> Any:  # noqa: ANN401 - the task's result
    function, *rest = task
    try:
        return function(_process["context"], _process["job"], *rest)
    except CanzhiError as error:
        return error


def _settle(context: JobContext, job: Job) -> None:
    """Prepare a new process: one thread of Arrow, and little garbage collection."""
    without_pandas().__enter__()  # for as long as the process lives
    pa.set_cpu_count(1)
    keep_memory()
    rarely_collect()
    _process.update(context=context, job=job)
