"""Who is champion now: the log of promotions is watched, and a new champion takes the counter over between requests.

Every request is preceded by one look at the log's size and time (about 2 µs). Where it has changed, the request waits
for the new champion to be read in another thread; requests that are under way finish with the model they began with,
because a counter is never changed, only replaced. A champion that cannot be read leaves the one before in service.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from models.promotions import log_stamp
from service.counter import Counter, find_model
from valuation.errors import CanzhiError
from valuation.ports import Predictor

TRY_AGAIN_S = 5.0
"""How long after a champion could not be read it is tried again. [s]"""
LOOK_EVERY_S = 1.0
"""How often a server without requests looks. [s]"""


class ModelWatch:
    """The counter in service, replaced whenever another model is to answer."""

    def __init__(self, counter: Counter, find: Callable[[Counter], Predictor | None] | None = None) -> None:
        self.counter = counter
        self.problem = ""
        self.swaps = 0
        self._find = find or (lambda counter: find_model(counter.settings))
        self._log = counter.settings.home / "models"
        self._stamp = counter.log_stamp
        self._retry_at = float("inf")
        self._under_way: asyncio.Task[None] | None = None

    def outdated(self) -> bool:
        """Tell whether the log of promotions has changed since the counter's model was found."""
        return log_stamp(self._log) != self._stamp or (self.problem != "" and time.monotonic() >= self._retry_at)

    async def renew(self) -> None:
        """Put the model that the log names at the counter; requests that come meanwhile wait for the same reading."""
        while self.outdated():
            if self._under_way is None:
                self._under_way = asyncio.create_task(self._renew())
            await asyncio.shield(self._under_way)  # a client that hangs up does not stop what others wait for

    async def keep_looking(self) -> None:
        """Look once a second for as long as the server runs, so that a quiet server changes its model too."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            with suppress(CanzhiError):
                await self.renew()

    def replace(self, model: Predictor | None) -> None:
        """Let another model answer from the next request on."""
        fresh = copy.copy(self.counter)
        fresh.model = model
        self.counter = fresh
        self.swaps += 1

    async def _renew(self) -> None:
        stamp = log_stamp(self._log)
        try:
            model = await asyncio.to_thread(self._find, self.counter)
        except (CanzhiError, OSError) as error:
            self.problem = getattr(error, "message", None) or str(error)
            self._retry_at = time.monotonic() + TRY_AGAIN_S
            structlog.get_logger().error("champion not usable", problem=self.problem, serving=_named(self.counter))
        else:
            if _digest(model) != _digest(self.counter.model):
                before = _named(self.counter)
                self.replace(model)
                structlog.get_logger().info("champion", before=before, after=_named(self.counter))
            self.problem, self._retry_at = "", float("inf")
        finally:
            self._stamp = stamp
            self._under_way = None


class Current:
    """Lets no request begin with a model that is champion no more."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Renew the counter where the log has changed, then pass the request on."""
        if scope["type"] == "http":
            watch: ModelWatch = scope["app"].state.watch
            if watch.outdated():
                await watch.renew()
        await self.app(scope, receive, send)


def _digest(model: Predictor | None) -> str:
    return "" if model is None else model.digest


def _named(counter: Counter) -> str:
    model = counter.model
    return "structural" if model is None else f"{model.name}@{model.version} {model.digest[:19]}"
