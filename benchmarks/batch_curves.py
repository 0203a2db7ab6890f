"""Measure the cost per pack by number of events, packs, trees and stored valuations; write a table and a plot.

Run: ``.venv/bin/python -m benchmarks.batch_curves [--folder FOLDER] [--most-packs N] [--most-kept N] [--write]``

One process and one thread, CPU time, medians of the rounds. The fleets are synthetic (`benchmarks.fleets`) and the
model is the golden one of the tests. The cost beyond the largest fleet is extrapolated from its cost per pack and
marked so.
"""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import lightgbm
import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from matplotlib import pyplot as plt

from benchmarks.batch_scoring import AS_OF, BUNDLE, PAGE, Grounds
from benchmarks.fleets import Seed, seed_of, write_fleet
from benchmarks.forest_evaluation import grown, synthetic
from benchmarks.report import replace_section, table_of
from models import load_model
from models.artifact.predictor import Predictor
from models.booster.forest_text import forest_from_text
from service.clock import new_ids
from service.scoring.job_context import JobContext
from service.scoring.local import Request, score_files
from service.store import valuations
from service.store.database import Database
from service.store.upgrade import upgrade
from valuation.terms import ValuationTerms

PLOT = PAGE.parent / "cost-curves.svg"
EVENTS = (1, 3, 10, 30, 100, 300, 1000)
EVENTS_IN_ALL = 600_000
PACKS = (1, 10, 100, 1_000, 10_000, 100_000, 300_000, 1_000_000, 3_000_000)
BEYOND = 10_000_000
TREES = (100, 300, 1_000, 3_000)
KEPT = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000)
RECORD_BYTES = {"request": 200, "record": 3_500, "notes": 100, "answer": 4_000}
"""Stored size of the parts of a valuation, measured on the sample packs. [bytes]"""
_MARKET = "sha256:0"
Curve = Mapping[int, float]


def spent(work: Callable[[], object], rounds: int) -> float:
    """Return the median CPU time of a function. [s]"""
    taken = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return median(taken)


def scored(context: JobContext, files: Sequence[Path], out: Path) -> Callable[[], object]:
    """Return a function that values a fleet in this process."""
    return lambda: score_files(Request(packs=files[0], events=files[1], out=out, processes=1), context)


