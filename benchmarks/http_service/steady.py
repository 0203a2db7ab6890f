"""Measure latency at a steady rate: requests are sent when due, without waiting for earlier answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

LINES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """Latencies since the due times, and the number of refused requests."""

    rate: float
    p50_ms: float
    p99_ms: float
    refused: int


class _Line:
    """One persistent connection."""

    def __init__(self, port: int) -> None:
        self.port = port

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def ask(self, content: bytes) -> int:
        """Send a request and return the status of its answer."""
        self.writer.write(content)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await self.reader.readexactly(length)
        return int(head[9:12])


def steady(port: int, path: str, bodies: Sequence[bytes], *, rate: float, seconds: float) -> Steady:
    """Return the latencies at a rate over a time."""
    return asyncio.run(_steady(port, [_request(path, body) for body in bodies], rate, seconds))


async def _steady(port: int, requests: Sequence[bytes], rate: float, seconds: float) -> Steady:
    free: asyncio.Queue[_Line] = asyncio.Queue()
    for _ in range(LINES):
        line = _Line(port)
        await line.open()
        free.put_nowait(line)
    taken: list[float] = []
    refused = 0

    async def one(content: bytes, due: float) -> None:
        nonlocal refused
        line = await free.get()
        refused += await line.ask(content) != 200
        free.put_nowait(line)
        taken.append(time.perf_counter() - due)

    begun = time.perf_counter()
    under_way = set()
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(one(requests[number % len(requests)], due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    taken.sort()
    return Steady(
        rate=rate,
        p50_ms=taken[len(taken) // 2] * 1e3,
        p99_ms=taken[int(len(taken) * 0.99)] * 1e3,
        refused=refused,
    )


def _request(path: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body
