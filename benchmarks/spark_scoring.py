"""Compare Spark with two single-core workers and the local engine on the same two cores.

Run: ``.venv/bin/python -m benchmarks.spark_scoring [--packs 300000] [--mixed 100000] [--rounds 3] [--write]``
(needs the extra `spark`).

Master, workers and driver run on this machine. Both engines value the same synthetic fleets (`benchmarks.fleets`) in
turn: one in order of the codes, and one with events in random order. Spark is warmed up with a smaller fleet. Wall time
and the CPU time of all processes are reported; other load affects CPU time little. Finally the answers are compared
cell by cell.
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
from typing import TYPE_CHECKING

import pyarrow.dataset as ds

from benchmarks.batch_scoring import AS_OF, BUNDLE, PAGE, Grounds
from benchmarks.fleets import write_mixed
from benchmarks.measured import tree
from benchmarks.report import replace_section, table_of
from models import load_model
from models.artifact.predictor import Predictor
from service.scoring.job_context import JobContext
from service.scoring.local import Request, score_files
from service.scoring.spark import ClusterRequest, open_session, score_tables
from tools.spark_cluster import started
from valuation.terms import ValuationTerms

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

WARM_PACKS = 20_000
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """Wall time and CPU time. [s]"""

    wall_s: float
    cpu_s: float


def taken(work: Callable[[], object]) -> Taken:
    """Run a function and return the time spent by this process and its descendants."""
    before, begun = _spent(), time.perf_counter()
    work()
    wall_s = time.perf_counter() - begun
    cpu_s = sum(spent - before.get(pid, 0) for pid, spent in _spent().items()) / _TICK
    return Taken(wall_s=wall_s, cpu_s=cpu_s)


def _spent() -> Mapping[int, int]:
    """Return the CPU time in ticks of this process and of each descendant, including ended children.

    The times are kept per process, because Spark ends idle workers.
    """
    found = {}
    for pid in tree(os.getpid()):
        try:
            facts = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        found[pid] = sum(int(facts[place]) for place in (11, 12, 13, 14))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Both engines: the local one starts new processes each time, the Spark processes are running."""

    folder: Path
    session: SparkSession
    context: JobContext

    def local(self, files: tuple[Path, Path]) -> Taken:
        """Value a fleet locally with two new processes."""
        request = Request(packs=files[0], events=files[1], out=self.folder / "local.parquet", processes=2)
        return taken(lambda: score_files(request, self.context))

    def spark(self, files: tuple[Path, Path]) -> Taken:
        """Value a fleet on the cluster."""
        packs, events, out = (path.as_uri() for path in (*files, self.folder / "spark.parquet"))
        request = ClusterRequest(packs=packs, events=events, out=out)
        return taken(lambda: score_tables(self.session, request, self.context))

    def both(self, files: tuple[Path, Path], rounds: int) -> Mapping[str, list[Taken]]:
        """Measure both engines round by round; raise if their answers differ."""
        found: dict[str, list[Taken]] = {"local": [], "Spark": []}
        for _ in range(rounds):
            found["local"].append(self.local(files))
            found["Spark"].append(self.spark(files))
            print({engine: printed[-1] for engine, printed in found.items()}, flush=True)
        local, spark = (
            ds.dataset(self.folder / f"{name}.parquet").to_table().sort_by("battery_code")
            for name in ("local", "spark")
        )
        if not local.equals(spark.select(local.schema.names).cast(local.schema)):
            raise SystemExit("the answers of the engines differ")
        return found


def fleets_of(grounds: Grounds, ordered: int, mixed: int) -> Mapping[str, tuple[Path, Path]]:
    """Return the fleets: one in order of the codes, and one with events in random order."""
    packs, events = grounds.fleet(mixed)
    target = grounds.folder / f"events-{mixed}-mixed.parquet"
    if not target.exists():
        write_mixed(events, target)
    return {f"{ordered:,}, in order": grounds.fleet(ordered), f"{mixed:,}, events in random order": (packs, target)}


def measure(grounds: Grounds, fleets: Mapping[str, tuple[Path, Path]], rounds: int) -> list[list[str]]:
    """Return the rows of the table, one per fleet and engine."""
    quotes, model = (grounds.folder / "seed" / "quotes.csv").read_bytes(), load_model(BUNDLE)
    if not isinstance(model, Predictor):
        raise TypeError(f"{BUNDLE} is not a canzhi model")
    context = JobContext.of(quotes, model, ValuationTerms(as_of=AS_OF, explain=False))
    rows = []
    with tempfile.TemporaryDirectory() as name, started(Path(name), memory="3000m") as cluster:
        os.environ.update(cluster.environment)
        session = open_session(cluster.master)
        engines = Engines(folder=grounds.folder, session=session, context=context)
        print(f"warm after {engines.spark(grounds.fleet(WARM_PACKS))}", flush=True)
        for fleet, files in fleets.items():
            found = engines.both(files, rounds)
            for engine, printed in found.items():
                walls, cpus = (
                    [
                        getattr(one, what) / getattr(other, what)
                        for one, other in zip(printed, found["local"], strict=True)
                    ]
                    for what in ("wall_s", "cpu_s")
                )
                rows.append([
                    fleet, "Spark, 2 workers, warm" if engine == "Spark" else "local, 2 processes, from cold",
                    f"{median(one.wall_s for one in printed):.0f}", _spread(walls),
                    f"{median(one.cpu_s for one in printed):.0f}", _spread(cpus),
                ])  # fmt: skip
        session.stop()
    return rows


def main() -> None:
    """Measure, print, and write the page if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--packs", type=int, default=300_000, help="of the fleet in order")
    parser.add_argument("--mixed", type=int, default=100_000, help="of the fleet in no order")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the fleets are kept")
    parser.add_argument("--write", action="store_true", help="write the page")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        grounds = Grounds(folder=(given.folder or Path(name)).absolute())
        rows = measure(grounds, fleets_of(grounds, given.packs, given.mixed), given.rounds)
    table = table_of(("packs", "engine", "wall s", "times local", "CPU s", "times local"), rows)
    text = f"The answers are bit-identical.\n\n{table}"
    print(text)
    if given.write:
        replace_section(PAGE, "a fleet on Spark", text)


def _spread(ratios: list[float]) -> str:
    return f"{median(ratios):.1f} ({min(ratios):.1f} - {max(ratios):.1f})"


if __name__ == "__main__":
    main()
