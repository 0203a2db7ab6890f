"""Bands become narrower with better evidence, T0 to T4, on the same packs."""

from itertools import pairwise

import numpy as np
import pytest

from training.dataset.degraded_records import DEGRADATIONS
from training.dataset.training_set import build, degraded
from training.fit_model import forecast, learn
from training.sales_ledger import read_ledger
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from valuation.ingest import read_market, read_tables

KINDS = ("code alone", "plate", "ledger", "readings", "full")


@pytest.fixture(scope="module")
def taught(tmp_path_factory, config):
    """Sales of a market large enough to distinguish five bands, and the same sales with degraded records."""
    folder = tmp_path_factory.mktemp("larger")
    write(simulate(SimulationPlan(packs=8000, seed=5, years=6.0), lambda _: None), folder)
    table = read_tables(folder / "packs.parquet", folder / "events.parquet").table
    quotes = read_market(folder / "quotes.csv")
    sales = build(table, read_ledger(folder / "sales.parquet"), quotes)[0]
    return sales, degraded(sales, table, quotes, share=config.degraded_share, seed=config.seed)


@pytest.fixture(scope="module")
def widths(taught, config):
    """Mean width over mean price of the newer well-documented packs, by degradation of their records."""
    sales, augmentation = taught
    known = sales.sold_day <= np.quantile(sales.sold_day, 0.6)
    priced = set(sales.where(known).packs)
    copies = np.array([pack in priced for pack in augmentation.packs])
    estimator = learn(sales.where(known), augmentation.where(copies), config)
    tested = sales.where(~known & (sales.tier >= 3.0))
    found = {}
    for kind, name in enumerate(KINDS):
        cut_down = np.full(len(tested), float(kind) if kind < len(DEGRADATIONS) else np.nan)
        seen = tested.archive.recompute(tested, cut_down)
        predicted = forecast(estimator, seen, 0.9)
        found[name] = float(np.sum(predicted.upper - predicted.lower) / np.sum(np.abs(predicted.point)))
    return found


def test_there_are_enough_packs(taught):
    assert np.count_nonzero(taught[0].tier >= 3.0) >= 300


@pytest.mark.parametrize(("thinner", "fuller"), [(KINDS[0], KINDS[2]), *pairwise(KINDS[1:])])
def test_a_fuller_record_gives_a_narrower_band(widths, thinner, fuller):
    assert widths[fuller] < widths[thinner] * 1.02  # a fiftieth is chance


def test_from_code_only_to_a_test_the_band_narrows_by_a_third(widths):
    assert widths["full"] < 0.67 * widths["code alone"]
    assert widths["full"] < 0.95 * widths["ledger"]
