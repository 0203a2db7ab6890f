"""Error responses as RFC 9457 `application/problem+json` with a stable `code`.

The status of an error is inherited along its class tree; a test checks that every class has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.responses import Response

from valuation import errors
from valuation.messages import Language, Message, find

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
    message_id: str | None = None


class Refusal(Exception):
    """An error that the HTTP API itself raises, before `valuation` is called.

    Its sentence is `request.<code>` in the catalogue of messages, or that of `message`.
    """

    def __init__(
        self,
        status: int,
        code: str,
        *,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
        **parameters: object,
    ) -> None:
        identity = message or f"request.{code}"
        self.status, self.code, self.headers = status, code, headers
        self.message = Message(identity, **parameters)
        self.hint = Message(f"{identity}.hint", **parameters)
        super().__init__(str(self.message))

    def problem(self, language: Language = "en") -> Problem:
        """Return the problem in a language."""
        return make_problem(self.status, self.code, self.message, self.hint, language)


def make_problem(status: int, code: str, detail: Message, hint: Message, language: Language = "en") -> Problem:
    """Return a problem with its stable code, in a language."""
    return Problem(
        type=problem_type(code),
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail.in_language(language)[:MAX_DETAIL_LENGTH],
        hint=hint.in_language(language),
        message_id=detail.id,
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


def problem_of(error: errors.CanzhiError, language: Language = "en") -> Problem:
    """Return the problem of an error raised by `valuation` or `models`, in a language."""
    kind = type(error)
    detail, hint = error.in_language(language)
    title = find(f"page.problem.{error.code}") if language == "zh" else None
    return Problem(
        type=problem_type(error.code),
        title=(kind.__doc__ or kind.__name__).strip().splitlines()[0] if title is None else title.zh,
        status=status_of(kind),
        code=error.code,
        detail=detail[:MAX_DETAIL_LENGTH],
        hint=hint,
        field=error.field,
        message_id=error.message_id,
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
