"""Compare nominal and realised coverage by month through a boom and a crash of the lithium price.

Run: ``.venv/bin/python -m benchmarks.backtest_boom_and_crash [--packs 8000] [--seeds 301] [--write]``

The lithium price of a synthetic market rises to eight times its ordinary level and falls again during the back-test. As
in ``canzhi backtest``, all methods are refitted every quarter on the sales known then. Between quarters canzhi is
recentred monthly on reported sales; the baselines with split conformal bands are not updated. With ``--write`` table
and picture go into docs/explanation/how-good.md.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.price_bands.borrowed import borrow
from benchmarks.report import replace_section, table_of
from training.configuration import TrainingConfig
from training.dataset.training_set import TrainingSet, build, degraded
from training.evaluation.backtest.line_charts import Chart, line_chart
from training.evaluation.backtest.report import monthly, months_of
from training.evaluation.backtest.rolling_origin import Backtest, Plan, backtest, plan_origins
from training.evaluation.backtest.scored_method import BacktestEntry
from training.sales_ledger import read_ledger
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from valuation.ingest import read_market, read_tables

FIRST_ORIGIN, PEAK = date(2023, 12, 1), date(2025, 4, 15)
PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "how-good.md"
RIVALS = Path(__file__).parent.parent / ".venv-benchmarks"
PICTURE = "boom-and-crash.svg"
SHOWN = ("canzhi", "LightGBM + split conformal", "last price")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """Back-test of one seed, and the lithium carbonate quote in the middle of each month. [CNY/t]"""

    seed: int
    tested: Backtest
    lithium: dict[str, float]


def market_of(seed: int, packs: int, folder: Path) -> tuple[TrainingSet, TrainingSet, dict[str, float]]:
    """Return the sales of a market with boom and crash, degraded copies, and the lithium price by month."""
    write(simulate(SimulationPlan(packs=packs, seed=seed, boom_peak_on=PEAK, boom_height=8.0)), folder)
    traces = read_tables(folder / "packs.parquet", folder / "events.parquet")
    market = read_market(folder / "quotes.csv")
    sales, _ = build(traces.table, read_ledger(folder / "sales.parquet"), market)
    config = TrainingConfig()
    augmentation = degraded(sales, traces.table, market, share=config.degraded_share, seed=config.seed)
    months = [date(year, month, 15) for year in range(2023, 2027) for month in range(1, 13)]
    days = np.array([float((day - date(1970, 1, 1)).days) for day in months if day <= date(2026, 11, 15)])
    price = market.on(days).price["lithium_carbonate"]
    return sales, augmentation, {day.strftime("%Y-%m"): float(one) for day, one in zip(months, price, strict=False)}


def one_seed(seed: int, packs: int) -> Ran:
    """Run the back-test through one boom and crash."""
    with tempfile.TemporaryDirectory() as folder:
        sales, augmentation, lithium = market_of(seed, packs, Path(folder))
    config = TrainingConfig()
    plan = Plan(origins=plan_origins(sales, config, FIRST_ORIGIN, 3))
    tested = backtest(
        (sales, augmentation), None, config, plan, lambda stage: print(f"seed {seed}: {stage}", flush=True)
    )
    return Ran(seed=seed, tested=tested, lithium=lithium)


def row_of(one: BacktestEntry, months: list[str], level: float) -> tuple[str, ...]:
    """Return the table row of a method: deviations of monthly coverage from the nominal level, and scores."""
    covered = np.array([value for value in monthly(one, "coverage", months) if value == value])  # noqa: PLR0124 - not NaN
    return (
        one.name,
        f"{one.overall.coverage:.3f}",
        f"{covered.min():.2f}",
        f"{int((covered < level - 0.1).sum())} of {len(covered)}",
        f"{np.mean(np.abs(covered - level)):.3f}",
        f"{one.overall.relative_width:.2f}",
        f"{one.overall.interval_score_per_kwh:.1f}",
        f"{one.overall.mape:.3f}",
        f"{one.overall.bias:+.3f}",
    )


def text_of(ran: Ran) -> str:
    """Return the table of one seed, and the coverage month by month."""
    tested = ran.tested
    months = months_of(tested)
    heads = (
        "method", "coverage", "worst month", "months under 0.80", "mean deviation by month", "width over price",
        "interval score", "MAPE", "bias",
    )  # fmt: skip
    overall = table_of(heads, [row_of(one, months, tested.level) for one in tested.entries])
    shown = [one for one in tested.entries if one.name in SHOWN]
    columns = {one.name: monthly(one, "coverage", months) for one in shown}
    counted = tested.entries[0].segments["month"]
    by_month = table_of(
        ("month", "lithium carbonate, 1000 CNY/t", "sales", *columns),
        [
            (
                month,
                f"{ran.lithium.get(month, float('nan')) / 1000.0:,.0f}",
                str(counted[month].sales) if month in counted else "",
                *(f"{values[place]:.2f}" for values in columns.values()),
            )
            for place, month in enumerate(months)
        ],
    )
    lead = f"Seed {ran.seed}: {len(tested.evaluated):,} sales evaluated, {len(tested.origins)} origins, nominal 0.90."
    absent = "".join(f" {name} is not compared: {why}." for name, why in tested.absent.items() if name != "incumbent")
    return f"{lead}{absent}\n\n{overall}\n\nCoverage month by month:\n\n{by_month}"


def picture_of(ran: Ran) -> str:
    """Draw the coverage by month."""
    tested = ran.tested
    months = months_of(tested)
    series = {one.name: monthly(one, "coverage", months) for one in tested.entries if one.name in SHOWN}
    chart = Chart(
        title="Share of sales within the band, month by month, synthetic market with boom and crash",
        description=f"Nominal 0.90; peak of lithium in {PEAK:%B %Y}",
        labels=months,
        as_share=True,
        promised=tested.level,
        span=(0.3, 1.0),
    )
    return line_chart(chart, series)


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--packs", type=int, default=8_000)
    parser.add_argument("--seeds", default="301")
    parser.add_argument("--rivals", type=Path, default=RIVALS, help="environment of the rivals, for CatBoost")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    borrow(chosen.rivals)
    runs = [one_seed(int(seed), chosen.packs) for seed in chosen.seeds.split(",")]
    text = "\n\n".join(text_of(ran) for ran in runs)
    print(text)
    if chosen.write:
        (PAGE.parent / PICTURE).write_text(picture_of(runs[0]) + "\n", encoding="utf-8")
        replace_section(PAGE, "boom and crash", f"![Coverage by month]({PICTURE})\n\n{text}")


if __name__ == "__main__":
    main()
