"""Responses from JSON bytes, and a route class without FastAPI's dependencies, validation and encoding."""

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
    """A response of JSON bytes, with few headers because it is created for every valuation."""

    def __init__(self, body: bytes, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [*headers, (b"content-length", b"%d" % len(body)), _JSON_HEADER]


def json_response(outcome: Outcome) -> Response:
    """Return the response of an outcome; a replayed one has the header `idempotent-replayed`."""
    return JsonBytes(outcome.body, outcome.status, _REPLAYED if outcome.replayed else ())


class RawRoute(APIRoute):
    """A route whose endpoint takes the request and returns an outcome (status and bytes).

    FastAPI runs no dependency, validation or encoding for it; `dependencies` appear only in the OpenAPI description.
    """

    def __init__(self, path: str, endpoint: Handler, **described: Any) -> None:  # noqa: ANN401 - options of FastAPI
        super().__init__(path, endpoint, **(described | {"response_model": None}))  # the outcome contains encoded bytes
        handler = self.get_route_handler()

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            outcome: Outcome = await handler(Request(scope, receive, send))
            await json_response(outcome)(scope, receive, send)

        self.app = answer  # without FastAPI's exit stacks for dependencies

    def get_route_handler(self) -> Handler:
        """Return the endpoint without FastAPI's wrapper."""
        handler: Handler = self.endpoint
        return handler
