"""Thread pools for blocking work: store access, and batches with a bounded queue."""

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
    """One pool for the store and one for batches; single packs are valued in the event loop."""

    def __init__(self, batch_threads: int, batch_queue: int) -> None:
        self._store = ThreadPoolExecutor(_STORE_THREADS, thread_name_prefix="store")
        self._batch = ThreadPoolExecutor(max(1, batch_threads), thread_name_prefix="batch")
        self._capacity = max(1, batch_threads) + batch_queue

    async def store(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Run a function that uses the store in another thread, and return its result."""
        return await asyncio.get_running_loop().run_in_executor(self._store, partial(work, *arguments, **named))

    async def batch(
        self, work: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs
    ) -> Result:
        """Run a batch in another thread, and return its result.

        Raises
        ------
        Refusal
            With status 503 if the queue of batches is full.
        """
        if self._capacity <= 0:
            raise Refusal(503, "overloaded", message="request.overloaded_batches")
        self._capacity -= 1  # only the event loop changes it, so no lock is needed
        try:
            return await asyncio.get_running_loop().run_in_executor(self._batch, partial(work, *arguments, **named))
        finally:
            self._capacity += 1

    def close(self) -> None:
        """Finish the started work, then shut down."""
        self._batch.shutdown()
        self._store.shutdown()
