"""Micro-batching: requests that arrive together are valued together and stored in one transaction.

Valuing or storing a batch costs little more than one row. A request that arrives during a batch joins the next one; a
single request is valued at once. Batching does not change an answer: rows are independent, and an error affects only
its own pack.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import msgspec

from service.api.problems import Refusal
from service.store.idempotency import IdempotencyKey, Outcome
from service.store.valuations import ValuationToStore, save_each
from service.valuation_service import Answer, ValuationService, ValuationTask
from valuation.errors import CanzhiError

MAX_BATCH = 256
"""Most packs per batch; larger batches save little per row and increase the latency."""

BURST_MIN = 8
BATCH_WINDOW_S = 0.01
"""Longest wait for more requests after a batch of at least `BURST_MIN`. [s]

Under load, larger batches cost less per request.
"""


Reader: TypeAlias = "Callable[[], ValuationTask]"
"""Decodes a request into a task; its exceptions become the response."""


class PendingRequest(
    msgspec.Struct, frozen=True, kw_only=True
):  # created per request: a struct takes a fifth of the time of a dataclass
    """A request in the queue: its decoder, service, caller and idempotency key."""

    service: ValuationService
    read: Reader
    caller: str
    request_key: IdempotencyKey | None = None


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The stored outcome of a request (the first one if it is repeated) and its best route."""

    best_route: str
    outcome: Outcome


WaitingItem = tuple[PendingRequest, "asyncio.Future[StoredAnswer]"]
ReadItem = tuple[PendingRequest, ValuationTask, "asyncio.Future[StoredAnswer]"]
ValuedItem = tuple[PendingRequest, Answer, "asyncio.Future[StoredAnswer]"]


class MicroBatcher:
    """Values queued packs in the event loop and stores them in another thread, batch by batch."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: deque[WaitingItem] = deque()
        self._valued: list[ValuedItem] = []
        self._store = ThreadPoolExecutor(1, thread_name_prefix="keep")
        self._scheduled = False
        self._window_timer: asyncio.TimerHandle | None = None
        self._expected = 0
        self._save_task: asyncio.Task[None] | None = None

    async def value(self, pending: PendingRequest) -> StoredAnswer:
        """Value one pack with the next batch and return its answer once it is stored.

        Raises
        ------
        CanzhiError
            If the pack cannot be decoded or valued, or the store cannot be written.
        Refusal
            With status 503 if the queue is full.
        """
        if len(self._waiting) + len(self._valued) >= self._capacity:
            raise Refusal(503, "overloaded")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[StoredAnswer] = loop.create_future()
        self._waiting.append((pending, future))
        self._schedule(loop)
        return await future

    def _schedule(self, loop: asyncio.AbstractEventLoop, answered: int = 0) -> None:
        """Schedule the next batch.

        While answers are being stored, requests accumulate. After a large batch of `answered` requests, the next one
        waits up to `BATCH_WINDOW_S` for as many.
        """
        waiting = len(self._waiting)
        if self._window_timer is not None and waiting >= self._expected:
            self._window_timer.cancel()
            self._window_timer, self._scheduled = None, False
        if self._scheduled:
            return
        if answered >= BURST_MIN and waiting < MAX_BATCH:
            self._scheduled, self._expected = True, min(answered + waiting, MAX_BATCH)
            self._window_timer = loop.call_later(BATCH_WINDOW_S, self._value_waiting)
        elif waiting and (waiting >= MAX_BATCH or self._save_task is None):
            self._scheduled = True
            loop.call_soon(self._value_waiting)

    def _value_waiting(self) -> None:
        """Value the queued requests, grouped by service, and pass the answers on to be stored."""
        self._window_timer = None
        batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
        read: dict[int, list[ReadItem]] = {}
        for pending, future in batch:
            try:
                task = pending.read()
            except Exception as error:  # noqa: BLE001 - any exception becomes the response of this request
                _fail(future, error)
            else:
                read.setdefault(id(pending.service), []).append((pending, task, future))
        for group in read.values():
            self._value(group)
        loop = asyncio.get_running_loop()
        if self._valued and self._save_task is None:
            self._save_task = loop.create_task(self._save_valued())
        self._scheduled = False
        self._schedule(loop)

    def _value(self, group: Sequence[ReadItem]) -> None:
        """Value packs with the same service; an unexpected error fails only the pack that causes it."""
        service = group[0][0].service
        try:
            results = service.value_each([task for _, task, _ in group], channel="http")
        except Exception as error:  # noqa: BLE001 - any exception becomes the response of its request
            if len(group) == 1:
                _fail(group[0][-1], error)
                return
            for one in group:
                self._value([one])
            return
        for (pending, _, future), result in zip(group, results, strict=True):
            if isinstance(result, CanzhiError):
                _fail(future, result)
            else:
                self._valued.append((pending, result, future))

    async def _save_valued(self) -> None:
        """Store the valued packs, one transaction per batch, until none is left."""
        loop = asyncio.get_running_loop()
        answered = 0
        while self._valued:
            batch, self._valued = self._valued, []
            answered = len(batch)
            try:
                outcomes = await loop.run_in_executor(self._store, _save, batch)
            except Exception as error:  # noqa: BLE001 - as above
                for _, _, future in batch:
                    _fail(future, error)
                continue
            for (_, answer, future), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, CanzhiError):
                    _fail(future, outcome)
                elif not future.done():
                    future.set_result(StoredAnswer(best_route=answer.as_dict["best_route"], outcome=outcome))
        self._save_task = None
        self._schedule(loop, answered)

    async def close(self) -> None:
        """Store what has been valued, then shut down."""
        if self._save_task is not None:
            await self._save_task
        self._store.shutdown()


def _save(batch: Sequence[ValuedItem]) -> list[Outcome | CanzhiError]:
    """Store one batch in one transaction."""
    wanted = [
        ValuationToStore(stored=answer.stored, request_key=pending.request_key, recorded_by=pending.caller)
        for pending, answer, _ in batch
    ]
    service = batch[-1][0].service
    digest = service.market.history.digest
    return save_each(service.database, wanted, market_digest=digest, market_content=service.market.content)


def _fail(future: asyncio.Future[StoredAnswer], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
