"""Realised coverage of the champion on later sales, and the recommended action."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from pyarrow import parquet as pq

from models.artifact.promotion_log import Decision
from models.artifact.registry import Publication, load_model, promote, publish
from service import cli
from training.configuration import TrainingConfig
from training.evaluation.feature_drift import training_reference
from training.evaluation.realised_coverage import realised
from training.fit_model import learn
from training.sales_ledger.export import sales_of
from valuation.errors import TooFewSales
from valuation.record.to_columns import calendar_day

pytestmark = pytest.mark.usefixtures("without_mlflow")

QUICK = TrainingConfig(trees=5, folds=2, test_share=0.25, market_calibration_rows=0)


@pytest.fixture(scope="module")
def home(tmp_path_factory, sales):
    """A registry whose champion was trained on the older two thirds of the sales."""
    home = tmp_path_factory.mktemp("home")
    known = sales.where(sales.sold_day <= float(np.quantile(sales.sold_day, 0.65)))
    through = calendar_day(float(known.sold_day.max())).isoformat()
    recentred = {"sales": len(known), "choices": asdict(QUICK), "reference": training_reference(known)}
    predicted = Publication(name="mine", created_on=through, trained_through=through, version="1", summary=recentred)
    publish(learn(known, None, QUICK).fitted_, predicted, home)
    promote("mine@1", Decision(who="a test", why="the first", at="2026-01-05T00:00:00+00:00"), home)
    return home


@pytest.fixture
def champion(home):
    return load_model("mine@1", home=home)


def test_metrics_use_only_sales_after_the_training(champion, sales):
    found = realised(champion, sales)
    later = np.array([str(calendar_day(day)) for day in sales.sold_day]) > champion.trained_through
    assert found.recentred.sales == found.frozen.sales == int((later & sales.single_sale).sum())
    assert sum(one.sales for _, one in found.months) == found.recentred.sales
    assert [month for month, _ in found.months] == sorted({month for month, _ in found.months})
    assert 0.5 < found.least < 0.9


def test_prices_that_quadrupled_call_for_action_in_both_languages(champion, sales):
    later = sales.sold_day > float(np.quantile(sales.sold_day, 0.65))
    found = realised(champion, replace(sales, price_cny=np.where(later, sales.price_cny * 4.0, sales.price_cny)))
    assert found.calls_for_action  # the bands follow within months, the points were far off until then
    assert found.frozen.coverage < 0.2 < found.recentred.coverage
    assert found.lines("en")[-1].startswith("train again with these sales")
    assert found.lines("zh")[-1].startswith("建议")


def test_low_coverage_is_reported_as_broken(champion, sales):
    later = sales.sold_day > float(np.quantile(sales.sold_day, 0.65))
    thrown = np.where(np.random.default_rng(0).permutation(len(sales)) % 2, 4.0, 0.25)  # nothing can follow that
    found = realised(champion, replace(sales, price_cny=np.where(later, sales.price_cny * thrown, sales.price_cny)))
    assert found.broken
    assert found.calls_for_action
    assert "lower than chance explains" in "\n".join(found.lines("en"))


def test_a_ledger_without_later_sales_is_refused(champion, sales):
    with pytest.raises(TooFewSales, match="no sale after"):
        realised(champion, sales.where(sales.sold_day <= float(np.quantile(sales.sold_day, 0.65))))


def test_the_command_evaluates_a_ledger_file(home, market_folder, monkeypatch, capsys):
    monkeypatch.setenv("CANZHI_HOME", str(home))
    words = ["drift", str(market_folder / "sales.parquet"), "--traces", str(market_folder)]
    words += ["--market", str(market_folder / "quotes.csv")]
    code = cli.run([*words, "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == int(found["calls_for_action"])
    assert found["model"] == "mine@1"
    assert cli.run(words) == code
    recentred = capsys.readouterr().out
    assert f"{found['sales']:,} sales it was not trained on" in recentred
    assert "PSI" in recentred


def test_sales_are_exported_without_tax_and_with_unique_ids(market_folder, quotes, tmp_path):
    table = pq.read_table(market_folder / "sales.parquet").slice(0, 40)
    pq.write_table(table.drop(["sale_id"]), tmp_path / "a.parquet")
    records, faults = sales_of(tmp_path / "a.parquet", quotes, None)
    assert not faults
    assert len({record["sale_id"] for record in records}) == len(records) == 40
    assert all(record["vat_included"] is False for record in records)
    again, _ = sales_of(tmp_path / "a.parquet", quotes, None)
    assert again == records
