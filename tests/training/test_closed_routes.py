"""Nobody sells into a route that the findings close, and whoever did teaches nothing."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.writing import write
from valuation.dossier import open_dossier
from valuation.intake import read_market, read_tables
from valuation.pathways.weighing import ROUTES
from valuation.provenance.catalogue import CHECKS
from valuation.record.cases import cut
from valuation.record.tabulation import day_number


def closed_on_the_day(folder):
    """Return the route of every sale in the files of a market, and which routes the findings closed on its day."""
    table = read_tables(folder / "packs.parquet", folder / "events.parquet").table
    ledger = pq.read_table(folder / "sales.parquet")
    place = {code: row for row, code in enumerate(table.texts["battery_code"])}
    rows = np.array([place[code] for code in ledger["battery_code"].to_pylist()])
    day = np.array([float(day_number(one)) for one in ledger["sold_on"].to_pylist()])
    dossier = open_dossier(cut(table.take(rows), day), read_market(folder / "quotes.csv"))
    closed = np.stack([dossier.findings.blocked[route] for route in ROUTES], axis=1)
    return np.array([ROUTES.index(route) for route in ledger["route"].to_pylist()]), closed


@pytest.mark.parametrize("seed", range(5))
def test_the_simulator_sells_nothing_into_a_closed_route(tmp_path, seed):
    """What the files say is examined as anybody would who reads them: the simulator's own columns are not asked."""
    write(simulate(SimulationPlan(packs=1_500, seed=seed, tampering_share=0.1 * seed)), tmp_path)
    route, closed = closed_on_the_day(tmp_path)
    assert closed[:, 1].sum() > 10
    assert closed[:, 2].sum() > 30
    assert not closed[np.arange(len(route)), route].any()


def test_a_closed_route_moves_the_truth_and_not_only_the_name_of_the_route():
    """Where the dearest use is closed, the expected price is that of the uses left."""
    market = simulate(SimulationPlan(packs=1_500, seed=6))
    closed, legs = market.view.closed, market.priced.legs
    assert np.isnan(legs[closed]).all()
    only_recycling = closed[:, 1] & closed[:, 2]
    assert only_recycling.sum() > 10
    np.testing.assert_allclose(market.priced.expected[only_recycling], legs[only_recycling, 0], rtol=1e-12)


def test_no_check_closes_recycling():
    """The simulated buyers can always recycle; a check that closes recycling asks for a rule of disposal there."""
    assert not any("recycling" in check.blocks for check in CHECKS)