def by_events(context: JobContext, folder: Path, rounds: int) -> Curve:
    """Return the cost per pack by events per pack. [us]"""
    curve = {}
    for events in EVENTS:
        seed = seed_of(folder / "seed", 2000, max(events, 13))
        if events < 13:
            seed = _first_events(seed, events)
        packs = max(EVENTS_IN_ALL // events, 1000) if events > 30 else 20_000
        place = folder / f"events-{events}"
        files = place / f"packs-{packs}.parquet", place / f"events-{packs}.parquet"
        if not all(file.exists() for file in files):
            write_fleet(seed, place, packs)
        curve[events] = 1e6 * spent(scored(context, files, place / "out.parquet"), rounds) / packs
        print(f"{events} events a pack: {curve[events]:.1f} us a pack", flush=True)
    return curve


def _first_events(seed: Seed, most: int) -> Seed:
    """Return the same packs with at most the given number of events each."""
    counts = np.minimum(seed.last - seed.first, most)
    ends = np.cumsum(counts)
    place = np.arange(ends[-1]) - np.repeat(ends - counts, counts) + np.repeat(seed.first, counts)
    return Seed(packs=seed.packs, events=seed.events.take(pa.array(place)), first=ends - counts, last=ends)


def by_packs(context: JobContext, folder: Path, most: int, rounds: int) -> Curve:
    """Return the cost of a fleet by number of packs; the last is extrapolated. [s]"""
    grounds, curve = Grounds(folder=folder), {}
    for packs in (count for count in PACKS if count <= most):
        files = grounds.fleet(packs)
        curve[packs] = spent(scored(context, files, folder / "out.parquet"), 1 if packs > 100_000 else rounds)
        print(f"{packs:,} packs: {curve[packs]:.3f} s", flush=True)
    largest = max(curve)
    return {**curve, BEYOND: curve[largest] * BEYOND / largest}


def by_trees(rounds: int) -> Curve:
    """Return the cost per row in the kernel by number of trees of 31 leaves, 8,192 rows per call. [us]"""
    booster, rows = lightgbm.Booster(model_file=grown(max(TREES), 31)), synthetic(8_192, 6)
    curve = {}
    for trees in TREES:
        forest = forest_from_text(booster.model_to_string(num_iteration=trees))
        forest.predict(rows)
        curve[trees] = 1e6 * spent(lambda forest=forest: forest.predict(rows), 5 * rounds) / len(rows)  # type: ignore[misc]
    return curve


def by_kept(folder: Path, most: int) -> Curve:
    """Return the cost of storing a valuation, 64 per transaction, by number of stored valuations. [us]"""
    url = f"sqlite:///{folder / 'kept.db'}"
    upgrade(url)
    store = Database(url)
    with store.writing() as connection:
        valuations.save_market(connection, _MARKET, b"")
    kept, curve = 0, {}
    for wanted in (count for count in KEPT if count <= most):
        while kept < wanted:
            _keep(store, 1000)
            kept += 1000
        curve[wanted] = 1e6 * spent(lambda: _keep_ten_times(store), 5) / 640
        kept += 3200
        print(f"{wanted:,} kept: {curve[wanted]:.0f} us for one more", flush=True)
    store.close()
    return curve


def _keep_ten_times(store: Database) -> None:
    for _ in range(10):
        _keep(store, 64)


def _keep(store: Database, count: int) -> None:
    facts: dict[str, Any] = {name: secrets.token_bytes(size) for name, size in RECORD_BYTES.items()}
    made = [
        valuations.StoredValuation(
            valuation_id=valuation_id, battery_code=secrets.token_hex(12).upper(), as_of="2026-11-20",
            created_at="2026-11-20T00:00:00Z", channel="http", input_digest=secrets.token_hex(32),
            market_digest=_MARKET, model_reference=None, model_digest=None, code_version="0", **facts,
        )
        for valuation_id in new_ids(count)
    ]  # fmt: skip
    with store.writing() as connection:
        valuations.save(connection, made, recorded_by="benchmark")


def draw(curves: Mapping[str, tuple[str, Curve]]) -> None:
    """Plot the curves with a line of proportional growth."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "canzhi"

    figure, axes = plt.subplots(2, 2, figsize=(9.0, 6.4), layout="constrained")
    for place, (what, (unit, curve)) in zip(axes.flat, curves.items(), strict=True):
        sizes, costs = [*curve], [*curve.values()]
        measured = len(sizes) - (what == "packs")
        place.plot(sizes[:measured], costs[:measured], marker="o")
        if measured < len(sizes):
            place.plot(sizes[-2:], costs[-2:], linestyle="dotted", marker="x", label="extrapolated")
        line = [costs[-1] * size / sizes[-1] for size in sizes]
        place.plot(sizes, line, color="grey", linewidth=0.8, label="proportional")
        place.set(xscale="log", yscale="log", xlabel=what, ylabel=unit, ylim=(min(costs) / 3.0, max(costs) * 3.0))
        place.legend(frameon=False)
    figure.savefig(PLOT, metadata={"Date": None})
    plt.close(figure)


def table(curves: Mapping[str, tuple[str, Curve]]) -> str:
    """Format every curve as a table."""
    parts = []
    for what, (unit, curve) in curves.items():
        rows = []
        for size, cost in curve.items():
            said = f"{cost:,.0f}" if cost >= 100.0 else f"{cost:.3g}"
            extra = " (extrapolated)" if what == "packs" and size == BEYOND else ""
            rows.append((f"{size:,}", said + extra))
        parts.append(table_of((what, unit), rows))
    return "\n\n".join(parts)


def main() -> None:
    """Measure, print, and on request write tables and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the fleets are kept")
    parser.add_argument("--most-packs", type=int, default=1_000_000)
    parser.add_argument("--most-kept", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the page and the plot")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = given.folder or Path(name)
        Grounds(folder=folder).fleet(PACKS[0])
        model = load_model(BUNDLE)
        if not isinstance(model, Predictor):
            raise TypeError(f"{BUNDLE} is not a canzhi model")
        context = JobContext.of(
            (folder / "seed" / "quotes.csv").read_bytes(), model, ValuationTerms(as_of=AS_OF, explain=False)
        )
        score_files(
            Request(packs=Grounds(folder=folder).fleet(1)[0], events=None, out=Path(name) / "warm.parquet"), context
        )
        curves = {
            "events per pack": ("us per pack", by_events(context, Path(name), given.rounds)),
            "packs": ("s", by_packs(context, folder, given.most_packs, given.rounds)),
            "trees": ("us per row", by_trees(given.rounds)),
            "stored valuations": ("us for one more", by_kept(Path(name), given.most_kept)),
        }
        largest = max(packs for packs in PACKS if packs <= given.most_packs)
        events = pq.read_metadata(Grounds(folder=folder).fleet(largest)[1]).num_rows / largest
    said = f"The largest fleet by packs has {events:.0f} events per pack."
    text = f"{table(curves)}\n\n{said}\n\n![Cost curves]({PLOT.name})"
    print(text)
    if given.write:
        draw(curves)
        replace_section(PAGE, "cost curves", text)


if __name__ == "__main__":
    main()
