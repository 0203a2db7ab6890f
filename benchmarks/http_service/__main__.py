"""Run the benchmark and, on request, write its tables into the page."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.http_service.cold import HEAVY, OURS, Program, cold_starts
from benchmarks.http_service.load import Load, load
from benchmarks.http_service.packs import bodies
from benchmarks.http_service.page import cold_table, cpu_table, rate_table, steady_table
from benchmarks.http_service.servers import (
    OURS_PATH,
    ROOT,
    Grounds,
    MeasuredServer,
    echoes,
    other_checkout,
    ours,
    rivals,
    started,
)
from benchmarks.http_service.slices import ratio_row, slices_of
from benchmarks.http_service.steady import Steady, steady
from benchmarks.report import replace_section, table_of

PAGE = ROOT / "docs" / "explanation" / "how-fast.md"
GOLDEN = ROOT / "tests" / "golden" / "bundle"
PARTS = ("echo", "crowd", "explained", "rates", "cold", "steady")
TITLES = {
    "echo": "one valuation over HTTP",
    "crowd": "one valuation over HTTP in a crowd",
    "explained": "one valuation over HTTP with drivers",
    "rates": "requests per second",
    "cold": "cold start",
    "steady": "latency at a steady rate",
    "former": "one valuation beside a former checkout",
}
SHARE = 0.7
MANY_CONNECTIONS = 256
"""Concurrent connections of one part; the other parts use 64."""
SLICES = 60


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.http_service")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--model", type=Path, default=GOLDEN, help="folder of the model's bundle")
    parser.add_argument("--seconds", type=float, default=5.0, help="of load in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--packs", type=int, default=1000, help="distinct packs that are asked about")
    parser.add_argument("--folder", type=Path, help="where the store and all else of the run lies; memory by default")
    parser.add_argument("--against", type=Path, help="another checkout of this repository; only it is measured then")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    chosen = parser.parse_args()
    for part in ("former",) if chosen.against else chosen.parts:
        place = chosen.folder or (Path("/dev/shm") if Path("/dev/shm").is_dir() else None)  # noqa: S108 - a folder of our own
        folder = Path(tempfile.mkdtemp(dir=place, prefix="canzhi-http-"))
        try:
            text = measured(part, Grounds(folder=folder, model=chosen.model, packs=chosen.packs), chosen)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"## {TITLES[part]}\n\n{text}\n", flush=True)
        if chosen.write:
            replace_section(PAGE, TITLES[part], text)


def measured(part: str, grounds: Grounds, chosen: argparse.Namespace) -> str:
    """Return the table of one part."""
    if part in {"echo", "crowd", "explained"}:
        explain = part == "explained"
        asked = [*echoes(grounds, explain=explain), ours(grounds, explain=explain)]
        if part == "crowd":
            asked = [replace(one, connections=MANY_CONNECTIONS) for one in asked]
        found = race(asked, chosen.rounds, chosen.seconds)
        return cpu_table(found, "echo, typed")
    if part == "rates":
        found = race([ours(grounds, explain=False), *rivals(grounds)], chosen.rounds, chosen.seconds)
        return rate_table(found, "canzhi")
    if part == "cold":
        programs = {
            "canzhi": Program(code=OURS, variables=grounds.variables),
            "importing lightgbm and mlflow": Program(code=HEAVY, variables=grounds.variables),
        }
        return cold_table(cold_starts(programs, bodies(1, explain=False)[0], chosen.rounds))
    if part == "former":
        return beside(other_checkout(grounds, chosen.against.resolve()), grounds, chosen)
    return steadily(grounds, chosen.rounds, chosen.seconds)


def beside(other: MeasuredServer, grounds: Grounds, chosen: argparse.Namespace) -> str:
    """Compare CPU time per valuation and start-up time with another checkout, in alternating rounds."""
    mine = ours(grounds, explain=False)
    programs = {
        other.name: Program(code=OURS, variables=other.variables),
        mine.name: Program(code=OURS, variables=mine.variables),
    }
    starts = cold_starts(programs, bodies(1, explain=False)[0], chosen.rounds)
    found = race([other, mine], chosen.rounds, chosen.seconds)
    slices = slices_of({one.name: {**os.environ, **one.variables} for one in (other, mine)}, mine.bodies, SLICES)
    heads = ("without server and sockets", "CPU a request [µs]", f"× {other.name}")
    rows = [ratio_row(slices, one.name, other.name) for one in (other, mine)]
    return "\n\n".join((cpu_table(found, other.name), table_of(heads, rows), cold_table(starts)))


def race(servers: Iterable[MeasuredServer], rounds: int, seconds: float) -> dict[str, list[Load]]:
    """Return the rounds of each server, measured in alternation while all servers run."""
    found: dict[str, list[Load]] = {}
    with ExitStack() as running:
        addresses = []
        for one in servers:
            pid, port = running.enter_context(started(one))
            addresses.append((one, pid, f"http://127.0.0.1:{port}{one.path}"))
        for number in range(rounds + 1):
            for one, pid, address in addresses:
                taken = seconds if number else min(seconds, 1.0)  # the first round is for warm-up
                result = load(address, pid, one.bodies, connections=one.connections, seconds=taken)
                if number:
                    found.setdefault(one.name, []).append(result)
    return found


def steadily(grounds: Grounds, rounds: int, seconds: float) -> str:
    """Return latencies at a share of the highest rate of two server processes."""
    one = ours(grounds, explain=False, workers=2)
    asked = bodies(grounds.packs, explain=False)
    with started(one) as (pid, port):
        address = f"http://127.0.0.1:{port}{OURS_PATH}"
        load(address, pid, one.bodies, connections=64, seconds=1.0)
        most = load(address, pid, one.bodies, connections=64, seconds=seconds).per_second
        found: list[Steady] = [
            steady(port, OURS_PATH, asked, rate=SHARE * most, seconds=seconds) for _ in range(rounds)
        ]
    return steady_table(found, most)


if __name__ == "__main__":
    main()
