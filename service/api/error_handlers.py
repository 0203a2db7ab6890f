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
from valuation.messages import Language, Message
from valuation.messages.language import preferred

_HTTP_CODES = {404: "no-such-path", 405: "no-such-method"}


def language_of(request: Request) -> Language:
    """Return the language that the caller prefers (Accept-Language), English by default."""
    return preferred(request.headers.get("accept-language", ""))


async def on_core_error(request: Request, error: Exception) -> Response:
    """Respond to an error of `valuation` or `models`."""
    if not isinstance(error, CanzhiError):
        raise error
    return respond(problem_of(error, language_of(request)))


async def on_refusal(request: Request, error: Exception) -> Response:
    """Respond to a refusal raised by the HTTP API."""
    if not isinstance(error, Refusal):
        raise error
    return respond(error.problem(language_of(request)), error.headers)


async def on_invalid_parameter(request: Request, error: Exception) -> Response:
    """Respond to a parameter that FastAPI rejects, as to a :class:`FieldError`."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    field = str(first["loc"][-1])
    refused = FieldError("request.parameter", field=field, name=field, reason=first["msg"])
    return respond(problem_of(refused, language_of(request)))


async def on_http_error(request: Request, error: Exception) -> Response:
    """Respond to an unknown path or method."""
    status = getattr(error, "status_code", 500)
    code = _HTTP_CODES.get(status, "http")
    headers = dict(getattr(error, "headers", None) or {})
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted({*headers["Allow"].split(", "), *_methods_of(request)}))
    detail = Message(f"request.{code}", reason=HTTPStatus(status).description)
    hint = Message(f"request.{code}.hint")
    return respond(make_problem(status, code, detail, hint, language_of(request)), headers)


def _methods_of(request: Request) -> set[str]:
    """Return the methods of all routes with the path of the matched route."""
    path = getattr(request.scope.get("route"), "path", None)
    routes = [one.original_route for one in iter_route_contexts(request.app.routes) if one.path == path]
    methods = {name for one in routes for name in getattr(one, "methods", None) or ()}
    return methods | {"HEAD"} if "GET" in methods else methods


async def on_client_disconnect(_request: Request, _error: Exception) -> Response:
    """Respond to a client that disconnected before the request was read; nobody receives it."""
    return respond(Refusal(400, "hung-up").problem())


async def on_fault(request: Request, error: Exception) -> Response:
    """Log an unexpected error without the payload, and respond with a generic problem."""
    route = getattr(request.scope.get("route"), "path", "other")
    log().error("fault", route=route, kind=type(error).__name__)
    return respond(Refusal(500, "fault").problem(language_of(request)))


HANDLERS: dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]] = {
    CanzhiError: on_core_error,
    Refusal: on_refusal,
    RequestValidationError: on_invalid_parameter,
    HTTPException: on_http_error,
    ClientDisconnect: on_client_disconnect,
    Exception: on_fault,
}
"""Handler by error class; the most specific class applies."""
