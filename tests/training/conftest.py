"""One small synthetic market with its ledger, shared by the training tests."""

import sys

import pytest

from training.configuration import TrainingConfig
from training.dataset.training_set import build, degraded
from training.sales_ledger import read_ledger
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from valuation.ingest import read_market, read_tables


@pytest.fixture(scope="session")
def market_folder(tmp_path_factory):
    """Folder of a synthetic market: traces, sales, quotes."""
    folder = tmp_path_factory.mktemp("market")
    write(simulate(SimulationPlan(packs=1300, seed=5, years=6.0), lambda _: None), folder)
    return folder


@pytest.fixture(scope="session")
def quotes(market_folder):
    return read_market(market_folder / "quotes.csv")


@pytest.fixture(scope="session")
def table(market_folder):
    return read_tables(market_folder / "packs.parquet", market_folder / "events.parquet").table


@pytest.fixture(scope="session")
def ledger(market_folder):
    return read_ledger(market_folder / "sales.parquet")


@pytest.fixture(scope="session")
def sales(table, ledger, quotes):
    """The training set."""
    return build(table, ledger, quotes)[0]


@pytest.fixture(scope="session")
def config():
    """Options of a fast training."""
    return TrainingConfig(trees=40, folds=3, test_share=0.25)


@pytest.fixture(scope="session")
def augmentation(sales, table, quotes, config):
    """The same sales with degraded records."""
    return degraded(sales, table, quotes, share=config.degraded_share, seed=config.seed)


@pytest.fixture(scope="module")
def without_mlflow():
    """MLflow as if it were not installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "mlflow", None)
        yield
