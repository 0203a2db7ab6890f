"""Worker processes (工作进程): started fresh, and gone when the process that started them is gone."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any


def worker_pool(
    processes: int, prepare: Callable[..., None] | None = None, arguments: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """Return a pool of worker processes.

    Parameters
    ----------
    processes
        Their number.
    prepare, arguments
        A function that is importable by name, and its arguments; each process calls it before its first job.
    """
    return ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_prepare,
        initargs=(prepare, arguments),
    )


def _prepare(prepare: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    """Limit a worker process to one thread for linear algebra, and end it when its parent process ends."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    threading.Thread(target=_follow_parent, daemon=True).start()
    if prepare is not None:
        prepare(*arguments)


def _follow_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
