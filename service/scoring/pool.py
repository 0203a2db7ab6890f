"""Processes that value parts: started fresh, each with its own kit, gone when the one that started them is gone."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from service.scoring.job import Job
from service.scoring.job_context import JobContext
from service.scoring.memory import keep_memory, rarely_collect, without_pandas
from valuation.errors import CanzhiError, SettingError

_AHEAD = 2  # parts that wait for each process, so that none is idle

_here: dict[str, Any] = {}


class Pool:
    """Processes that carry out tasks: tuples of a function and its arguments, called with kit and job before them.

    They are started when the first tasks come; one process, or one task, is done by this one: nothing is started.
    """

    def __init__(self, processes: int, kit: JobContext, job: Job) -> None:
        self._processes = processes
        self._kit, self._job = kit, job
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        """Return the pool; nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the processes; what was not begun is left."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def drain(self) -> None:
        """Wait until nothing that was begun is still being written."""
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def each(self, tasks: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
        """Yield the place of each task with its result, as they come.

        Raises
        ------
        SettingError
            If a process ended before its work did.
        """
        if self._processes == 1 or len(tasks) <= 1:
            keep_memory()
            for place, (function, *rest) in enumerate(tasks):
                yield place, function(self._kit, self._job, *rest)
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
        """Return processes that were started."""
        self._executor = ProcessPoolExecutor(
            self._processes,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_settle,
            initargs=(self._kit, self._job),
        )
        return self._executor


def _result(future: Future[Any]) -> Any:  # noqa: ANN401 - the task's own
    try:
        answer = future.result()
    except BrokenProcessPool as error:
        raise SettingError(
            "a process ended before its work did, perhaps for want of memory",
            hint="run the same command again: what is finished is kept; --processes 1 needs less memory",
        ) from error
    if isinstance(answer, _Refusal):
        raise answer.error()
    return answer


class _Refusal:
    """An error on its way from another process."""

    def __init__(self, error: CanzhiError) -> None:
        self._kind, self._message, self._hint, self._field = type(error), error.message, error.hint, error.field

    def error(self) -> CanzhiError:
        """Return the error as it was raised there."""
        return self._kind(self._message, hint=self._hint, field=self._field)


def _carry_out(task: tuple[Callable[..., Any], Any]) -> Any:  # noqa: ANN401 - the task's own
    function, *rest = task
    try:
        return function(_here["kit"], _here["job"], *rest)
    except CanzhiError as error:
        return _Refusal(error)


def _settle(kit: JobContext, job: Job) -> None:
    """Make a fresh process ready: one thread, and gone when its parent is."""
    without_pandas().__enter__()  # for as long as the process lives
    pa.set_cpu_count(1)
    keep_memory()
    rarely_collect()
    _here.update(kit=kit, job=job)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
