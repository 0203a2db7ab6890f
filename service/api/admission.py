"""ASGI middleware around every request: API key, origin, body size, metrics, refresh of the model."""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.model_refresh import ModelRefresher
from service.api.problems import Refusal, respond
from service.api.security import LOCAL_NAMES, ApiKey, find_caller
from service.settings import Settings
from service.telemetry import Telemetry
from valuation.messages.language import preferred

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_METHODS = _SAFE_METHODS | {"POST", "PUT", "PATCH", "DELETE"}

Headers = Mapping[bytes, bytes]


class Admission:
    """Admits or rejects each request, identifies its caller, counts it and refreshes the model before its route."""

    def __init__(self, app: ASGIApp, *, settings: Settings, keys: tuple[ApiKey, ...], telemetry: Telemetry) -> None:
        self.app = app
        self.keys = keys
        self.telemetry = telemetry
        self.limit_bytes = settings.body_limit_bytes
        self.local_names = LOCAL_NAMES | {settings.host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Process one request and record its status and duration, even if it fails."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        scope.setdefault("state", {})
        method: str = scope["method"]
        if method == "HEAD":  # HEAD uses the GET route; the server omits the body
            scope = {**scope, "method": "GET"}
        status = 500

        async def send_and_record_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._admit(scope, receive, send_and_record_status)
        finally:
            self._count(scope, method, status, time.perf_counter() - started)

    def _count(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        """Record the metrics of a request by route template, and of every pack valued or refused."""
        route = getattr(scope.get("route"), "path", "other")
        requests, duration = self.telemetry.request_metrics(route, method if method in _METHODS else "other", status)
        requests.inc()
        duration.observe(seconds)
        state = scope["state"]
        for best_route in state.get("valued", ()):
            self.telemetry.valued(best_route)
        for code in state.get("refused", ()):
            self.telemetry.refusals.labels(code).inc()

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request to its route, or respond with a problem."""
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value)  # the first of repeated headers counts
        scope["state"]["headers"] = headers
        try:
            if b"origin" in headers:
                self._refuse_cross_origin(scope, headers)
            scope["state"]["caller"] = self._caller(scope, headers)
            announced = headers.get(b"content-length", b"")
            if announced.isdigit() and int(announced) > self.limit_bytes:
                raise self._too_large(close=True)
        except Refusal as refusal:
            language = preferred(headers.get(b"accept-language", b"").decode("latin-1"))
            await respond(refusal.problem(language), refusal.headers)(scope, receive, send)
            return
        refresher: ModelRefresher = scope["app"].state.refresher
        if refresher.outdated():
            await refresher.refresh()
        if (
            not announced.isdigit() or b"transfer-encoding" in headers
        ):  # otherwise the server enforces the announced length
            receive = self._with_size_limit(receive)
        await self.app(scope, receive, send)

    def _refuse_cross_origin(self, scope: Scope, headers: Headers) -> None:
        """Raise a refusal if a browser sends the request from a page of another origin."""
        if scope["method"] in _SAFE_METHODS:
            return
        origin = headers[b"origin"].decode("latin-1")
        if _split(origin).netloc != headers.get(b"host", b"").decode("latin-1"):
            raise Refusal(403, "foreign-origin")

    def _caller(self, scope: Scope, headers: Headers) -> str:
        """Return the caller's name.

        A valid API key is required if keys are configured; otherwise only requests from this machine are accepted.
        """
        path: str = scope["path"]
        if path in OPEN_PATHS:
            return "local"
        if self.keys:
            caller = find_caller(_presented_key(headers, basic=not path.startswith("/v1")), self.keys)
            if caller is None:
                raise _unauthenticated(path)
            return caller
        client = scope.get("client")
        if client and _is_loopback(client[0]) and _host_name(headers.get(b"host", b"")) in self.local_names:
            return "local"
        raise Refusal(403, "this-machine-only")

    def _with_size_limit(self, receive: Receive) -> Receive:
        """Return a `receive` callable that counts the bytes of a body without a content length."""
        received = 0

        async def receive_counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.limit_bytes:
                raise self._too_large()
            return message

        return receive_counting

    def _too_large(self, *, close: bool = False) -> Refusal:
        return Refusal(413, "body-too-large", most=self.limit_bytes, headers={"connection": "close"} if close else None)


def _unauthenticated(path: str) -> Refusal:
    """Return the 401 refusal; on pages it asks the browser for a password."""
    scheme = "Bearer" if path.startswith("/v1") else 'Basic realm="canzhi", charset="UTF-8"'
    return Refusal(401, "no-valid-key", headers={"www-authenticate": scheme})


def _presented_key(headers: Headers, *, basic: bool) -> str:
    """Return the API key from a Bearer header or, outside `/v1`, the password from a Basic header."""
    scheme, _, rest = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if basic and scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except ValueError:  # not base64, or not UTF-8
            return ""
    return ""


@lru_cache(maxsize=1024)
def _host_name(host: bytes) -> str:
    """Return the host name of a Host header, without the port."""
    return (_split(f"//{host.decode('latin-1')}").hostname or "").lower()


def _split(address: str) -> SplitResult:
    """Return the parsed address of a header, empty if it is not a valid address."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
