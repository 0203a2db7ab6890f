"""FastAPI exception handlers: every error becomes one problem response without a traceback."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.api.problems import Refusal, make_problem, problem_of, respond
from service.telemetry import log
from valuation.errors import CanzhiError, FieldError

_HTTP_WORDS = {
    404: ("no-such-path", "/openapi.json lists every path"),
    405: ("no-such-method", "/openapi.json lists the methods of every path; the Allow header those of this one"),
}


async def on_core_error(_request: Request, error: Exception) -> Response:
    """Respond to an error of `valuation` or `models`."""
    if not isinstance(error, CanzhiError):
        raise error
    return respond(problem_of(error))


async def on_refusal(_request: Request, error: Exception) -> Response:
    """Respond to a refusal raised by the HTTP API."""
    if not isinstance(error, Refusal):
        raise error
    return respond(error.problem, error.headers)


async def on_invalid_parameter(_request: Request, error: Exception) -> Response:
    """Respond to a parameter that FastAPI rejects, as to a :class:`FieldError`."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    field = str(first["loc"][-1])
    refused = FieldError(
        f"the request field {field} is refused: {first['msg']}",
        hint="/openapi.json lists the parameters of every path with their types and bounds",
        field=field,
    )
    return respond(problem_of(refused))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Respond to an unknown path or method."""
    status = getattr(error, "status_code", 500)
    code, hint = _HTTP_WORDS.get(status, ("http", "/openapi.json lists what can be asked"))
    headers = dict(getattr(error, "headers", None) or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted({*headers["Allow"].split(", "), *_methods_of(request)}))
    return respond(make_problem(status, code, HTTPStatus(status).description, hint=hint), headers)


def _methods_of(request: Request) -> set[str]:
    """Return the methods of all routes with the path of the matched route."""
    path = getattr(request.scope.get("route"), "path", None)
    routes = [one.original_route for one in iter_route_contexts(request.app.routes) if one.path == path]
    methods = {name for one in routes for name in getattr(one, "methods", None) or ()}
    return methods | {"HEAD"} if "GET" in methods else methods


async def on_client_disconnect(_request: Request, _error: Exception) -> Response:
    """Respond to a client that disconnected before the request was read; nobody receives it."""
    return respond(make_problem(400, "hung-up", "the caller hung up before the request was read", hint="send it again"))


async def on_fault(request: Request, error: Exception) -> Response:
    """Log an unexpected error without the payload, and respond with a generic problem."""
    route = getattr(request.scope.get("route"), "path", "other")
    log().error("fault", route=route, kind=type(error).__name__)
    return respond(
        make_problem(500, "fault", "the request met a fault in canzhi", hint="the operator finds it in the log")
    )


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    CanzhiError: on_core_error,
    Refusal: on_refusal,
    RequestValidationError: on_invalid_parameter,
    HTTPException: on_http_error,
    ClientDisconnect: on_client_disconnect,
    Exception: on_fault,
}
"""Handler by error class; the most specific class applies."""
