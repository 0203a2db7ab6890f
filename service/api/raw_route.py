"""Answers that are bytes already, and the route of hot paths that reads and answers nothing else."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.store.idempotency import Outcome

Handler = Callable[[Request], Coroutine[Any, Any, Any]]

_JSON_HEADER: Final = (b"content-type", b"application/json")
_REPLAYED: Final = ((b"idempotent-replayed", b"true"),)


class JsonBytes(Response):
    """An answer that is JSON already; its head is made of few parts, because every valuation has one."""

    def __init__(self, body: bytes, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body)), _JSON_HEADER]


def json_response(outcome: Outcome) -> Response:
    """Return an outcome as a response; one that was given before says so."""
    return JsonBytes(outcome.body, outcome.status, _REPLAYED if outcome.replayed else ())


class RawRoute(APIRoute):
    """A route whose endpoint takes the request and returns an outcome: status and bytes.

    It pays for no dependency, validation or encoding by FastAPI; its `dependencies` only describe it.
    """

    def __init__(self, path: str, endpoint: Handler, **described: Any) -> None:  # noqa: ANN401 - FastAPI's own options
        super().__init__(path, endpoint, **(described | {"response_model": None}))  # the outcome holds its bytes
        handler = self.get_route_handler()

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            outcome: Outcome = await handler(Request(scope, receive, send))
            await json_response(outcome)(scope, receive, send)

        self.app = answer  # without the stacks in which FastAPI closes what dependencies have opened

    def get_route_handler(self) -> Handler:
        """Return the endpoint as it is."""
        handler: Handler = self.endpoint
        return handler
