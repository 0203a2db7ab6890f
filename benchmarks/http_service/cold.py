"""Measure start-up: wall time and CPU time from the start of the process to its first answer."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.http_service.load import START_LIMIT_S, ask, cpu_seconds, free_port

OURS = "from service.server import serve_http; serve_http(port={port})"
HEAVY = "import lightgbm, mlflow, mlflow.pyfunc; " + OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Seconds from the start of the process to its first answer."""

    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that serves on a given port, with its environment variables."""

    code: str
    variables: Mapping[str, str]


def cold_starts(programs: Mapping[str, Program], body: bytes, rounds: int) -> dict[str, Start]:
    """Return the medians of several starts of each program, in alternation."""
    found: dict[str, list[Start]] = {}
    for _ in range(rounds + 1):  # the first round warms the page cache and the compiled modules
        for name, program in programs.items():
            port = free_port()
            command = [sys.executable, "-P", "-c", program.code.format(port=port)]
            found.setdefault(name, []).append(first_answer(command, port, program.variables, body))
    return {
        name: Start(
            wall_s=statistics.median(start.wall_s for start in starts[1:]),
            cpu_s=statistics.median(start.cpu_s for start in starts[1:]),
        )
        for name, starts in found.items()
    }


def first_answer(command: Sequence[str], port: int, variables: Mapping[str, str], body: bytes) -> Start:
    """Return the time from the start of a server process to its first valuation.

    Raises
    ------
    RuntimeError
        If it ends, or does not answer in time.
    """
    surroundings = {**os.environ, **variables}
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
    begun = time.perf_counter()
    process = subprocess.Popen(
        command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        while time.perf_counter() - begun < START_LIMIT_S and process.poll() is None:
            try:
                ask(f"http://127.0.0.1:{port}/v1/valuations", body)
            except urllib.error.HTTPError as refused:
                raise RuntimeError(f"the first answer is {refused.code}") from refused
            except OSError:
                time.sleep(0.005)
            else:
                return Start(wall_s=time.perf_counter() - begun, cpu_s=cpu_seconds(process.pid))
        raise RuntimeError(f"no answer from {command[-1]}")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
