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
from service.store.idempotency import Claim, Outcome
from service.store.valuations import ToKeep, keep_each
from service.valuation_service import Answer, Asked, ValuationService
from valuation.errors import CanzhiError

MAX_BATCH = 256
"""Most packs that are valued at once: beyond it a row gets little cheaper, and everybody would wait for the last."""

BURST_MIN = 8
BATCH_WINDOW_S = 0.01
"""After at least `BURST_MIN` were answered at once, those who wait do so this much longer at most, until as many have
come again: under load a larger batch costs each of them less time than it takes to gather. [s]"""


Read: TypeAlias = "Callable[[], Asked]"
"""Reads what a request asks for; what it raises, its caller is answered."""


class PendingRequest(msgspec.Struct, frozen=True, kw_only=True):  # made for each request: a fifth of a dataclass's time
    """One pack to be read, valued by a counter and kept: for whom, under which idempotency claim."""

    counter: ValuationService
    read: Read
    caller: str
    claim: Claim | None = None


class StoredAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered once it is in the store, the first time's outcome where the claim was known; and the route."""

    best_route: str
    outcome: Outcome


Waiting = tuple[PendingRequest, "asyncio.Future[StoredAnswer]"]
ReadRequest = tuple[PendingRequest, Asked, "asyncio.Future[StoredAnswer]"]
Valued = tuple[PendingRequest, Answer, "asyncio.Future[StoredAnswer]"]


class MicroBatcher:
    """Values packs in the server's own thread and keeps them from another, as many at a time as came together."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: deque[Waiting] = deque()
        self._valued: list[Valued] = []
        self._store = ThreadPoolExecutor(1, thread_name_prefix="keep")
        self._planned = False
        self._gathering: asyncio.TimerHandle | None = None
        self._expected = 0
        self._keeping: asyncio.Task[None] | None = None

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
        if len(self._waiting) + len(self._valued) >= self._room:
            raise Refusal(503, "overloaded", "too many packs are waiting", hint="send the request again in a second")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[StoredAnswer] = loop.create_future()
        self._waiting.append((pending, future))
        self._plan(loop)
        return await future

    def _plan(self, loop: asyncio.AbstractEventLoop, answered: int = 0) -> None:
        """See that those who wait are valued: whoever has arrived by the time the loop comes round is taken along.

        While answers are being written nothing is gained by valuing a few more: they could be written only afterwards.
        Where many were answered just now, they are given a moment to ask again.
        """
        waiting = len(self._waiting)
        if self._gathering is not None and waiting >= self._expected:
            self._gathering.cancel()
            self._gathering, self._planned = None, False
        if self._planned:
            return
        if answered >= BURST_MIN and waiting < MAX_BATCH:
            self._planned, self._expected = True, min(answered + waiting, MAX_BATCH)
            self._gathering = loop.call_later(BATCH_WINDOW_S, self._value_waiting)
        elif waiting and (waiting >= MAX_BATCH or self._keeping is None):
            self._planned = True
            loop.call_soon(self._value_waiting)

    def _value_waiting(self) -> None:
        """Value those who wait, those on the same terms together, and hand them on to be kept."""
        self._gathering = None
        batch = [self._waiting.popleft() for _ in range(min(MAX_BATCH, len(self._waiting)))]
        read: dict[int, list[ReadRequest]] = {}
        for pending, future in batch:
            try:
                asked = pending.read()
            except Exception as fault:  # noqa: BLE001 - whatever it is, it goes to whoever sent it
                _fail(future, fault)
            else:
                read.setdefault(id(pending.counter), []).append((pending, asked, future))
        for together in read.values():
            self._value(together)
        loop = asyncio.get_running_loop()
        if self._valued and self._keeping is None:
            self._keeping = loop.create_task(self._keep_valued())
        self._planned = False
        self._plan(loop)

    def _value(self, together: Sequence[ReadRequest]) -> None:
        """Value packs by the same counter; a fault that one of them brings about is its own alone."""
        counter = together[0][0].counter
        try:
            results = counter.value_each([asked for _, asked, _ in together], channel="http")
        except Exception as fault:  # noqa: BLE001 - whatever it is, it goes to those who asked
            if len(together) == 1:
                _fail(together[0][-1], fault)
                return
            for one in together:
                self._value([one])
            return
        for (pending, _, future), result in zip(together, results, strict=True):
            if isinstance(result, CanzhiError):
                _fail(future, result)
            else:
                self._valued.append((pending, result, future))

    async def _keep_valued(self) -> None:
        """Keep what was valued, one transaction after the other, each with all that has gathered since the last."""
        loop = asyncio.get_running_loop()
        answered = 0
        while self._valued:
            batch, self._valued = self._valued, []
            answered = len(batch)
            try:
                outcomes = await loop.run_in_executor(self._store, _keep, batch)
            except Exception as fault:  # noqa: BLE001 - as above
                for _, _, future in batch:
                    _fail(future, fault)
                continue
            for (_, answer, future), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, CanzhiError):
                    _fail(future, outcome)
                elif not future.done():
                    future.set_result(StoredAnswer(best_route=answer.told["best_route"], outcome=outcome))
        self._keeping = None
        self._plan(loop, answered)

    async def close(self) -> None:
        """Finish what was begun and take nothing more."""
        if self._keeping is not None:
            await self._keeping
        self._store.shutdown()


def _keep(batch: Sequence[Valued]) -> list[Outcome | CanzhiError]:
    """Keep what was valued in one transaction."""
    wanted = [ToKeep(kept=answer.kept, claim=pending.claim, recorded_by=pending.caller) for pending, answer, _ in batch]
    counter = batch[-1][0].counter
    digest = counter.market.history.digest
    return keep_each(counter.database, wanted, market_digest=digest, market_content=counter.market.content)


def _fail(future: asyncio.Future[StoredAnswer], fault: Exception) -> None:
    if not future.done():
        future.set_exception(fault)
