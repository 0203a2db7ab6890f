"""FastAPI dependencies and request helpers: service, thread pools, body, caller, idempotency key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import msgspec
from fastapi import Depends, Header, Path
from fastapi.security import HTTPBearer
from pydantic import WithJsonSchema
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from service.api.micro_batching import MicroBatcher
from service.api.model_refresh import ModelRefresher
from service.api.problems import Refusal
from service.api.raw_route import json_response
from service.api.thread_pools import Pools
from service.store.idempotency import IdempotencyKey, Outcome, find_outcome, make_idempotency_key
from service.telemetry import Telemetry
from service.valuation_service import ValuationService
from valuation.errors import FieldError

_USABLE_KEY = re.compile("[!-~]{1,255}")
_MAX_CODE_LENGTH: Final = 64
_MAX_DIGITS: Final = 20

bearer_key = HTTPBearer(
    scheme_name="key", description="An API key; needed where keys are set up, see CANZHI_API_KEYS.", auto_error=False
)
"""Security scheme in the OpenAPI description; :mod:`service.api.admission` checks the key."""


def refresher_of(request: Request) -> ModelRefresher:
    """Return the model refresher, which holds the current service."""
    refresher: ModelRefresher = request.app.state.refresher
    return refresher


def service_of(request: Request) -> ValuationService:
    """Return the current service. Call it once per request, so that one model answers the whole request."""
    return refresher_of(request).service


def pools_of(request: Request) -> Pools:
    """Return the thread pools of the server."""
    pools: Pools = request.app.state.pools
    return pools


def telemetry_of(request: Request) -> Telemetry:
    """Return the metrics of the server."""
    telemetry: Telemetry = request.app.state.telemetry
    return telemetry


def caller_of(request: Request) -> str:
    """Return the name of the caller's API key, or "local"."""
    return str(request.scope["state"]["caller"])


async def json_body(request: Request, *, may_be_empty: bool = False) -> bytes:
    """Return the body of a JSON request.

    Raises
    ------
    Refusal
        With status 415 if the content type is not JSON or the body is compressed.
    """
    if not may_be_empty:
        _refuse_other_than_json(request)
        return await _whole_body(request)
    body = await _whole_body(request)
    if body:
        _refuse_other_than_json(request)
    return body


def _refuse_other_than_json(request: Request) -> None:
    headers: Mapping[bytes, bytes] = request.scope["state"]["headers"]
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
        raise Refusal(415, "not-json")
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
    if encoding not in ("", "identity"):
        raise Refusal(415, "compressed", encoding=encoding[:40])


async def _whole_body(request: Request) -> bytes:
    """Return the whole request body.

    Raises
    ------
    ClientDisconnect
        If the client disconnects before the body is complete.
    """
    parts = []
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _idempotency_key_of(request: Request, body: bytes) -> IdempotencyKey | None:
    """Return the idempotency key of a request with its fingerprint, None without the header.

    Raises
    ------
    Refusal
        With status 400 if the key is empty, too long or not ASCII.
    """
    sent = request.scope["state"]["headers"].get(b"idempotency-key")
    if sent is None:
        return None
    key = sent.decode("latin-1")
    if not _USABLE_KEY.fullmatch(key):
        raise Refusal(400, "idempotency-key", count=len(key))
    return make_idempotency_key(caller_of(request), key, request.method, request.url.path, body)


async def _find_replay(request: Request, request_key: IdempotencyKey | None) -> Outcome | None:
    """Return the stored outcome of a repeated request, None for a new one.

    Raises
    ------
    IdempotencyConflict
        If the key was used for another request.
    """
    if request_key is None:
        return None
    database = service_of(request).database

    def look() -> Outcome | None:
        with database.reading() as connection:
            return find_outcome(connection, request_key)

    return await pools_of(request).store(look)


def code_of(code: str) -> str:
    """Return a battery code from the path.

    Raises
    ------
    FieldError
        If it is too long.
    """
    if len(code) > _MAX_CODE_LENGTH:
        raise FieldError("request.code_length", field="code", count=len(code), most=_MAX_CODE_LENGTH)
    return code


def whole_number(name: str, text: str | None, default: int, within: tuple[int, int]) -> int:
    """Return an integer from the query, or the default.

    Raises
    ------
    FieldError
        If it is not an integer or out of bounds.
    """
    least, most = within
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < _MAX_DIGITS and least <= int(text) <= most):
        raise FieldError("request.not_a_whole_number", field=name, name=name, text=text[:40], least=least, most=most)
    return int(text)


async def idempotency_key(
    key: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}),
        Header(
            alias="Idempotency-Key",
            description="A request repeated under the same key gets the first answer and is stored once.",
        ),
    ] = None,
) -> str | None:
    """Return the raw header, for the OpenAPI description; :func:`submission_of` validates it."""
    return key


async def _current_service(request: Request) -> ValuationService:
    return service_of(request)


async def _server_pools(request: Request) -> Pools:
    return pools_of(request)


class Submission(
    msgspec.Struct, frozen=True, kw_only=True
):  # created per valuation: a struct takes a fifth of the time of a dataclass
    """A request body with everything needed to process it; `earlier_outcome` is set for a repeated request."""

    body: bytes
    caller: str
    request_key: IdempotencyKey | None
    earlier_outcome: Outcome | None
    service: ValuationService
    pools: Pools
    batcher: MicroBatcher

    async def enter(self, work: Callable[[], Outcome]) -> Response:
        """Run work that writes to the store in another thread, and return its outcome as a response."""
        return json_response(await self.pools.store(work))


async def submission_of(request: Request, *, check_replay: bool = True, may_be_empty: bool = False) -> Submission:
    """Return the body of a request with everything needed to value and store it.

    Parameters
    ----------
    request : Request
        The body must be JSON.
    check_replay : bool
        Whether to look up a stored outcome first; useful if the work is expensive.
    may_be_empty : bool
        Whether an empty body is allowed.

    Raises
    ------
    Refusal
        If the body is not JSON, or the idempotency key is invalid.
    IdempotencyConflict
        If the key was used for another request.
    """
    body = await json_body(request, may_be_empty=may_be_empty)
    request_key = _idempotency_key_of(request, body)
    return Submission(
        body=body,
        caller=caller_of(request),
        request_key=request_key,
        earlier_outcome=await _find_replay(request, request_key) if check_replay else None,
        service=service_of(request),
        pools=pools_of(request),
        batcher=request.app.state.batcher,
    )


async def _submission(request: Request, _key: Annotated[str | None, Depends(idempotency_key)]) -> Submission:
    return await submission_of(request, check_replay=False)


async def _optional_submission(request: Request, _key: Annotated[str | None, Depends(idempotency_key)]) -> Submission:
    return await submission_of(request, check_replay=False, may_be_empty=True)


async def _code(
    code: Annotated[
        str,
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _MAX_CODE_LENGTH, "pattern": "^[^/]+$"}),
        Path(description="Battery code (GB/T 34014), or the name under which an older pack is kept."),
    ],
) -> str:
    return code_of(code)


CurrentService = Annotated[ValuationService, Depends(_current_service)]
ServerPools = Annotated[Pools, Depends(_server_pools)]
Submitted = Annotated[Submission, Depends(_submission)]
OptionalSubmission = Annotated[Submission, Depends(_optional_submission)]
BatteryCode = Annotated[str, Depends(_code)]
