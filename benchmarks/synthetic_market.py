"""How near the price and its band come to the known noise floor, on synthetic sales never trained on.

Run: ``.venv/bin/python -m benchmarks.synthetic_market [--packs 20000] [--seeds 101,102,103] [--write]``

Each seed is a market of its own. The model learns from the sales up to a day, waits out the label delay, and values
the sales of the last two years month by month; between months it is re-anchored on the sales reported by then,
never refitted. The simulator tells the expected price of every sale and the band of its noise: no one can do better.
With ``--write`` the tables go into docs/explanation/how-good.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq

from benchmarks.report import replace_section, table_of
from models.regressor import ResidualValueRegressor
from training.configuration import TrainingConfig
from training.dataset import TrainingSet, build, thinned
from training.fit import forecast, learn
from training.judgement import names_of, tiers_of
from training.ledger import read_ledger
from training.metrics import Forecast, judge, judge_by
from training.rolling import roll
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.writing import write
from valuation.intake import read_market, read_tables

TEST_DAYS = 730.0
PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "how-good.md"


def market_of(seed: int, packs: int, folder: Path) -> tuple[TrainingSet, TrainingSet, Forecast]:
    """Return the sales of one synthetic market, the same with thinner records, and what the truth says of each sale."""
    write(simulate(SimulationPlan(packs=packs, seed=seed)), folder)
    traces = read_tables(folder / "packs.parquet", folder / "events.parquet")
    market = read_market(folder / "quotes.csv")
    sales, _ = build(traces.table, read_ledger(folder / "sales.parquet"), market)
    extra = thinned(sales, traces.table, market, share=TrainingConfig().thinned_share, seed=seed)
    return sales, extra, truth_of(sales, folder / "truth.parquet")


def truth_of(sales: TrainingSet, path: Path) -> Forecast:
    """Return the expected price and the noise band of each sale. [CNY/kWh without VAT]"""
    table = pq.read_table(path)
    row = {sale: position for position, sale in enumerate(table["sale_id"].to_pylist())}
    rows = np.array([row[sale] for sale in sales.sale_id])
    expected, lower, upper = (
        table[name].to_numpy()[rows] / sales.energy_kwh for name in ("expected_price_cny", "lower90_cny", "upper90_cny")
    )
    return Forecast(price=sales.price, point=expected, lower=lower, upper=upper)


def taught(sales: TrainingSet, extra: TrainingSet, config: TrainingConfig) -> tuple[ResidualValueRegressor, float]:
    """Return the model of what was known two years before the last sale, and that day."""
    start = float(sales.sold_day.max()) - TEST_DAYS
    known = sales.sold_day + config.label_delay_days <= start
    estimator = learn(sales.where(known), extra.where(extra.sold_day + config.label_delay_days <= start), config)
    return estimator, start


def one_seed(seed: int, packs: int, config: TrainingConfig) -> tuple[dict[str, float], dict[str, float]]:
    """Return the overall figures and the coverages by segment of one synthetic market."""
    with tempfile.TemporaryDirectory() as folder:
        sales, extra, truth = market_of(seed, packs, Path(folder))
    estimator, start = taught(sales, extra, config)
    thin = thinned_coverage(estimator, extra.where(extra.sold_day > start), config)  # before it is re-anchored
    said, tested = roll(estimator, sales, start, config)
    judged, floor = sales.where(tested), truth.where(tested)
    mine, best = judge(said, config.level), judge(floor, config.level)
    bare = judge(
        Forecast(price=judged.price, point=judged.structural, lower=judged.structural, upper=judged.structural),
        config.level,
    )
    figures = {
        "sales tested": float(mine.sales),
        "MAPE": mine.mape,
        "MAPE of the truth (floor)": best.mape,
        "MAPE over floor": mine.mape / best.mape,
        "MAPE of the structural value alone": bare.mape,
        "coverage at 0.90": mine.coverage,
        "coverage of the truth's band": best.coverage,
        "width over the truth's band": mine.mean_width_per_kwh / best.mean_width_per_kwh,
        "interval score over the truth's": mine.interval_score_per_kwh / best.interval_score_per_kwh,
        "bias": mine.bias,
    }
    segments = {
        **{
            f"chemistry {name}": v.coverage
            for name, v in judge_by(said, names_of(judged.chemistry), config.level).items()
        },
        **{f"tier {name}": v.coverage for name, v in judge_by(said, tiers_of(judged.tier), config.level).items()},
    }
    return figures, segments | thin


def thinned_coverage(estimator: ResidualValueRegressor, asked: TrainingSet, config: TrainingConfig) -> dict[str, float]:
    """Return the coverage by tier on thinned records of the last two years, priced without re-anchoring."""
    said = forecast(estimator, asked, config.level)
    return {f"thinned to {n}": v.coverage for n, v in judge_by(said, tiers_of(asked.tier), config.level).items()}


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--packs", type=int, default=20_000)
    parser.add_argument("--seeds", default="101,102,103")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    runs = [one_seed(int(seed), chosen.packs, TrainingConfig()) for seed in chosen.seeds.split(",")]
    overall = medians([figures for figures, _ in runs])
    segments = medians([covered for _, covered in runs])
    text = "\n\n".join(
        [
            f"{len(runs)} synthetic markets (seeds {chosen.seeds}) of {chosen.packs:,} packs each; medians over seeds.",
            table_of(("figure", "median", "lowest", "highest"), overall),
            "Coverage by segment at nominal 0.90:",
            table_of(("segment", "median", "lowest", "highest"), segments),
        ]
    )
    print(text)
    if chosen.write:
        replace_section(PAGE, "synthetic market", text)


def medians(runs: list[dict[str, float]]) -> list[tuple[str, ...]]:
    """Return the rows of a table: name, median, lowest and highest over the runs."""
    names = list(dict.fromkeys(name for run in runs for name in run))
    rows = []
    for name in names:
        values = [run[name] for run in runs if name in run]
        rows.append(
            (
                name,
                *(
                    f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
                    for value in (median(values), min(values), max(values))
                ),
            )
        )
    return rows


if __name__ == "__main__":
    main()
