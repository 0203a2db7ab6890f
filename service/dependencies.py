"""What every route needs from its request: the counter, the pools, the body, the claim to an earlier answer."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

from service.coalescing import Coalescer
from service.model_refresh import ModelRefresher
from service.pools import Pools
from service.problems import Refusal
from service.store.idempotency import Claim, Outcome, claim, earlier
from service.telemetry import Telemetry
from service.valuation_service import ValuationService
from valuation.errors import FieldError

JSON = "application/json"
_USABLE_KEY = re.compile("[!-~]{1,255}")
_LONGEST_CODE = 64
_LONGEST_NUMBER = 20


def service_of(request: Request) -> ValuationService:
    """Return the counter in service; a request asks once, so that one model answers all of it."""
    watch: ModelRefresher = request.app.state.watch
    return watch.counter


def named(request: Request, part: str) -> str:
    """Return a part of the address as it was asked for."""
    return str(request.path_params[part])


def query_number(request: Request, name: str, default: int, within: tuple[int, int]) -> int:
    """Return a whole number of the query, or the default.

    Raises
    ------
    FieldError
        If it is none, or outside its bounds.
    """
    least, most = within
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < _LONGEST_NUMBER and least <= int(text) <= most):
        raise FieldError(
            f"{name} is {text[:40]!r}, no whole number from {least} to {most}",
            hint=f"give a number from {least} to {most}, or leave it out",
            field=name,
        )
    return int(text)


def pools_of(request: Request) -> Pools:
    """Return the server's threads."""
    pools: Pools = request.app.state.pools
    return pools


def coalescer_of(request: Request) -> Coalescer:
    """Return where single packs are valued together."""
    coalescer: Coalescer = request.app.state.coalescer
    return coalescer


def telemetry_of(request: Request) -> Telemetry:
    """Return the server's numbers."""
    telemetry: Telemetry = request.app.state.telemetry
    return telemetry


def caller_of(request: Request) -> str:
    """Return the name of who asks: the API key's, or "local"."""
    return str(request.scope["state"]["caller"])


async def json_body(request: Request) -> bytes:
    """Return the body of a request that says it is JSON.

    Raises
    ------
    Refusal
        With status 415 if it says it is something else, or is compressed.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Refusal(
            415,
            "not-json",
            "the request does not say that its body is JSON",
            hint="send the header Content-Type: application/json (curl --json does)",
        )
    spelled = request.headers.get("content-encoding", "identity").strip().lower()
    if spelled not in ("", "identity"):
        raise Refusal(
            415,
            "compressed",
            f"the request body is encoded as {spelled[:40]}, which is not unpacked here",
            hint="send the JSON as it is, without Content-Encoding",
        )
    return await request.body()


def claim_of(request: Request, body: bytes) -> Claim | None:
    """Return the claim under the request's Idempotency-Key, None where it carries none.

    Raises
    ------
    Refusal
        With status 400 if the key is empty, too long or not plain.
    """
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _USABLE_KEY.fullmatch(key):
        raise Refusal(
            400,
            "idempotency-key",
            f"the Idempotency-Key of {len(key)} characters cannot be used",
            hint="use 1 to 255 visible ASCII characters, for example a fresh UUID",
        )
    return claim(caller_of(request), key, request.method, request.url.path, body)


async def answered_before(request: Request, laid: Claim | None) -> Outcome | None:
    """Return the first answer to a repeated request.

    Raises
    ------
    IdempotencyConflict
        If the key came with another request.
    """
    if laid is None:
        return None
    database = service_of(request).database

    def look() -> Outcome | None:
        with database.reading() as connection:
            return earlier(connection, laid)

    return await pools_of(request).store(look)


def code_of(code: str) -> str:
    """Return the text of an address that is to be read as a battery code.

    Raises
    ------
    FieldError
        If it is longer than any code.
    """
    if len(code) > _LONGEST_CODE:
        raise FieldError(
            f"the battery code has {len(code)} characters",
            hint=f"a code has 24 or 19 characters; older names are kept up to {_LONGEST_CODE}",
            field="code",
        )
    return code


def json_response(outcome: Outcome) -> Response:
    """Return an outcome as a response; one that was given before says so."""
    headers = {"idempotent-replayed": "true"} if outcome.replayed else None
    return Response(outcome.body, status_code=outcome.status, media_type=JSON, headers=headers)
