"""Packs that arrive together are valued together, and kept in one transaction; who comes alone never waits.

A batch of rows costs hardly more than one row, and a transaction for many hardly more than for one. So a request that
comes while others are under way joins those that came since, and a request that comes alone is valued at once. Each
pack is answered as if it had come alone: rows do not depend on their neighbours, and errors stay with their pack.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import msgspec

from service.batch_request import value_group
from service.problems import Refusal
from service.store.idempotency import Claim, Outcome
from service.valuation_service import Answer, Terms, ToKeep, ValuationService
from valuation.errors import CanzhiError
from valuation.ingest import Traces

LARGEST = 256
"""Most packs that are valued at once: beyond it a row gets little cheaper, and everybody would wait for the last."""

CROWD = 8
GATHER_S = 0.01
"""After so many were answered at once, those who wait do so this much longer at most, until as many have come again:
under load a larger batch costs each of them less time than it takes to gather. [s]"""


class Asked(msgspec.Struct, frozen=True, kw_only=True):  # made for each request: a fifth of a dataclass's time
    """One pack to be valued and kept: at which counter, on what terms, for whom, under which claim."""

    counter: ValuationService
    traces: Traces
    terms: Terms
    caller: str
    claim: Claim | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that is in the store, and the outcome to be sent: the first one's where the claim was known."""

    answer: Answer
    outcome: Outcome


class Unreadable(Exception):
    """What was sent is no plain question."""


Reading: TypeAlias = "Callable[[], Asked | None]"
"""Reads what was sent, None where it is no plain question."""
Waiting = tuple[Asked, "asyncio.Future[Kept]"]


class Coalescer:
    """Values packs in the server's own thread and keeps them from another, as many at a time as came together."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: deque[tuple[Reading, asyncio.Future[Kept]]] = deque()
        self._valued: list[tuple[ValuationService, ToKeep, asyncio.Future[Kept]]] = []
        self._store = ThreadPoolExecutor(1, thread_name_prefix="keep")
        self._planned = False
        self._gathering: asyncio.TimerHandle | None = None
        self._expected = 0
        self._keeping: asyncio.Task[None] | None = None

    async def value(self, asked: Asked) -> Kept:
        """Return a pack's answer once it is kept.

        Raises
        ------
        CanzhiError
            If the pack cannot be valued, or the store cannot be written.
        Refusal
            With status 503 if too many wait already.
        """
        return await self.read_and_value(lambda: asked)

    async def read_and_value(self, read: Reading) -> Kept:
        """Return the answer for the pack that is read when its turn has come, once it is kept.

        What came together is read together too: one after the other is much cheaper than each between other work.

        Raises
        ------
        Unreadable
            If what was sent is no plain question.
        CanzhiError, Refusal
            As :meth:`value`.
        """
        self.see_room()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Kept] = loop.create_future()
        self._waiting.append((read, future))
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
        if answered >= CROWD and waiting < LARGEST:
            self._planned, self._expected = True, min(answered + waiting, LARGEST)
            self._gathering = loop.call_later(GATHER_S, self._value_waiting)
        elif waiting and (waiting >= LARGEST or self._keeping is None):
            self._planned = True
            loop.call_soon(self._value_waiting)

    def see_room(self) -> None:
        """Refuse early, before anything is read, where too many wait already.

        Raises
        ------
        Refusal
            With status 503.
        """
        if len(self._waiting) + len(self._valued) >= self._room:
            raise Refusal(503, "overloaded", "too many packs are waiting", hint="send the request again in a second")

    def _value_waiting(self) -> None:
        """Value those who wait, those on the same terms together, and hand them on to be kept."""
        self._gathering = None
        batch = [self._waiting.popleft() for _ in range(min(LARGEST, len(self._waiting)))]
        groups: dict[object, list[Waiting]] = {}
        for read, future in batch:
            try:
                asked = read()
            except Exception as fault:  # noqa: BLE001 - whatever it is, it goes to whoever sent it
                _fail(future, fault)
                continue
            if asked is None:
                _fail(future, Unreadable())
            else:
                groups.setdefault((id(asked.counter), asked.terms.key), []).append((asked, future))
        for group in groups.values():
            self._value_group(group)
        loop = asyncio.get_running_loop()
        if self._valued and self._keeping is None:
            self._keeping = loop.create_task(self._keep_valued())
        self._planned = False
        self._plan(loop)

    def _value_group(self, group: Sequence[Waiting]) -> None:
        """Value packs on the same terms; a fault that one of them brings about is its own alone."""
        try:
            results = value_group(group[0][0].counter, [(asked.traces, asked.terms) for asked, _ in group])
        except Exception as fault:  # noqa: BLE001 - whatever it is, it goes to those who asked
            if len(group) == 1:
                _fail(group[0][1], fault)
                return
            for one in group:
                self._value_group([one])
            return
        for (asked, future), result in zip(group, results, strict=True):
            if isinstance(result, CanzhiError):
                _fail(future, result)
            else:
                keep = ToKeep(answer=result, claim=asked.claim, recorded_by=asked.caller)
                self._valued.append((asked.counter, keep, future))

    async def _keep_valued(self) -> None:
        """Keep what was valued, one transaction after the other, each with all that has gathered since the last."""
        loop = asyncio.get_running_loop()
        answered = 0
        while self._valued:
            batch, self._valued = self._valued, []
            answered = len(batch)
            try:
                outcomes = await loop.run_in_executor(
                    self._store, batch[-1][0].keep_each, [keep for _, keep, _ in batch]
                )
            except Exception as fault:  # noqa: BLE001 - as above
                for _, _, future in batch:
                    _fail(future, fault)
                continue
            for (_, keep, future), outcome in zip(batch, outcomes, strict=True):
                if isinstance(outcome, CanzhiError):
                    _fail(future, outcome)
                elif not future.done():
                    future.set_result(Kept(answer=keep.answer, outcome=outcome))
        self._keeping = None
        self._plan(loop, answered)

    async def close(self) -> None:
        """Finish what was begun and take nothing more."""
        if self._keeping is not None:
            await self._keeping
        self._store.shutdown()


def _fail(future: asyncio.Future[Kept], fault: Exception) -> None:
    if not future.done():
        future.set_exception(fault)
