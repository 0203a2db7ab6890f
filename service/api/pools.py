"""Where work waits that must not hold up the server: writes to the store, and batches (bounded, refused early)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from service.api.problems import Refusal

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

_STORE_THREADS = 4


class Pools:
    """Threads for the store and threads for batches; one pack is valued in the server's own thread."""

    def __init__(self, batch_threads: int, batch_queue: int) -> None:
        self._store = ThreadPoolExecutor(_STORE_THREADS, thread_name_prefix="store")
        self._batch = ThreadPoolExecutor(max(1, batch_threads), thread_name_prefix="batch")
        self._capacity = max(1, batch_threads) + batch_queue

    async def store(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Return the result of work on the store, done in another thread."""
        return await asyncio.get_running_loop().run_in_executor(self._store, partial(work, *arguments, **named))

    async def batch(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Return the result of a batch, done in another thread.

        Raises
        ------
        Refusal
            With status 503 if too many batches wait already.
        """
        if self._capacity <= 0:
            raise Refusal(503, "overloaded", "too many batches are waiting", hint="send the batch again in a second")
        self._capacity -= 1  # only the server's own thread counts, so no lock is needed
        try:
            return await asyncio.get_running_loop().run_in_executor(self._batch, partial(work, *arguments, **named))
        finally:
            self._capacity += 1

    def close(self) -> None:
        """Finish what was begun and take nothing more."""
        self._batch.shutdown()
        self._store.shutdown()
