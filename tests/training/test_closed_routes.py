"""Sales into closed routes do not occur in the simulation and are not used for training."""

import csv
import json
from dataclasses import asdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from models.artifact.model_card import markdown
from models.artifact.promotion_log import Decision
from models.artifact.registry import Publication, promote, publish
from training.commands.backtest import backtest
from training.commands.train import train
from training.configuration import TrainingConfig
from training.dataset.prepare import prepare
from training.dataset.source_files import Sources
from training.dataset.training_set import TrainingSet
from training.evaluation.feature_drift import training_reference
from training.evaluation.realised_coverage import drift_of_ledger
from training.fit_model import learn
from training.sales_ledger import REASONS
from training.simulation.event_fields import CHOICES
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from training.train_model import train_on
from valuation.dossier import build_dossier
from valuation.ingest import read_market, read_tables
from valuation.provenance.catalogue import CHECKS
from valuation.record.cases import cut
from valuation.record.to_columns import calendar_day, day_number
from valuation.routes.closed_sales import find_closed_sales
from valuation.routes.route_choice import ROUTES

pytestmark = pytest.mark.usefixtures("without_mlflow")


def dossier_of_sales(folder):
    """Return the dossier of every sale in the files of a market on its day, and the rows of the ledger."""
    table = read_tables(folder / "packs.parquet", folder / "events.parquet").table
    ledger = pq.read_table(folder / "sales.parquet")
    place = {code: row for row, code in enumerate(table.texts["battery_code"])}
    rows = np.array([place[code] for code in ledger["battery_code"].to_pylist()])
    day = np.array([float(day_number(one)) for one in ledger["sold_on"].to_pylist()])
    return build_dossier(cut(table.take(rows), day), read_market(folder / "quotes.csv")), ledger


def closed_would_pay_more(folder):
    """Return the sales whose price would be ambiguous if their route were not stated."""
    dossier, _ = dossier_of_sales(folder)
    return find_closed_sales(dossier.routes, [None] * dossier.rows).ambiguous


def closed_on_the_day(folder):
    """Return the route of every sale in the files of a market, and which routes the findings closed on its day."""
    dossier, ledger = dossier_of_sales(folder)
    closed = np.stack([dossier.findings.blocked[route] for route in ROUTES], axis=1)
    return np.array([ROUTES.index(route) for route in ledger["route"].to_pylist()]), closed


@pytest.mark.parametrize("seed", range(5))
def test_the_simulator_has_no_sale_into_a_closed_route(tmp_path, seed):
    """The files are checked as any reader would check them, without the simulator's own columns."""
    write(simulate(SimulationPlan(packs=1_500, seed=seed, tampering_share=0.1 * seed)), tmp_path)
    route, closed = closed_on_the_day(tmp_path)
    assert closed[:, 1].sum() > 10
    assert closed[:, 2].sum() > 30
    assert not closed[np.arange(len(route)), route].any()


def test_a_closed_route_changes_the_expected_price():
    """If the best route is closed, the expected price is that of the open routes."""
    market = simulate(SimulationPlan(packs=1_500, seed=6))
    closed, route_offers = market.view.closed, market.priced.route_offers
    assert np.isnan(route_offers[closed]).all()
    only_recycling = closed[:, 1] & closed[:, 2]
    assert only_recycling.sum() > 10
    np.testing.assert_allclose(market.priced.expected[only_recycling], route_offers[only_recycling, 0], rtol=1e-12)


def test_no_pack_on_sale_is_closed_to_recycling():
    """Recycling is never closed in the simulation: only a fire closes it, and simulated packs have none.

    A check that closes recycling for another reason, or a simulated fire, would need a disposal rule in the simulator.
    """
    closing = [check for check in CHECKS if "recycling" in check.blocks]
    assert [check.id for check in closing] == ["P09"]
    assert "fire" in closing[0].evidence.kinds
    market = simulate(SimulationPlan(packs=1_500, seed=6))
    assert not (market.events.choice("kind") == CHOICES["kind"].index("fire")).any()
    assert not market.view.closed[:, 0].any()


