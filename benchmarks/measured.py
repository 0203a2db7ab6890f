"""Measure a run in its own processes: total CPU time, wall time and peak memory of the process tree."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_EVERY_S = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Cost of a run: CPU time [s], wall time [s] and peak memory of all its processes [MiB]."""

    cpu_s: float
    wall_s: float
    peak_mib: float
    packs: int


def report_cost(work: Callable[[], int]) -> None:
    """Run a function and print its cost; called in a process started by :func:`measured`."""
    cpu, begun = _spent(), time.perf_counter()
    packs = work()
    print(json.dumps({"cpu_s": _spent() - cpu, "wall_s": time.perf_counter() - begun, "packs": packs}))


def measured(module: str, arguments: Sequence[str]) -> Cost:
    """Run a module that prints its cost, and sample the memory of its process tree.

    Shared pages are counted once per process, so the peak memory is an upper bound.
    """
    process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, text=True)
    peak = 0.0
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(_EVERY_S):
            peak = max(peak, sum(_resident(pid) for pid in tree(process.pid)) / 2**20)

    watcher = threading.Thread(target=watch)
    watcher.start()
    said, _ = process.communicate()
    ended.set()
    watcher.join()
    if process.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} failed")
    return Cost(**json.loads(said.splitlines()[-1]), peak_mib=peak)


def _spent() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def tree(root: int) -> list[int]:
    """Return a process and all below it."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(status.parent.name)] = int(status.read_text("utf-8").rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1]) * _PAGE
    except OSError:
        return 0
