"""Measure the cost of a fit and of a single valuation, and check monotone directions.

Run: ``.venv/bin/python -m benchmarks.price_bands.speed --data FOLDER --write``

The cost of a fit is relative to one plain ``lightgbm.train`` with as many trees, leaves and threads on the same encoded
synthetic table; the cost of value and band of one row is relative to MAPIE's conformal quantile regression.
"""

from __future__ import annotations

import argparse
import time
import warnings
from functools import partial
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks.price_bands.__main__ import PAGE, ROOT
from benchmarks.price_bands.borrowed import borrow, present
from benchmarks.price_bands.calibration import Tuned
from benchmarks.price_bands.datasets import READERS, Sales, read_sets
from benchmarks.price_bands.matrices import Reader
from benchmarks.price_bands.ours import crossings, said
from benchmarks.price_bands.rivals import RIVALS
from benchmarks.price_bands.scores import SWEPT_ROWS, latency, violations
from benchmarks.price_bands.splits import random_split
from benchmarks.report import replace_section, table_of
from models import ResidualValueRegressor
from models.artifact.bundle import About, Bundle
from models.artifact.predictor import Predictor

SIZES = (1_000, 4_000, 20_000, 100_000)
ROWS = 4_000
SECTION = "price bands, speed and order"
ONE_ROW = (
    "One row: value and both edges of the 90 % band, repeated calls. Numbers and codes are in memory, for canzhi as "
    "for the other methods; only rows that name a frame read one and look up texts."
)


def synthetic(rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return a synthetic table of assets with prices and models."""
    generator = np.random.default_rng(seed)
    model = generator.integers(0, 200, rows)
    numbers = generator.normal(size=(rows, 10))
    effect = generator.normal(size=200)[model]
    level = 9.0 + 0.4 * effect + 0.3 * np.tanh(numbers[:, 0]) + 0.2 * numbers[:, 1] * (numbers[:, 2] > 0)
    price = np.exp(level + (0.1 + 0.1 * (numbers[:, 3] > 0)) * generator.standard_t(5, rows))
    table = pd.DataFrame(numbers, columns=[f"number {k}" for k in range(10)])
    label = np.array([f"model {m}" for m in model], dtype=object)
    return table.assign(model=label, maker=[f"maker {m // 20}" for m in model]), price, label


def fit_ratio(rows: int) -> tuple[float, float]:
    """Return the CPU time of a fit on a synthetic table, and of one plain training with as many trees. [s]"""
    table, price, _ = synthetic(rows, 1)
    begun = time.process_time()
    estimator = ResidualValueRegressor(n_jobs=1).fit(table, price)
    ours = time.process_time() - begun
    trees = estimator.fitted_.mean.forest.trees
    matrix = estimator.fitted_.encode(estimator.fitted_.vocabulary.codes(table))
    parameters = {"num_leaves": 31, "learning_rate": 0.05, "num_threads": 1, "verbosity": -1, "force_col_wise": True}
    begun = time.process_time()
    lightgbm.train(parameters, lightgbm.Dataset(matrix, np.log(price)), max(trees, 1))
    return ours, time.process_time() - begun


def single_row(sales: Sales, tuned: Tuned) -> list[tuple[str, float]]:
    """Return the CPU time of value and band of one row, by interface. [us]"""
    train, test = random_split(sales, ROWS, 0)
    reader = Reader(train, 0)
    estimator = ResidualValueRegressor(n_jobs=1).fit(train.table, train.price, groups=train.model)
    state = estimator.fitted_
    codes, labels = state.vocabulary.codes(test.table.iloc[:1]), [str(test.model[0])]
    edges = np.array([0.05, 0.95])
    one = reader.read(test.take(np.array([0])))
    about = About(name="speed", version="1", created_on="", trained_through="")
    served = Predictor(Bundle(state=state, about=about, digest="", signed_by=""))
    times = [
        ("trained model, codes in", latency(lambda: served.price(codes, None, labels, (0.05, 0.95)))),
        ("the same with numpy only", latency(lambda: state.price(codes, None, labels, edges))),
    ]
    table = test.table.iloc[:1]
    times.append(("estimator, frame in", latency(lambda: said(estimator, table, np.array(labels)), 20)))
    for name in ("MAPIE CQR", "CatBoost MultiQuantile + CP"):
        if present(name):
            band = RIVALS[name](reader.training, tuned, 0)
            times.append((name, latency(partial(band, one))))
    return times


def disorder(sales: Sales) -> list[tuple[str, float]]:
    """Return the share of curves that violate their direction, and of sales with crossing quantiles."""
    train, test = random_split(sales, ROWS, 0)
    estimator = ResidualValueRegressor(n_jobs=1, monotone=dict[str | int, int](sales.directions.items()))
    estimator.fit(train.table, train.price, groups=train.model)
    swept = test.take(np.arange(min(SWEPT_ROWS, len(test))))
    rows = [("quantiles that cross", crossings(estimator, test))]
    for column, direction in sales.directions.items():
        low, high = np.nanquantile(train.table[column], [0.01, 0.99])

        def ask(value: np.ndarray, column: str = column) -> np.ndarray:
            return said(estimator, swept.table.assign(**{column: float(value)}), swept.model)

        rows.append((f"curves against {column}", violations(ask, float(low), float(high), direction)))
    return rows


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.price_bands.speed")
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--sets", nargs="*", choices=READERS, default=[])
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rivals", type=Path, default=ROOT / ".venv-benchmarks")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    borrow(chosen.rivals)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fits = [(rows, *fit_ratio(rows)) for rows in chosen.sizes]
        sets = read_sets(chosen.data, chosen.sets)
        asked = single_row(sets[0], Tuned(ROOT / "build" / "price_bands_speed.tuned.json", sets[0].name))
        order = [(sales.name, *row) for sales in sets for row in disorder(sales)]
    text = "\n\n".join(
        [
            "One thread, processor time. A fit on a synthetic table, against one plain training with as many trees:",
            table_of(
                ("sales", "fit [s]", "plain training [s]", "ratio"),
                [(f"{rows:,}", f"{ours:.2f}", f"{plain:.2f}", f"{ours / plain:.1f}") for rows, ours, plain in fits],
            ),
            ONE_ROW,
            table_of(("asked of", "microseconds"), [(name, f"{spent:.0f}") for name, spent in asked]),
            f"Violations of the given directions, shares of 1, {ROWS:,} training sales:",
            table_of(("set", "what", "share"), [(name, what, f"{share:.4f}") for name, what, share in order]),
        ]
    )
    print(text)
    if chosen.write and chosen.data.is_dir():
        replace_section(PAGE, SECTION, text)


if __name__ == "__main__":
    main()
