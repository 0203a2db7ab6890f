"""Format the tables of docs/explanation/how-fast.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.http_service.cold import Start
from benchmarks.http_service.load import Load
from benchmarks.http_service.steady import Steady
from benchmarks.report import table_of

Rounds = Mapping[str, Sequence[Load]]


def cpu_table(rounds: Rounds, reference: str) -> str:
    """Return CPU time per request of each server, relative to the reference in the same round."""
    rows = []
    for name, loads in rounds.items():
        ratios = [load.cpu_us / base.cpu_us for load, base in zip(loads, rounds[reference], strict=True)]
        rows.append((name, f"{median(load.cpu_us for load in loads):,.0f}", _spread(ratios), _errors(loads)))
    return table_of(("server", "CPU a request [µs]", f"× {reference}", "errors"), rows)


def rate_table(rounds: Rounds, ours: str) -> str:
    """Return requests per second of each server, and the ratio of canzhi's service to it."""
    rows = []
    for name, loads in rounds.items():
        ratios = [mine.per_second / load.per_second for load, mine in zip(loads, rounds[ours], strict=True)]
        cpu = [load.cpu_us / mine.cpu_us for load, mine in zip(loads, rounds[ours], strict=True)]
        rate, p50, p99 = (median(getattr(one, what) for one in loads) for what in ("per_second", "p50_ms", "p99_ms"))
        latencies = (f"{p50:,.1f}", f"{p99:,.1f}")
        rows.append((name, f"{rate:,.0f}", *latencies, _spread(ratios), _spread(cpu), _errors(loads)))
    heads = ("server", "requests/s", "p50 [ms]", "p99 [ms]", f"rate of {ours} over it", f"its CPU over {ours}'s")
    return table_of((*heads, "errors"), rows)


def cold_table(starts: Mapping[str, Start]) -> str:
    """Return the time of each start."""
    name, first = next(iter(starts.items()))
    return table_of(
        ("start to first answer", "wall [s]", "CPU [s]", f"× {name}, CPU"),
        [
            (name, f"{start.wall_s:.2f}", f"{start.cpu_s:.2f}", f"{start.cpu_s / first.cpu_s:.2f}")
            for name, start in starts.items()
        ],
    )


def steady_table(found: Sequence[Steady], most: float) -> str:
    """Return latencies at a share of the highest rate."""
    return table_of(
        ("rate [1/s]", "share of the highest", "p50 [ms]", "p99 [ms]", "p99/p50", "refused"),
        [
            (
                *(f"{one.rate:,.0f}", f"{one.rate / most:.0%}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}"),
                *(f"{one.p99_ms / one.p50_ms:.1f}", str(one.refused)),
            )
            for one in found
        ],
    )


def _spread(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def _errors(loads: Sequence[Load]) -> str:
    return str(sum(load.errors for load in loads))
