"""Start servers as processes, put load on them with `wrk`, and measure their CPU time per request."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_LIMIT_S = 120.0
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
_LUA = """
local bodies = {}
for line in io.lines("%s") do bodies[#bodies + 1] = line end
local at = math.random(#bodies)
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
request = function()
  at = at %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[at])
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %%d %%d %%f %%f %%f %%d\\n", summary.requests, summary.errors.status
    + summary.errors.read + summary.errors.timeout, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.errors.status))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Results of one round of load: requests, errors, rate, CPU time per request, latencies."""

    requests: int
    errors: int
    per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], port: int, ready: str, variables: Mapping[str, str]) -> Iterator[int]:
    """Run a server for the duration of a block; yield its process id once it answers at `ready`."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **variables},
        stdout=None if os.environ.get("SHOW") else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}{ready}", process)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(address: str, process: subprocess.Popen[bytes], limit_s: float = START_LIMIT_S) -> None:
    """Wait until an address answers, with any status.

    Raises
    ------
    RuntimeError
        If the server ends, or does not answer in time.
    """
    until = time.monotonic() + limit_s
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server {process.args!r} ended at its start")
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 - our own address
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.01)
        else:
            return
    raise RuntimeError(f"nothing answers at {address}")


def ask(address: str, body: bytes) -> bytes:
    """Return the answer of a server to one body."""
    request = urllib.request.Request(address, body, {"content-type": "application/json"})  # noqa: S310 - as above
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
        content: bytes = answer.read()
    return content


def cpu_seconds(pid: int) -> float:
    """Return the CPU time used so far by a process and its children. [s]"""
    total = 0.0
    for one in family(pid):
        try:
            spent = Path(f"/proc/{one}/stat").read_text("ascii").rpartition(") ")[2].split()
        except OSError:
            continue
        total += (int(spent[11]) + int(spent[12])) / CLOCK_TICKS
    return total


def family(pid: int) -> list[int]:
    """Return the ids of a process and its descendants."""
    found = [pid]
    for one in found:
        try:
            children = Path(f"/proc/{one}/task").glob("*/children")
            found += [int(child) for path in children for child in path.read_text("ascii").split()]
        except OSError:
            continue
    return found


def load(address: str, pid: int, bodies: Path, *, connections: int, seconds: float) -> Load:
    """Send the bodies of a file, one per line, over persistent connections.

    Raises
    ------
    RuntimeError
        If wrk is missing, or its output cannot be parsed.
    """
    script = bodies.with_suffix(".lua")
    script.write_text(_LUA % bodies, "utf-8")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "30s", "-s", str(script), address]
    before = cpu_seconds(pid)
    try:
        said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError as missing:
        raise RuntimeError("this benchmark loads its servers with wrk: apt-get install wrk") from missing
    used = cpu_seconds(pid) - before
    found = re.search(r"RESULT (\d+) (\d+) (\S+) (\S+) (\S+)", said)
    if found is None:
        raise RuntimeError(f"wrk says nothing of its result: {said[-300:]}")
    requests, errors = int(found[1]), int(found[2])
    return Load(
        requests=requests,
        errors=errors,
        per_second=requests / float(found[3]),
        cpu_us=used / max(requests, 1) * 1e6,
        p50_ms=float(found[4]),
        p99_ms=float(found[5]),
    )


def write_bodies(path: Path, bodies: Sequence[bytes]) -> Path:
    """Write bodies, one per line."""
    path.write_bytes(b"".join(json.dumps(json.loads(body), ensure_ascii=False).encode() + b"\n" for body in bodies))
    return path
