"""Trace one valuation over HTTP through the modules of `service/`, from its route to the sent answer.

`python tools/http_trace.py` serves one request, records every call from one module of `service/` into another in all
threads, and prints the modules in order, until the answer is returned to the admission. A module counts again if it is
entered again after another one; calls within a module and returns do not count.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import MutableMapping
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SERVICE = ROOT / "service"
ROUTE = ("service.api.endpoints.valuations", "create_valuation")
SENDS = "service.api.admission"  # wraps the route and sends its answer
MOST_CHANGES, MOST_ENTRIES = 12, 2
BODY = json.dumps(
    {"trace": json.loads((ROOT / "data_samples" / "lfp_taxi.json").read_text("utf-8")), "as_of": "2026-11-20"}
).encode()

sys.path.insert(0, str(ROOT))


class Walk:
    """Modules entered between the call of the route and the last byte of the answer."""

    def __init__(self) -> None:
        self.modules: list[str] = []
        self.wanted = self._on = False
        self._suspended: set[FrameType] = set()

    def note(self, frame: FrameType, event: str, _argument: object) -> None:
        """Record a call into a module from another one; a profiler callback."""
        if event != "call" or not self.wanted:
            return
        module = _module_of(frame)
        if module is None or frame in self._suspended:
            return
        if frame.f_code.co_flags & _SUSPENDS:
            self._suspended.add(frame)  # a resumed coroutine is not entered again
        self._on = self._on or (module, frame.f_code.co_name) == ROUTE
        self.wanted = not (self._on and module == SENDS)
        if self._on and self.wanted and module != _caller_of(frame) and module not in self.modules[-1:]:
            self.modules.append(module)


_SUSPENDS = 0x20 | 0x80 | 0x200  # generators, coroutines and asynchronous generators


def _module_of(frame: FrameType) -> str | None:
    path = Path(frame.f_code.co_filename)
    if SERVICE not in path.parents:
        return None
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _caller_of(frame: FrameType) -> str | None:
    """Return the nearest module of `service/` among the callers."""
    above = frame.f_back
    while above is not None:
        module = _module_of(above)
        if module is not None:
            return module
        above = above.f_back
    return None


def walk_of_a_valuation() -> list[str]:
    """Return the modules of one valuation, after two for warm-up."""
    walk = Walk()
    threading.setprofile(walk.note)
    sys.setprofile(walk.note)
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(_serve(walk, Path(home)))
    return walk.modules


async def _serve(walk: Walk, home: Path) -> None:
    from service.app import create_app  # noqa: PLC0415 - after sys.path knows the checkout
    from service.settings import Settings  # noqa: PLC0415 - as above

    app = create_app(Settings(home=home))
    async with app.router.lifespan_context(app):
        for last in (False, False, True):
            walk.wanted = last
            status = await _ask(app, walk)
            if status != 200:
                raise SystemExit(f"the valuation was answered with {status}")


async def _ask(app: Any, walk: Walk) -> int:  # noqa: ANN401 - an ASGI application
    """Send one request and return its status; recording ends with the answer."""
    statuses: list[int] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        walk.wanted = False
        statuses.append(message.get("status", 0))

    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/valuations",
        "query_string": b"",
        "headers": [*headers, (b"content-length", b"%d" % len(BODY))],
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return statuses[0]


def main() -> int:
    """Print the modules; exit with 1 if there are too many changes of module."""
    modules = walk_of_a_valuation()
    for number, module in enumerate(modules):
        sys.stdout.write(f"{number:3}  {module}\n")
    changes, (module, entries) = len(modules) - 1, Counter(modules).most_common(1)[0]
    sys.stdout.write(f"{changes} changes of module, at most {MOST_CHANGES}; {module} is entered {entries} times\n")
    return 0 if changes <= MOST_CHANGES and entries <= MOST_ENTRIES else 1


if __name__ == "__main__":
    sys.exit(main())
