"""Create a synthetic market with its true prices, and fit a model on what was known by a day."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow.parquet as pq

from training.configuration import TrainingConfig
from training.dataset.training_set import TrainingSet, build_training_set, degraded
from training.fit_model import MarketRegressor, learn
from training.metrics import Forecast, score_forecast
from training.sales_ledger import read_ledger
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from valuation.ingest import read_market, read_tables
from valuation.numeric.columns import BoolArray, FloatArray

TEST_DAYS = 730.0
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "how-good.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticMarket:
    """Sales of one market, degraded copies, the expected price and band of each sale, and the tax in its price."""

    sales: TrainingSet
    degraded: TrainingSet
    truth: Forecast
    tax: FloatArray

    @property
    def start_day(self) -> float:
        """Day two years before the last sale."""
        return float(self.sales.sold_day.max()) - TEST_DAYS

    def known_by(self, day: float, config: TrainingConfig) -> BoolArray:
        """Return a mask of the sales whose prices were known by a day."""
        known: BoolArray = self.sales.sold_day + config.label_delay_days <= day
        return known


def market_of(plan: SimulationPlan, config: TrainingConfig, folder: Path | None = None) -> SyntheticMarket:
    """Return the market of a plan with the features of every sale as of its day.

    With a folder, the files of the market are stored there and reused.
    """
    if folder is not None:
        write_market(plan, folder)
        return _read(folder, plan, config)
    with tempfile.TemporaryDirectory() as temporary:
        write_market(plan, Path(temporary))
        return _read(Path(temporary), plan, config)


def write_market(plan: SimulationPlan, folder: Path) -> None:
    """Write the files of a market into a folder unless they are there.

    Raises
    ------
    SystemExit
        If the folder holds the market of another plan.
    """
    about = folder / "about.json"  # the last file that is written
    if not about.exists():
        write(simulate(plan), folder)
    kept = json.loads(about.read_text(encoding="utf-8"))["plan"]
    if (kept["packs"], kept["seed"]) != (plan.packs, plan.seed):
        raise SystemExit(f"{folder} holds {kept['packs']} packs of seed {kept['seed']}: give another folder")


def _read(folder: Path, plan: SimulationPlan, config: TrainingConfig) -> SyntheticMarket:
    """Read the market from the files in a folder."""
    traces = read_tables(folder / "packs.parquet", folder / "events.parquet")
    market = read_market(folder / "quotes.csv")
    sales, ledger = build_training_set(traces.table, read_ledger(folder / "sales.parquet"), market)
    copies = degraded(sales, traces.table, market, share=config.degraded_share, seed=plan.seed)
    truth = _truth_of(sales, folder / "truth.parquet")
    return SyntheticMarket(sales=sales, degraded=copies, truth=truth, tax=ledger.tax)


def _truth_of(sales: TrainingSet, path: Path) -> Forecast:
    """Return the expected price and the noise band of each sale. [CNY/kWh without VAT]"""
    table = pq.read_table(path)
    row = {sale: position for position, sale in enumerate(table["sale_id"].to_pylist())}
    rows = np.array([row[sale] for sale in sales.sale_id])
    expected, lower, upper = (
        table[name].to_numpy()[rows] / sales.energy_kwh for name in ("expected_price_cny", "lower90_cny", "upper90_cny")
    )
    return Forecast(price=sales.price, point=expected, lower=lower, upper=upper)


def fit_on(market: SyntheticMarket, known: BoolArray, config: TrainingConfig) -> MarketRegressor:
    """Fit a model on the known sales and their degraded copies."""
    sales = market.sales.where(known)
    noted = set(sales.sale_id)
    copies = np.array([sale in noted for sale in market.degraded.sale_id], dtype=bool)
    return learn(sales, market.degraded.where(copies), config)


def bare(sales: TrainingSet) -> Forecast:
    """Return the structural value and its own band as a forecast."""
    return Forecast(
        price=sales.price, point=sales.structural, lower=sales.structural_lower, upper=sales.structural_upper
    )


def compare_with_truth(predicted: Forecast, truth: Forecast, level: float) -> dict[str, float]:
    """Return the figures of a forecast relative to those of the truth on the same sales."""
    mine, best = score_forecast(predicted, level), score_forecast(truth, level)
    return {
        "sales tested": float(mine.sales),
        "MAPE": mine.mape,
        "MAPE of the truth (floor)": best.mape,
        "MAPE over floor": mine.mape / best.mape,
        "coverage at 0.90": mine.coverage,
        "coverage of the truth's band": best.coverage,
        "width over the truth's band": mine.mean_width_per_kwh / best.mean_width_per_kwh,
        "interval score over the truth's": mine.interval_score_per_kwh / best.interval_score_per_kwh,
        "bias": mine.bias,
    }


def medians(runs: Sequence[Mapping[str, float]]) -> list[tuple[str, ...]]:
    """Return the rows of a table: name, median, lowest and highest over the runs."""
    rows = []
    for name in dict.fromkeys(name for run in runs for name in run):
        values = [run[name] for run in runs if name in run]
        predicted = (f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}" for value in _spread(values))
        rows.append((name, *predicted))
    return rows


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median, lowest and highest."""
    return median(values), min(values), max(values)
