"""A synthetic market, its truth, and a model taught on what was known by a day."""

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
from training.dataset.training_set import TrainingSet, thinned, with_calibration
from training.fit_model import MarketRegressor, learn
from training.metrics import Forecast, judge
from training.sales_ledger import read_ledger
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.writing import write
from valuation.ingest import read_market, read_tables
from valuation.numeric.columns import BoolArray, FloatArray

TEST_DAYS = 730.0
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "how-good.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticMarket:
    """Sales of one market, the same with thinner records, what the truth says of each, and the tax in its price."""

    sales: TrainingSet
    thinner: TrainingSet
    truth: Forecast
    tax: FloatArray

    @property
    def start_day(self) -> float:
        """The day two years before the last sale."""
        return float(self.sales.sold_day.max()) - TEST_DAYS

    def known_by(self, day: float, config: TrainingConfig) -> BoolArray:
        """Return which sales' prices were known by a day."""
        known: BoolArray = self.sales.sold_day + config.label_delay_days <= day
        return known


def market_of(plan: SimulationPlan, config: TrainingConfig, folder: Path | None = None) -> SyntheticMarket:
    """Return the market of a plan, every sale worked out at its day.

    With a folder the files of the market are kept there, and read from there if they exist already.
    """
    if folder is not None:
        keep_market(plan, folder)
        return _read(folder, plan, config)
    with tempfile.TemporaryDirectory() as temporary:
        keep_market(plan, Path(temporary))
        return _read(Path(temporary), plan, config)


def keep_market(plan: SimulationPlan, folder: Path) -> None:
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
    """Return the market whose files a folder holds."""
    traces = read_tables(folder / "packs.parquet", folder / "events.parquet")
    market = read_market(folder / "quotes.csv")
    sales, ledger = with_calibration(traces.table, read_ledger(folder / "sales.parquet"), market)
    thinner = thinned(sales, traces.table, market, share=config.thinned_share, seed=plan.seed)
    truth = _truth_of(sales, folder / "truth.parquet")
    return SyntheticMarket(sales=sales, thinner=thinner, truth=truth, tax=ledger.tax)


def _truth_of(sales: TrainingSet, path: Path) -> Forecast:
    """Return the expected price and the noise band of each sale. [CNY/kWh without VAT]"""
    table = pq.read_table(path)
    row = {sale: position for position, sale in enumerate(table["sale_id"].to_pylist())}
    rows = np.array([row[sale] for sale in sales.sale_id])
    expected, lower, upper = (
        table[name].to_numpy()[rows] / sales.energy_kwh for name in ("expected_price_cny", "lower90_cny", "upper90_cny")
    )
    return Forecast(price=sales.price, point=expected, lower=lower, upper=upper)


def taught_by(market: SyntheticMarket, known: BoolArray, config: TrainingConfig) -> MarketRegressor:
    """Return the model that the known sales and their thinner copies teach."""
    sales = market.sales.where(known)
    told = set(sales.sale_id)
    copies = np.array([sale in told for sale in market.thinner.sale_id], dtype=bool)
    return learn(sales, market.thinner.where(copies), config)


def bare(sales: TrainingSet) -> Forecast:
    """Return what the structural value alone says, with its own band."""
    return Forecast(
        price=sales.price, point=sales.structural, lower=sales.structural_lower, upper=sales.structural_upper
    )


def beside_truth(said: Forecast, truth: Forecast, level: float) -> dict[str, float]:
    """Return the figures of a forecast beside those of the truth on the same sales."""
    mine, best = judge(said, level), judge(truth, level)
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
        said = (f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}" for value in _spread(values))
        rows.append((name, *said))
    return rows


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return median, lowest and highest."""
    return median(values), min(values), max(values)
