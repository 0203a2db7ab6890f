"""Who may ask: API keys where some are set up, else only this machine; and nobody on behalf of a foreign web page."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from service.problems import make_problem, respond
from valuation.errors import SettingError

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
LONGEST_NAME = 80
"""Most characters of a caller's name: the store keeps no more, and one too long fails all that are kept with it."""
_HASH_LETTERS = frozenset("0123456789abcdef")
_HASH_OF_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A caller's name and the hash of the key; the key itself is kept nowhere."""

    name: str
    sha256: str


def read_keys(path: Path | None) -> tuple[ApiKey, ...]:
    """Return the keys in a file of lines `name sha256:<hex of the key's hash>`; `#` begins a remark.

    Raises
    ------
    SettingError
        If the file cannot be read, holds a line of another form, or no key.
    """
    if path is None:
        return ()
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as reason:
        raise SettingError(
            f"the API keys {path} cannot be read",
            hint="CANZHI_API_KEYS names a text file of lines: name sha256:<hex>",
            field="CANZHI_API_KEYS",
        ) from reason
    keys = tuple(_key(line, number) for number, line in enumerate(lines, 1) if line.partition("#")[0].strip())
    if not keys:
        raise SettingError(
            f"the file {path} holds no API key", hint="add a line: name sha256:<hex>", field="CANZHI_API_KEYS"
        )
    return keys


def _key(line: str, number: int) -> ApiKey:
    name, _, digest = line.partition("#")[0].strip().partition(" ")
    scheme, _, letters = digest.strip().partition(":")
    if letters == _HASH_OF_NOTHING:
        raise SettingError(
            f"line {number} of the API keys is the hash of an empty key: every request without a key would be let in",
            hint="make a key first: KEY=$(openssl rand -hex 32)",
            field="CANZHI_API_KEYS",
        )
    if scheme != "sha256" or len(letters) != 64 or not _HASH_LETTERS.issuperset(letters):
        raise SettingError(
            f"line {number} of the API keys is no: name sha256:<64 hexadecimal digits>",
            hint='printf %s "$KEY" | sha256sum prints the digits',
            field="CANZHI_API_KEYS",
        )
    if len(name) > LONGEST_NAME:
        raise SettingError(
            f"line {number} of the API keys holds a name of {len(name)} characters",
            hint=f"a name stands beside everything its key enters: give one of at most {LONGEST_NAME} characters",
            field="CANZHI_API_KEYS",
        )
    return ApiKey(name=name, sha256=letters)


def caller_of(key: str, keys: tuple[ApiKey, ...]) -> str | None:
    """Return whose key it is; every key is compared in full, so that time tells nothing.

    >>> known = (ApiKey(name="yard", sha256=hashlib.sha256(b"secret").hexdigest()),)
    >>> caller_of("secret", known), caller_of("Secret", known)
    ('yard', None)
    """
    offered = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    found = None
    for one in keys:
        if hmac.compare_digest(offered, one.sha256):
            found = one.name
    return found


class Gate:
    """Lets a request in or answers it with a problem; names the caller to everything behind it."""

    def __init__(self, app: ASGIApp, keys: tuple[ApiKey, ...], host: str) -> None:
        self.app = app
        self.keys = keys
        self.local_names = LOCAL_NAMES | {host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        refusal = self._cross_origin(connection) or self._unauthenticated(connection)
        if refusal is None:
            await self.app(scope, receive, send)
            return
        status, code, detail, hint = refusal
        scheme = "Bearer" if scope["path"].startswith("/v1") else 'Basic realm="canzhi", charset="UTF-8"'
        headers = {"www-authenticate": scheme} if status == 401 else None
        await respond(make_problem(status, code, detail, hint=hint), headers)(scope, receive, send)

    def program(self, client: tuple[str, int] | None, headers: Mapping[bytes, bytes]) -> str | None:
        """Return the name of a program that may ask, by its head alone; None sends it to the gate itself."""
        if self.keys:
            scheme, _, key = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
            return caller_of(key.strip(), self.keys) if scheme.lower() == "bearer" else None
        name = _name_in(headers.get(b"host", b"").decode("latin-1"))
        return "local" if client and _is_loopback(client[0]) and name in self.local_names else None

    def _cross_origin(self, connection: HTTPConnection) -> tuple[int, str, str, str] | None:
        """Refuse what a browser sends on behalf of another site."""
        origin = connection.headers.get("origin")
        if origin is None or connection.scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return None
        if _split(origin).netloc == connection.headers.get("host"):
            return None
        hint = "send it from a program, or from the page of this service"
        return 403, "foreign-origin", "the request comes from a page of another site", hint

    def _unauthenticated(self, connection: HTTPConnection) -> tuple[int, str, str, str] | None:
        """Refuse who has no key, or where none are set up, who is not on this machine."""
        state = connection.scope.setdefault("state", {})
        state["caller"] = "local"
        if connection.scope["path"] in OPEN_PATHS:
            return None
        if self.keys:
            caller = caller_of(_offered_key(connection), self.keys)
            state["caller"] = caller
            hint = "send Authorization: Bearer <key>"
            return None if caller else (401, "no-valid-key", "the request carries no valid API key", hint)
        client = connection.client.host if connection.client else ""
        name = _name_in(connection.headers.get("host", ""))
        if _is_loopback(client) and name in self.local_names:
            return None
        hint = "set up keys with CANZHI_API_KEYS to serve other machines, or ask from this one as 127.0.0.1"
        return 403, "this-machine-only", "without API keys only this machine is served", hint


@lru_cache(maxsize=1024)
def _name_in(host: str) -> str:
    """Return the name in a Host header, without its port."""
    return (_split(f"//{host}").hostname or "").lower()


def _split(address: str) -> SplitResult:
    """Return the parts of an address from a header; what is no address has none, and so equals nothing we know."""
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _offered_key(connection: HTTPConnection) -> str:
    """Return the key of a program (Bearer) or, on a page, the password a person typed (Basic)."""
    scheme, _, rest = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic" and not connection.scope["path"].startswith("/v1"):
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[2]
        except ValueError:  # neither base64 nor UTF-8
            return ""
    return ""


@lru_cache(maxsize=1024)
def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
