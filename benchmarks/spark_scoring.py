"""A fleet on Spark with two workers of one processor each, beside the local engine on the same two processors.

Run: ``.venv/bin/python -m benchmarks.spark_scoring [--packs 300000] [--rounds 3] [--write]`` (needs the extra `spark`)

Master, workers and driver run on this machine. Both sides value the same synthetic fleet (`benchmarks.fleets`), in
turn; Spark has valued a smaller one before, so that its processes are up and warm. The clock counts what a person waits
for; beside it stands the CPU time of all processes, which what else the machine does changes little. At the end the two
answers are compared, row by row.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyarrow.dataset as ds

from benchmarks.batch_scoring import AS_OF, BUNDLE, PAGE, Grounds
from benchmarks.measured import tree
from benchmarks.report import replace_section, table_of
from models import load_model
from models.predictor import Predictor
from service.batch.kit import Kit
from service.batch.local import Request, score_files
from service.spark import ClusterRequest, open_session, score_tables
from tools.spark_cluster import started
from valuation.fleet import FleetTerms

WARM_PACKS = 20_000
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Seconds of the clock and of all processors."""

    wall_s: float
    cpu_s: float


def taken(work: Callable[[], object]) -> Taken:
    """Do a piece of work and return what it took, this process and all below it counted."""
    cpu, begun = _spent(), time.perf_counter()
    work()
    return Taken(wall_s=time.perf_counter() - begun, cpu_s=_spent() - cpu)


def _spent() -> float:
    """Return the CPU time of this process, its children that have ended, and all processes below it."""
    total = 0
    for pid in tree(os.getpid()):
        try:
            facts = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(facts[place]) for place in (11, 12, 13, 14))
    return total / _TICK


def by_engine(grounds: Grounds, packs: int, rounds: int) -> Mapping[str, list[Taken]]:
    """Return what both engines took, round by round."""
    quotes, model = (grounds.folder / "seed" / "quotes.csv").read_bytes(), load_model(BUNDLE)
    if not isinstance(model, Predictor):
        raise TypeError(f"{BUNDLE} is no model of ours")
    kit = Kit.of(quotes, model, FleetTerms(as_of=AS_OF))
    found: dict[str, list[Taken]] = {"local": [], "Spark": []}
    with tempfile.TemporaryDirectory() as name, started(Path(name), memory="3000m") as cluster:
        os.environ.update(cluster.environment)
        session = open_session(cluster.master)

        def on_spark(count: int) -> Taken:
            files = (path.as_uri() for path in grounds.fleet(count))
            request = ClusterRequest(
                packs=next(files), events=next(files), out=(grounds.folder / "spark.parquet").as_uri()
            )
            return taken(lambda: score_tables(session, request, kit))

        print(f"warm after {on_spark(WARM_PACKS)}", flush=True)
        files = grounds.fleet(packs)
        request = Request(packs=files[0], events=files[1], out=grounds.folder / "local.parquet", processes=2)
        for _ in range(rounds):
            found["local"].append(taken(lambda: score_files(request, kit)))
            found["Spark"].append(on_spark(packs))
            print({engine: told[-1] for engine, told in found.items()}, flush=True)
        session.stop()
    local, spark = (
        ds.dataset(grounds.folder / f"{name}.parquet").to_table().sort_by("battery_code") for name in ("local", "spark")
    )
    if local.to_pylist() != spark.select(local.schema.names).to_pylist():
        raise SystemExit("the engines say different things")
    return found


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the fleets are kept")
    parser.add_argument("--write", action="store_true", help="write the page")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        grounds = Grounds(folder=(given.folder or Path(name)).absolute())
        found = by_engine(grounds, given.packs, given.rounds)
    rows = []
    for engine, told in found.items():
        ratios = {
            what: [getattr(one, what) / getattr(other, what) for one, other in zip(told, found["local"], strict=True)]
            for what in ("wall_s", "cpu_s")
        }
        rows.append([
            "Spark, 2 workers, warm" if engine == "Spark" else "local, 2 processes, from cold",
            f"{median(one.wall_s for one in told):.0f}", _spread(ratios["wall_s"]),
            f"{median(one.cpu_s for one in told):.0f}", _spread(ratios["cpu_s"]),
        ])  # fmt: skip
    table = table_of(("engine", "wall s", "times local", "CPU s", "times local"), rows)
    text = f"{given.packs:,} packs; the answers are the same to the last bit:\n\n{table}"
    print(text)
    if given.write:
        replace_section(PAGE, "a fleet on Spark", text)


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.1f} ({min(ratios):.1f} - {max(ratios):.1f})"


if __name__ == "__main__":
    main()
