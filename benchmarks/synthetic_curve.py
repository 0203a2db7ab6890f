"""Learning curve: error and band width by number of sales, compared with the noise floor of a synthetic market.

Run: ``.venv/bin/python -m benchmarks.synthetic_curve [--sales 0,100,300,1000,3000,10000] [--seeds 101] [--write]``

The model is fitted on random samples of increasing size of the sales known two years before the last one, and predicts
the sales of the last two years without recentring. Without sales the structural value and its own band are used. The
best of the baselines (:mod:`training.evaluation.backtest.baselines`) fitted on the same sales is shown for comparison.
With ``--write`` table and plot go into docs/explanation; ``--sales 100000 --apart`` has its own section.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from itertools import pairwise
from statistics import median

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE, SyntheticMarket, bare, compare_with_truth, fit_on, market_of
from training.configuration import TrainingConfig
from training.evaluation.backtest.baselines import Task, baselines
from training.fit_model import forecast
from training.metrics import Forecast
from training.simulation.plan import SimulationPlan

PLOT = PAGE.parent / "learning-curve.svg"
PACKS_PER_SALE = 3.2
"""Number of simulated packs per sale that is known two years before the end."""
LEAST_PACKS = 20_000
MOST_TESTED = 5_000
"""Largest number of test sales, drawn at random."""
REPEATS_BELOW = 1_000
"""Below this number of sales the result depends on the sample; the median of five samples is used."""
SCORE = "interval score over the truth's"


def draws_of(sales: int) -> int:
    """Return the number of samples for a number of sales.

    >>> draws_of(300), draws_of(3_000)
    (5, 1)
    """
    return 5 if 0 < sales < REPEATS_BELOW else 1


def one_size(market: SyntheticMarket, sales: int, draw: int, config: TrainingConfig) -> dict[str, float]:
    """Return the figures of a model fitted on a random sample of sales."""
    chance = np.random.default_rng([draw, sales])
    later = np.flatnonzero(market.sales.sold_day > market.start_day)
    tested = np.sort(np.random.default_rng(0).permutation(later)[:MOST_TESTED])
    asked, truth = market.sales.take(tested), market.truth.where(np.isin(np.arange(len(market.sales)), tested))
    if not sales:
        return compare_with_truth(bare(asked), truth, config.level)
    known = np.flatnonzero(market.known_by(market.start_day, config))
    chosen = np.zeros(len(market.sales), dtype=bool)
    chosen[chance.permutation(known)[:sales]] = True
    predicted = forecast(fit_on(market, chosen, config), asked, config.level)
    task = Task(known=market.sales.where(chosen), targets=asked, level=config.level, seed=draw)
    return {**compare_with_truth(predicted, truth, config.level), **best_baseline(task, truth)}


def best_baseline(task: Task, truth: Forecast) -> dict[str, float]:
    """Return the smallest error and interval score of the baselines."""
    noted = [compare_with_truth(rival(task), truth, task.level) for rival in baselines().values()]
    return {f"{name}, best rival": min(one[name] for one in noted) for name in ("MAPE", SCORE)}


def curve(seed: int, sizes: list[int], config: TrainingConfig) -> dict[int, dict[str, float]]:
    """Return the median figures by number of sales in one market."""
    packs = max(LEAST_PACKS, int(PACKS_PER_SALE * max(sizes)))
    market = market_of(SimulationPlan(packs=packs, seed=seed), config)
    points = {}
    for sales in sizes:
        runs = [one_size(market, sales, draw, config) for draw in range(draws_of(sales))]
        points[sales] = {name: median(run[name] for run in runs) for name in runs[0]}
        print(f"seed {seed}, {sales:,} sales: {points[sales]}", flush=True)
    return points


def halved_at(points: Mapping[int, Mapping[str, float]]) -> float:
    """Return the number of sales that halves the structural value's error over the floor, by linear interpolation.

    >>> points = {0: 0.28, 100: 0.22, 300: 0.19}
    >>> round(halved_at({n: {"MAPE": e, "MAPE of the truth (floor)": 0.12} for n, e in points.items()}))
    233
    """
    sizes = sorted(points)
    over = [points[n]["MAPE"] - points[n]["MAPE of the truth (floor)"] for n in sizes]
    for (before, above), (after, below) in pairwise(zip(sizes, over, strict=True)):
        if below <= over[0] / 2.0:
            return before + (after - before) * (above - over[0] / 2.0) / (above - below)
    return float("inf")


def draw_plot(points: Mapping[int, Mapping[str, float]]) -> None:
    """Plot error and width over the number of sales, with the floor."""
    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "canzhi"

    sizes = sorted(points)
    places = [max(size, 30) for size in sizes]
    figure, axes = plt.subplots(1, 2, figsize=(9.0, 3.4), layout="constrained")
    floor = [points[size]["MAPE of the truth (floor)"] for size in sizes]
    axes[0].plot(places, [points[size]["MAPE"] for size in sizes], marker="o", label="canzhi")
    axes[0].plot(places, floor, color="grey", label="noise floor")
    axes[0].set(xscale="log", xlabel="sales learned from (left: none)", ylabel="MAPE", ylim=(0.0, None))
    axes[0].legend(frameon=False)
    axes[1].plot(places, [points[size]["width over the truth's band"] for size in sizes], marker="o")
    axes[1].axhline(1.0, color="grey")
    axes[1].set(
        xscale="log", xlabel="sales learned from (left: none)", ylabel="width over the oracle's", ylim=(0.8, None)
    )
    figure.savefig(PLOT, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Measure, print, and on request write table and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sales", default="0,100,300,1000,3000,10000")
    parser.add_argument("--seeds", default="101")
    parser.add_argument("--apart", action="store_true", help="the table has a section of its own, without a plot")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.sales.split(",")]
    curves = [curve(int(seed), sizes, TrainingConfig()) for seed in chosen.seeds.split(",")]
    points = {n: {name: median(one[n][name] for one in curves) for name in curves[0][n]} for n in sizes}
    beside = ("MAPE, best rival", SCORE, f"{SCORE}, best rival")
    wanted = ("MAPE", "MAPE over floor", "coverage at 0.90", "width over the truth's band", *beside)
    rows = [(f"{n:,}", *(f"{points[n][name]:.3f}" if name in points[n] else "" for name in wanted)) for n in sizes]
    predicted = [
        f"Seeds {chosen.seeds}; medians over seeds, and over five draws below {REPEATS_BELOW:,} sales.",
        table_of(("sales learned from", *wanted), rows),
    ]
    section = "synthetic learning curve"
    if chosen.apart:
        section += ", many sales"
    else:
        half = halved_at(points)
        predicted.append(f"The error over the floor is half of the structural value's at about {half:,.0f} sales.")
        predicted.append(f"![Error and width by the number of sales]({PLOT.name})")
    text = "\n\n".join(predicted)
    print(text)
    if chosen.write:
        replace_section(PAGE, section, text)
        if not chosen.apart:
            draw_plot(points)


if __name__ == "__main__":
    main()
