"""Error responses as RFC 9457 `application/problem+json` with a stable `code`.

The status of an error is inherited along its class tree; a test checks that every class has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from valuation import errors

MEDIA_TYPE = "application/problem+json"
MAX_DETAIL_LENGTH = 500

STATUS: Mapping[type[errors.CanzhiError], int] = {
    errors.TraceError: 422,
    errors.UnreadableRecord: 400,
    errors.MarketError: 422,
    errors.UnreadableQuotes: 503,
    errors.PredictorError: 503,
    errors.UnknownModel: 404,
    errors.TrainingError: 422,
    errors.StoreError: 503,
    errors.UnknownValuation: 404,
    errors.UnknownPack: 404,
    errors.UnknownSale: 404,
    errors.SaleClosed: 409,
    errors.IdempotencyConflict: 422,
    errors.SettingError: 500,
}
"""HTTP status by error class; subclasses inherit it."""


class Problem(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Why a request was refused, and what to do about it (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str | None = None
    field: str | None = None


class Refusal(Exception):
    """An error that the HTTP API itself raises, before `valuation` is called."""

    def __init__(
        self, status: int, code: str, detail: str, *, hint: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.problem = make_problem(status, code, detail, hint=hint)
        self.headers = headers


def make_problem(status: int, code: str, detail: str, *, hint: str | None = None, title: str | None = None) -> Problem:
    """Return a problem with its stable code."""
    return Problem(
        type=problem_type(code),
        title=title or HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail[:MAX_DETAIL_LENGTH],
        hint=hint,
    )


def problem_type(code: str) -> str:
    """Return the URI of a problem type.

    >>> problem_type("field")
    'urn:problem-type:canzhi:field'
    """
    return f"urn:problem-type:canzhi:{code}"


def status_of(kind: type[errors.CanzhiError]) -> int:
    """Return the HTTP status of an error class, inherited from the nearest parent that has one.

    >>> status_of(errors.FieldError), status_of(errors.UnknownPack)
    (422, 404)
    """
    return next(STATUS[one] for one in kind.__mro__ if one in STATUS)


def problem_of(error: errors.CanzhiError) -> Problem:
    """Return the problem of an error raised by `valuation` or `models`."""
    kind = type(error)
    title = (kind.__doc__ or kind.__name__).strip().splitlines()[0]
    return Problem(
        type=problem_type(error.code),
        title=title,
        status=status_of(kind),
        code=error.code,
        detail=error.message[:MAX_DETAIL_LENGTH],
        hint=error.hint,
        field=error.field,
    )


def respond(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """Return the HTTP response of a problem."""
    later = {"retry-after": "1"} if problem.status == 503 else {}
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={**(headers or {}), **later, "cache-control": "no-store"},
    )
