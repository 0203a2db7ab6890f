"""The short way of a single valuation: a plain request is answered without the stations that it does not need.

Most requests are one JSON body for `POST /v1/valuations` from a caller who may ask. Whatever is not that, or cannot be
read, goes the long way through all stations with its body still to be read, so that every refusal is worded there
alone. What is answered is the same on both ways, byte for byte. It stands before the application and all its stations.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.coalescing import Asked, Coalescer, Kept, Reading, Unreadable
from service.dependencies import JSON
from service.model_refresh import ModelRefresher
from service.problems import Refusal, problem_of, respond
from service.reading import read_one, terms_of
from service.schemas import ValuationRequest, decode
from service.security import ApiKey, Gate
from service.settings import Settings
from service.telemetry import Telemetry
from service.valuation_service import ValuationService
from valuation.errors import CanzhiError

PATH = "/v1/valuations"
_UNPLAIN = frozenset({b"origin", b"content-encoding", b"idempotency-key", b"transfer-encoding", b"expect"})
_JSON = (b"content-type", JSON.encode())

OnFault: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]


class ShortWay:
    """Answers plain requests for one valuation, and passes everything else on."""

    path = PATH  # under which a fault is logged, as those of routes are

    def __init__(
        self, app: ASGIApp, *, telemetry: Telemetry, keys: tuple[ApiKey, ...], settings: Settings, on_fault: OnFault
    ) -> None:
        self.app = app
        self.telemetry = telemetry
        self.gate = Gate(app, keys, settings.host)
        self.limit_bytes = settings.body_limit_bytes
        self.on_fault = on_fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one request the short way if it is plain."""
        begun = time.perf_counter()
        caller = self._caller(scope)
        if caller is None:
            await self.app(scope, receive, send)
            return
        message = await receive()
        read = _reading(scope, message, caller)
        if read is None:
            await self.app(scope, _again(message, receive), send)
            return
        status = 500
        try:
            status = await self._answer(read, scope, receive, send)
        except (Unreadable, Refusal):
            status = 0
            await self.app(scope, _again(message, receive), send)
        except Exception as fault:
            scope["route"] = self
            response = await self.on_fault(Request(scope), fault)
            await response(scope, receive, send)
            raise
        finally:
            if status:
                requests, seconds = self.telemetry.of_request(PATH, "POST", status)
                requests.inc()
                seconds.observe(time.perf_counter() - begun)

    def _caller(self, scope: Scope) -> str | None:
        """Return who asks, by the head of a plain request; None where anything about the head is not plain."""
        if scope["method"] != "POST":
            return None
        headers: Mapping[bytes, bytes] = dict(scope["headers"])
        if len(headers) != len(scope["headers"]) or not _UNPLAIN.isdisjoint(headers):
            return None
        length = headers.get(b"content-length", b"")
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != _JSON[1] or not length.isdigit() or int(length) > self.limit_bytes:
            return None
        return self.gate.program(scope["client"], headers)

    async def _answer(self, read: Reading, scope: Scope, receive: Receive, send: Send) -> int:
        """Value the pack, send the answer or why there is none, and return its status."""
        coalescer: Coalescer = scope["app"].state.coalescer
        try:
            kept: Kept = await coalescer.read_and_value(read)
        except CanzhiError as error:
            self.telemetry.refusals.labels(error.code).inc()
            problem = problem_of(error)
            await respond(problem)(scope, receive, send)
            return problem.status
        self.telemetry.valued(kept.answer.best_route)
        body = kept.outcome.body
        headers = [(b"content-length", b"%d" % len(body)), _JSON]
        await send({"type": "http.response.start", "status": kept.outcome.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        return kept.outcome.status


def _reading(scope: Scope, message: Message, caller: str) -> Reading | None:
    """Return how to read what is asked; None where the body has not come whole, or another model is to answer."""
    if message["type"] != "http.request" or message.get("more_body", False):
        return None
    watch: ModelRefresher = scope["app"].state.watch
    if watch.outdated():
        return None
    return partial(_asked, watch.counter, message["body"], caller)


def _asked(counter: ValuationService, body: bytes, caller: str) -> Asked | None:
    """Return what is asked; None where it is refused, or where the store has to be asked first."""
    try:
        asked = decode(ValuationRequest, body)
        terms = terms_of(asked)
        if isinstance(asked.battery_code, str) or not counter.models.at_hand(terms.as_of):
            return None
        traces = read_one(counter, asked)
    except (CanzhiError, Refusal):
        return None
    return Asked(counter=counter, traces=traces, terms=terms, caller=caller)


def _again(message: Message, receive: Receive) -> Receive:
    """Return a way to receive on which a message that was taken comes once more."""
    taken = [message]

    async def received() -> Message:
        return taken.pop() if taken else await receive()

    return received
