"""Measure the CPU time per request of a service within one process, without server and sockets.

Two processes value slices of requests in turn, 64 at once, so that both share the machine's conditions. Run as a
program, this file is such a process: each line on standard input starts a slice.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

AT_ONCE, EACH = 64, 10
Slices = Mapping[str, Sequence[float]]


def slices_of(programs: Mapping[str, Mapping[str, str]], bodies: Path, rounds: int) -> Slices:
    """Return the CPU time per request in each round of each service. [µs]"""
    found: dict[str, list[float]] = {name: [] for name in programs}
    with ExitStack() as running:
        started = {}
        for name, variables in programs.items():
            command = [sys.executable, "-P", __file__, str(bodies)]
            process = subprocess.Popen(
                command, env=dict(variables), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
            )
            running.callback(_end, process)
            started[name] = process
            _answer(process)  # warmed up
        for _ in range(rounds):
            for name, process in started.items():
                found[name].append(float(_answer(process)))
    return found


def _answer(process: subprocess.Popen[str]) -> str:
    """Request a slice and return the reported CPU time."""
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101 - as above
    process.stdin.write("\n")
    for line in process.stdout:
        if line.startswith("slice "):
            return line.split()[1]
    raise RuntimeError("the process ended")


def _end(process: subprocess.Popen[str]) -> None:
    process.communicate()


async def _serve(bodies: Sequence[bytes]) -> None:
    from service.app import create_app  # noqa: PLC0415 - of the checkout that PYTHONPATH names

    app: Any = create_app()
    gc.freeze()  # both checkouts with the same settings of the garbage collector, those of the service
    gc.set_threshold(50_000, 20, 100)
    async with app.router.lifespan_context(app):
        begun = 0
        while await asyncio.to_thread(sys.stdin.readline):
            before = time.process_time()
            await asyncio.gather(*(_ask(app, bodies, begun + place) for place in range(AT_ONCE)))
            spent = (time.process_time() - before) / (AT_ONCE * EACH) * 1e6
            begun += AT_ONCE
            sys.stdout.write(f"slice {spent}\n")
            sys.stdout.flush()


async def _ask(app: Callable[..., Any], bodies: Sequence[bytes], begun: int) -> None:
    """Send some requests, one after another."""
    for number in range(EACH):
        body = bodies[(begun * EACH + number) % len(bodies)]
        statuses: list[int] = []

        async def receive(body: bytes = body) -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: MutableMapping[str, Any], statuses: list[int] = statuses) -> None:
            statuses.append(message.get("status", 0))

        headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": "/v1/valuations", "query_string": b"", "state": {}}
        scope |= {"headers": [*headers, (b"content-length", b"%d" % len(body))], "client": ("127.0.0.1", 1)}
        await app(scope, receive, send)
        if statuses[0] != 200:
            raise SystemExit(f"a valuation was answered with {statuses[0]}")


def ratio_row(slices: Slices, name: str, reference: str) -> tuple[str, str, str]:
    """Return a service's name, its CPU time per request, and the ratio to another service."""
    ratio = median(mine / other for mine, other in zip(slices[name], slices[reference], strict=True))
    return name, f"{median(slices[name]):,.0f}", f"{ratio:.2f}"


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(Path(sys.argv[1]).read_bytes().splitlines()))
