"""Micro-batches: packs that arrive together are valued together and kept in one transaction.

A batch of rows costs hardly more than one row, and a transaction for many hardly more than for one. A request that
comes while others are under way joins those that came since; a request that comes alone is valued at once. Each pack
is answered as if it had come alone: rows do not depend on their neighbours, and errors stay with their pack.
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
"""Most packs that are valued at once: beyond it a row gets little cheaper, and everybody would wait for the last."""

BURST_MIN = 8
BATCH_WINDOW_S = 0.01
"""After at least `BURST_MIN` were answered at once, those who wait do so this much longer at most, until as many have
come again: under load a larger batch costs each of them less time than it takes to gather. [s]"""


Reader: TypeAlias = "Callable[[], ValuationTask]"
"""Reads what a request asks for; what it raises, its caller is answered."""


class PendingRequest(msgspec.Struct, frozen=True, kw_only=True):  # made for each request: a fifth of a dataclass's time
    """One pack to be read, valued by a counter and kept: for whom, under which idempotency claim."""

    service: ValuationService
    read: Reader
    caller: str
    request_key: IdempotencyKey | None = None


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered once it is in the store, the first time's outcome where the claim was known; and the route."""

    best_route: str
    outcome: Outcome


WaitingItem = tuple[PendingRequest, "asyncio.Future[StoredAnswer]"]
ReadItem = tuple[PendingRequest, ValuationTask, "asyncio.Future[StoredAnswer]"]
ValuedItem = tuple[PendingRequest, Answer, "asyncio.Future[StoredAnswer]"]


class MicroBatcher:
    """Values packs in the server's own thread and keeps them from another, as many at a time as came together."""

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
        """Return the answer for the pack that is read when its turn has come, once it is kept.

        What came together is also read together: one after the other is much cheaper than each between other work.

        Raises
        ------
        CanzhiError
            If the pack cannot be read or valued, or the store cannot be written.
        Refusal
            With status 503 if too many wait already.
        """
        if len(self._waiting) + len(self._valued) >= self._capacity:
            raise Refusal(503, "overloaded", "too many packs are waiting", hint="send the request again in a second")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[StoredAnswer] = loop.create_future()
        self._waiting.append((pending, future))
        self._schedule(loop)
        return await future

    def _schedule(self, loop: asyncio.AbstractEventLoop, answered: int = 0) -> None:
        """See that those who wait are valued: whoever has arrived by the time the loop comes round is taken along.

        While answers are being written nothing is gained by valuing a few more: they could be written only afterwards.
        Where many were answered just now, they are given a moment to ask again.
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
        """Value those who wait, those on the same terms together, and hand them on to be kept."""
        self._window_timer = None
        batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
        read: dict[int, list[ReadItem]] = {}
        for pending, future in batch:
            try:
                asked = pending.read()
            except Exception as fault:  # noqa: BLE001 - whatever it is, it goes to whoever sent it
                _fail(future, fault)
            else:
                read.setdefault(id(pending.service), []).append((pending, asked, future))
        for group in read.values():
            self._value(group)
        loop = asyncio.get_running_loop()
        if self._valued and self._save_task is None:
            self._save_task = loop.create_task(self._save_valued())
        self._scheduled = False
        self._schedule(loop)

    def _value(self, group: Sequence[ReadItem]) -> None:
        """Value packs by the same counter; a fault that one of them brings about is its own alone."""
        service = group[0][0].service
        try:
            results = service.value_each([asked for _, asked, _ in group], channel="http")
        except Exception as fault:  # noqa: BLE001 - whatever it is, it goes to those who asked
            if len(group) == 1:
                _fail(group[0][-1], fault)
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
        """Keep what was valued, one transaction after the other, each with all that has gathered since the last."""
        loop = asyncio.get_running_loop()
        answered = 0
        while self._valued:
            batch, self._valued = self._valued, []
            answered = len(batch)
            try:
                outcomes = await loop.run_in_executor(self._store, _save, batch)
            except Exception as fault:  # noqa: BLE001 - as above
                for _, _, future in batch:
                    _fail(future, fault)
                continue
            for (_, answer, future), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, CanzhiError):
                    _fail(future, outcome)
                elif not future.done():
                    future.set_result(StoredAnswer(best_route=answer.as_dict["best_route"], outcome=outcome))
        self._save_task = None
        self._schedule(loop, answered)

    async def close(self) -> None:
        """Finish what was begun and take nothing more."""
        if self._save_task is not None:
            await self._save_task
        self._store.shutdown()


def _save(batch: Sequence[ValuedItem]) -> list[Outcome | CanzhiError]:
    """Keep what was valued in one transaction."""
    wanted = [
        ValuationToStore(kept=answer.kept, request_key=pending.request_key, recorded_by=pending.caller)
        for pending, answer, _ in batch
    ]
    service = batch[-1][0].service
    digest = service.market.history.digest
    return save_each(service.database, wanted, market_digest=digest, market_content=service.market.content)


def _fail(future: asyncio.Future[StoredAnswer], fault: Exception) -> None:
    if not future.done():
        future.set_exception(fault)
