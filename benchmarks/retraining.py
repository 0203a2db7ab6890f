"""Measure time and memory of a training, compared with one plain LightGBM fit of the same size.

Run: ``.venv/bin/python -m benchmarks.retraining [--sales 10000,100000,1000000] [--write]``

Sales are synthetic: rows of a small synthetic market are resampled with noise, which avoids simulating a million packs.
The plain ``lightgbm.train`` uses the same matrix and the number of trees, leaves and learning rate of the estimator's
mean forest. Each fit runs in its own process, which reports its CPU time and its memory growth over the imported
libraries; the order alternates and medians are reported. With ``--write`` the table goes into
docs/explanation/how-fast.md.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import lightgbm
import numpy as np
import pandas as pd

from benchmarks.report import replace_section, table_of
from models.estimator import ResidualValueRegressor
from training.configuration import TrainingConfig
from training.dataset.training_set import TrainingSet, build
from training.sales_ledger import read_ledger
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from valuation import features
from valuation.ingest import read_market, read_tables

PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "how-fast.md"
LEAVES, PACE = 31, 0.05
MEBIBYTE = 2**20


def seed_sales(packs: int = 4000) -> TrainingSet:
    """Return the sales of one small synthetic market."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(simulate(SimulationPlan(packs=packs, seed=77, years=6.0), lambda _: None), folder)
        traces = read_tables(folder / "packs.parquet", folder / "events.parquet")
        market = read_market(folder / "quotes.csv")
        return build(traces.table, read_ledger(folder / "sales.parquet"), market)[0]


def drawn(sales: TrainingSet, count: int) -> TrainingSet:
    """Resample the given number of sales with jittered numbers and distinct packs."""
    chance = np.random.default_rng(count)
    taken = sales.take(chance.integers(0, len(sales), size=count))
    matrix = taken.matrix.copy()
    categories = {features.NAMES.index(name) for name in features.CATEGORICAL}
    for column in range(matrix.shape[1]):
        if column not in categories:
            matrix[:, column] *= 1.0 + 0.02 * chance.standard_normal(count)
    price = taken.price_cny * np.exp(0.05 * chance.standard_normal(count))
    columns = {name: getattr(taken, name) for name in TrainingSet.__slots__}
    columns |= {"matrix": matrix, "price_cny": price, "packs": tuple(f"P{row}" for row in range(count))}
    return TrainingSet(**columns)


def save(sales: TrainingSet, path: Path) -> None:
    """Write the input of a fit."""
    np.savez(
        path,
        matrix=sales.matrix,
        price=sales.price,
        structural=sales.structural,
        day=sales.sold_day,
        groups=np.array(sales.groups),
    )


def fit_ours(path: Path, threads: int) -> int:
    """Fit the estimator as in a training, and return the number of trees of its mean forest."""
    data = np.load(path)
    config = TrainingConfig()
    estimator = ResidualValueRegressor(
        monotone=features.MONOTONE,
        categorical=features.CATEGORICAL,
        folds=config.folds,
        random_state=0,
        n_jobs=threads,
    )
    table = pd.DataFrame(data["matrix"], columns=list(features.NAMES))
    estimator.fit(table, data["price"], base=data["structural"], time=data["day"], groups=data["groups"].tolist())
    return int(estimator.fitted_.mean.forest.trees)


def fit_plain(path: Path, threads: int, trees: int) -> int:
    """Fit one plain LightGBM to the logarithm of the price, and return the number of trees."""
    data = np.load(path)
    target = np.log(np.maximum(data["price"], 1.0))
    settings = {"objective": "regression", "num_leaves": LEAVES, "learning_rate": PACE, "num_threads": threads}
    lightgbm.train(settings | {"verbosity": -1}, lightgbm.Dataset(data["matrix"], target), trees)
    return trees


def measured(kind: str, path: Path, trees: int, threads: int) -> dict[str, float]:
    """Measure one fit in its own process."""
    command = [sys.executable, "-m", "benchmarks.retraining", "--fit", kind, str(path), str(trees), str(threads)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    printed: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return printed


def one_fit(kind: str, path: Path, trees: int, threads: int) -> None:
    """Fit and print the cost; runs in the child process."""
    before, taken = resource.getrusage(resource.RUSAGE_SELF), _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # reset the peak reached while importing
    start = time.perf_counter()
    made = fit_ours(path, threads) if kind == "ours" else fit_plain(path, threads, trees)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": _memory("VmHWM") - taken, "trees": made}))


def _memory(name: str) -> float:
    """Return current or peak memory of this process from /proc. [MiB]"""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024.0


def one_size(sales: TrainingSet, count: int, rounds: int, threads: int) -> tuple[str, ...]:
    """Return the row of a table for one number of sales."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "sales.npz"
        save(drawn(sales, count), path)
        size = path.stat().st_size / MEBIBYTE
        ours = [measured("ours", path, 0, threads)]
        trees = int(ours[0]["trees"])
        plain = [measured("plain", path, trees, threads)]
        for _ in range(rounds - 1):
            plain.append(measured("plain", path, trees, threads))
            ours.append(measured("ours", path, 0, threads))
    mine, bare = ({key: median(run[key] for run in runs) for key in runs[0]} for runs in (ours, plain))
    return (
        f"{count:,}",
        f"{trees:,}",
        f"{mine['cpu']:.1f}",
        f"{bare['cpu']:.1f}",
        f"{mine['cpu'] / bare['cpu']:.1f}",
        f"{mine['wall'] / bare['wall']:.1f}",
        f"{size:,.0f}",
        f"{mine['peak']:,.0f}",
        f"{bare['peak']:,.0f}",
        f"{mine['peak'] / bare['peak']:.2f}",
    )


HEADS = (
    *("sales", "trees of the mean", "fit, CPU [s]", "plain LightGBM, CPU [s]", "ratio, CPU", "ratio, wall"),
    *("data [MiB]", "peak memory [MiB]", "plain LightGBM [MiB]", "ratio, memory"),
)


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sales", default="10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=3, help="fits of each kind; one for a million sales")
    parser.add_argument("--threads", type=int, default=1, help="threads of each fit")
    parser.add_argument("--rows", type=Path, help="file with the sizes measured before, which are not measured again")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--fit", nargs=4, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.fit:
        kind, path, trees, threads = chosen.fit
        one_fit(kind, Path(path), int(trees), int(threads))
        return
    sizes = [int(text) for text in chosen.sales.split(",")]
    kept = json.loads(chosen.rows.read_text("utf-8")) if chosen.rows and chosen.rows.exists() else {}
    sales = seed_sales() if any(str(count) not in kept for count in sizes) else None
    for count in sizes:
        if sales is not None and str(count) not in kept:
            rounds = 1 if count >= 1_000_000 else chosen.rounds
            kept[str(count)] = one_size(sales, count, rounds, chosen.threads)
            if chosen.rows:
                chosen.rows.write_text(json.dumps(kept), encoding="utf-8")
        print(table_of(HEADS, [tuple(kept[str(count)])]), flush=True)
    rows = [tuple(kept[str(count)]) for count in sizes]
    note = (
        f"{len(features.NAMES)} features, {chosen.threads} thread(s); medians of {chosen.rounds} fit(s) each (one for "
        "a million sales), every fit in its own process; memory is the growth over the imported libraries, including "
        "the data. Plain LightGBM: one `lightgbm.train` with as many trees of 31 leaves on the same matrix, without "
        "band, folds or monotone constraints."
    )
    text = f"{note}\n\n{table_of(HEADS, rows)}"
    if chosen.write:
        replace_section(PAGE, "retraining", text)


if __name__ == "__main__":
    main()