QUICK = TrainingConfig(trees=5, folds=2, test_share=0.25, market_calibration_rows=0)
TRAINING_CHOICES = "trees = 5\nfolds = 2\ntest_share = 0.25\nhabits_rows = 0\n"


@pytest.fixture(scope="module")
def planted(market_folder, tmp_path_factory):
    """A ledger with every fifth row a sale into a closed route, stated or not, one of them in a lot."""
    clean = pq.read_table(market_folder / "sales.parquet").to_pylist()
    _, closed = closed_on_the_day(market_folder)
    worth_it = closed_would_pay_more(market_folder)
    wet = [row for row, shut, more in zip(clean, closed, worth_it, strict=True) if shut[1] and shut[2] and more]
    assert len(wet) > 20
    mixed, sown = [], 0
    for number, row in enumerate(clean):
        mixed.append(row)
        if number % 5 == 0:
            victim = wet[sown % len(wet)]
            fact = {"sale_id": f"X{sown}", "price_cny": 40_000.0 + sown, "lot_id": None, "lot_price_cny": None}
            if sown % 7 == 3:  # one pack of a lot of two that was sold for one sum: the lot goes whole
                lot = {"lot_id": f"XL{sown}", "price_cny": None, "lot_price_cny": 90_000.0}
                mixed.append(wet[(sown + 1) % len(wet)] | lot | {"sale_id": f"Y{sown}", "route": "recycling"})
                mixed[-1] |= {name: victim[name] for name in ("sold_on", "vat_included")}
                fact |= lot
            mixed.append(victim | fact | {"route": ("second_life", "reuse", None)[sown % 3]})
            sown += 1
    folder = tmp_path_factory.mktemp("planted")
    schema = pq.read_schema(market_folder / "sales.parquet")
    pq.write_table(pa.Table.from_pylist(mixed, schema=schema), folder / "sales.parquet")
    for name in ("packs.parquet", "events.parquet", "quotes.csv"):
        (folder / name).symlink_to(market_folder / name)
    return folder


def sources_of(folder):
    return Sources(ledger=folder / "sales.parquet", traces=folder, market=folder / "quotes.csv")


@pytest.fixture(scope="module")
def both(market_folder, planted):
    """Training input of both ledgers, the clean one first."""
    return [prepare(sources_of(folder), QUICK, lambda _: None) for folder in (market_folder, planted)]


def test_closed_route_sales_do_not_change_the_training_set(both):
    """Calibration, gate, model comparison, back-test and drift read only these sales."""
    clean, mixed = both
    for name in ("sales", "augmentation"):
        for column in TrainingSet.__slots__:
            one, other = getattr(getattr(clean, name), column), getattr(getattr(mixed, name), column)
            if column != "archive":
                np.testing.assert_array_equal(one, other, err_msg=f"{name}.{column}")
    counted = mixed.ledger.closed_routes
    stated, unstated = (counted[REASONS[reason].text] for reason in ("closed route", "route not stated"))
    assert stated > unstated > 10
    assert clean.ledger.closed_routes == {}
    assert set(mixed.ledger.rejected_rows) - set(counted) == {REASONS["lot broken"].text}


def test_closed_route_sales_do_not_change_the_model_and_are_counted(both, tmp_path):
    """The digest covers the ledger file and the counts, so it differs; everything fitted or evaluated is equal."""
    one, other = (
        train_on(prepared, "mine", QUICK, tmp_path / str(number), lambda _: None, keep_record=False)
        for number, prepared in enumerate(both)
    )
    for name in ("arrays.npz", "model.json"):
        assert (one.version.folder / name).read_bytes() == (other.version.folder / name).read_bytes()
    assert one.holdout.as_dict() == other.holdout.as_dict()
    assert one.version.about.market_calibration == other.version.about.market_calibration
    summary = other.version.about.summary
    assert summary["closed_routes"] == {reason.id: count for reason, count in both[1].ledger.closed_routes.items()}
    assert {**summary, **dict.fromkeys(("rows", "set_aside", "closed_routes", "data"))} == {
        **one.version.about.summary,
        **dict.fromkeys(("rows", "set_aside", "closed_routes", "data")),
    }
    card = markdown(other.version.about, other.version.digest)
    assert f"{summary['closed_routes'][REASONS['closed route'].text.id]:,} - sold into a route" in card
    assert "已关闭" in card


def test_check_only_lists_every_excluded_sale_in_both_languages(planted, both, monkeypatch, tmp_path):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path))
    report = tmp_path / "report.csv"
    words = [str(planted / "sales.parquet"), "--traces", str(planted), "--market", str(planted / "quotes.csv")]
    done = CliRunner().invoke(train, [*words, "--check-only", "--report", str(report)], catch_exceptions=False)
    for reason, count in both[1].ledger.closed_routes.items():
        assert f"closed route        {count}  {reason}" in done.stdout
    with report.open(encoding="utf-8-sig", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["sale_id"].startswith("X")]
    sown = [row for row in pq.read_table(planted / "sales.parquet").to_pylist() if row["sale_id"].startswith("X")]
    assert [row["sale_id"] for row in rows] == [row["sale_id"] for row in sown]
    for row, sale in zip(rows, sown, strict=True):
        reason = REASONS["closed route" if sale["route"] else "route not stated"]
        assert (row["reason"], row["原因"], row["处理办法"]) == (
            reason.text,
            reason.text.in_language("zh"),
            reason.way_out.in_language("zh"),
        )
        assert row["value"].startswith(f"{sale['route'] or 'not stated'} (closed: second_life ")


def backtest_of(folder, out, language):
    choices = out / "quick.toml"
    choices.write_text(TRAINING_CHOICES, encoding="utf-8")
    words = [str(folder / "sales.parquet"), "--traces", str(folder), "--market", str(folder / "quotes.csv")]
    words += ["--step", "24months", "--no-refit", "--config", str(choices), "--processes", "1"]
    done = CliRunner().invoke(
        backtest, [*words, "--out", str(out / "report.html"), "--lang", language], catch_exceptions=False
    )
    assert done.exit_code == 0
    return json.loads((out / "report.json").read_text("utf-8")), (out / "report.html").read_text("utf-8")


def test_closed_route_sales_do_not_change_a_back_test(market_folder, planted, both, monkeypatch, tmp_path):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path / "home"))
    folders = [tmp_path / name for name in ("clean", "mixed")]
    for folder in folders:
        folder.mkdir()
    clean, _ = backtest_of(market_folder, folders[0], "en")
    mixed, page = backtest_of(planted, folders[1], "zh")
    assert clean | {"closed_routes": None} == mixed | {"closed_routes": None}
    assert (clean["closed_routes"], mixed["closed_routes"]) == ({}, both[1].ledger.closed_routes)
    assert REASONS["closed route"].text.in_language("zh") in page


def test_closed_route_sales_do_not_change_realised_coverage(market_folder, planted, both, tmp_path):
    sales = both[0].sales
    known = sales.where(sales.sold_day <= float(np.quantile(sales.sold_day, 0.65)))
    through = str(calendar_day(float(known.sold_day.max())))
    about = {"sales": len(known), "choices": asdict(QUICK), "reference": training_reference(known)}
    predicted = Publication(name="mine", created_on=through, trained_through=through, version="1", summary=about)
    publish(learn(known, None, QUICK).fitted_, predicted, tmp_path)
    promote("mine@1", Decision(who="a test", why="the first", at="2026-01-05T00:00:00+00:00"), tmp_path)
    one, other = (
        drift_of_ledger((folder / "sales.parquet", folder, folder / "quotes.csv"), None, tmp_path).as_dict()
        for folder in (market_folder, planted)
    )
    assert one == other
