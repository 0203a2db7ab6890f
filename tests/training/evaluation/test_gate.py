"""The gate passes a better model and rejects a worse one with reasons."""

import json
import shutil
from dataclasses import asdict, replace

import click.testing
import numpy as np
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet as pq

from models.artifact.promotion_log import Decision
from models.artifact.registry import Publication, load_model, promotions, publish
from models.artifact.registry import promote as registry_promote
from training.commands.compare import compare
from training.commands.promote import promote
from training.configuration import TrainingConfig
from training.dataset.source_files import Sources, remember_sources, remembered_sources
from training.evaluation.champion_challenger import Comparison, compare_models, config_of
from training.evaluation.feature_drift import training_reference
from training.evaluation.gate import design_effect, evaluate_gate
from training.evaluation.gate_rules import GateConfig, read_gate
from training.fit_model import learn
from training.metrics import Forecast
from training.promotion import current_champion
from valuation.errors import SettingError, TooFewSales
from valuation.record.to_columns import calendar_day

pytestmark = pytest.mark.usefixtures("without_mlflow")

RULES = GateConfig(least_sales=50, least_judged=50, least_segment=40, score_slack=0.02, segment_slack=0.3)


QUICK = TrainingConfig(trees=5, folds=2, test_share=0.25, market_calibration_rows=0)


@pytest.fixture(scope="module")
def home(tmp_path_factory, market_folder, sales, augmentation):
    """A registry of two versions of the same model; the first is champion."""
    home = tmp_path_factory.mktemp("home")
    files = Sources(ledger=market_folder / "sales.parquet", traces=market_folder, market=market_folder / "quotes.csv")
    state = learn(sales, augmentation, QUICK).fitted_
    through = calendar_day(float(sales.sold_day.max())).isoformat()
    printed = {"sales": len(sales), "choices": asdict(QUICK), "reference": training_reference(sales)}
    for version in ("1", "2"):
        predicted = Publication(
            name="mine", created_on=through, trained_through=through, version=version, summary=printed
        )
        remember_sources(home, publish(state, predicted, home), files)
    registry_promote("mine@1", Decision(who="a test", why="the first", at="2026-01-05T00:00:00+00:00"), home)
    return home


@pytest.fixture(scope="module")
def pair(home):
    return load_model("mine@2", home=home), load_model("mine@1", home=home)


@pytest.fixture(scope="module")
def held(pair, sales, augmentation):
    return compare_models(pair, sales, augmentation, lambda _: None)


def ruled(held, pair, sales, **changed):
    return evaluate_gate(pair, held, sales, 0.9, replace(RULES, **changed))


def said_by(held: Comparison, challenger: Forecast) -> Comparison:
    return replace(held, challenger=challenger)


def test_models_that_knew_the_sales_are_refitted(held, pair):
    assert held.challenger_refitted
    assert held.champion_refitted
    assert np.array_equal(held.challenger.lower, held.champion.lower)  # the same recipe on the same sales
    assert held.same_config
    assert np.all(held.evaluated.sold_day > held.start_day)
    assert np.all(np.isfinite(held.challenger.point))


def test_an_equal_model_passes(held, pair, sales):
    gate_decision = ruled(held, pair, sales, doubt=1e-9)
    assert gate_decision.passed, gate_decision.summary()
    assert gate_decision.summary() == "the gate passes"


def test_a_band_with_low_coverage_is_rejected(held, pair, sales):
    centre = held.challenger.point
    narrow = Forecast(price=held.challenger.price, point=centre, lower=centre - 0.01, upper=centre + 0.01)
    gate_decision = ruled(said_by(held, narrow), pair, sales)
    assert "coverage" in {reason.rule for reason in gate_decision.results if not reason.passed}
    assert "is required" in gate_decision.summary()


def test_a_wide_band_is_rejected_by_its_score(held, pair, sales):
    predicted = held.challenger
    wide = Forecast(
        price=predicted.price, point=predicted.point, lower=predicted.lower - 500.0, upper=predicted.upper + 500.0
    )
    failed = {reason.rule for reason in ruled(said_by(held, wide), pair, sales).results if not reason.passed}
    assert failed == {"score", "segment"}


def test_one_bad_segment_is_reported(held, pair, sales):
    predicted = held.challenger
    names = np.array([f"T{int(tier)}" for tier in held.evaluated.tier])
    spoiled = np.where(names == "T2", 500.0, 0.0)
    worse = Forecast(
        price=predicted.price, point=predicted.point, lower=predicted.lower - spoiled, upper=predicted.upper + spoiled
    )
    gate_decision = ruled(said_by(held, worse), pair, sales, score_slack=100.0)
    (refused,) = (reason for reason in gate_decision.results if not reason.passed)
    assert refused.rule == "segment"
    assert "T2" in refused.message
    assert "T2" in refused.message.in_language("zh")


def test_too_few_sales_are_rejected(held, pair, sales):
    for changed in ({"least_sales": 10**6}, {"least_judged": 10**6}):
        gate_decision = ruled(held, pair, sales, **changed)
        assert [reason.rule for reason in gate_decision.results if not reason.passed] == ["volume"]


def test_packs_of_another_kind_count_as_drift(held, pair, sales):
    other = sales.matrix.copy()
    newest = sales.sold_day > sales.sold_day.max() - RULES.drift_days
    other[newest] = other[newest] * 3.0 + 7.0
    gate_decision = evaluate_gate(pair, held, replace(sales, matrix=other), 0.9, RULES)
    assert "drift" in {reason.rule for reason in gate_decision.results if not reason.passed}


def test_correlated_months_have_a_design_effect():
    days = np.arange(900.0)
    assert design_effect(np.random.default_rng(1).random(900) < 0.9, days, 0.9) < 2.5
    assert design_effect((days // 30) % 10 > 0, days, 0.9) == 5.0


def test_the_rules_are_read_from_a_file(tmp_path):
    assert read_gate() == GateConfig()
    chosen = tmp_path / "gate.toml"
    chosen.write_text("least_sales = 7\n", encoding="utf-8")
    assert read_gate(chosen).least_sales == 7
    chosen.write_text("least_sale = 7\n", encoding="utf-8")
    with pytest.raises(SettingError, match="least_sale"):
        read_gate(chosen)


def test_a_model_stores_its_options_and_its_files(home, pair):
    assert config_of(pair[0]) == QUICK
    assert remembered_sources(home, "mine@2") is not None
    assert remembered_sources(home, "mine@9") is None


@pytest.fixture
def run(home, monkeypatch, tmp_path):
    shutil.copytree(home, tmp_path / "copy")
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path / "copy"))
    return lambda command, *words: click.testing.CliRunner().invoke(command, list(words), catch_exceptions=False)


def rules_file(tmp_path, name="gate.toml", **rules):
    path = tmp_path / name
    path.write_text("".join(f"{name} = {value}\n" for name, value in rules.items()), encoding="utf-8")
    return str(path)


@pytest.mark.slow
def test_promote_evaluates_the_gate_and_logs_the_decision(run, tmp_path):
    lenient = rules_file(tmp_path, least_sales=50, least_judged=50, least_segment=10**6, doubt=1e-12, most_moved=1.0)
    strict = rules_file(tmp_path, name="strict.toml", least_sales=10**6)
    refused = run(promote, "mine@2", "--gate", strict)
    assert refused.exit_code == 1
    assert "the gate rejects" in refused.stdout
    assert len(promotions()) == 1
    done = run(promote, "mine@2", "--gate", lenient, "--reason", "spring", "--lang", "zh")
    assert "门槛通过" in done.stdout
    assert done.exit_code == 0, done.stdout
    assert "现役模型：mine@2，此前为：mine@1" in done.stdout
    assert promotions()[-1].why == "spring; the gate passes"


def test_without_sales_the_gate_cannot_decide(run, tmp_path):
    shutil.rmtree(tmp_path / "copy" / "sources")
    with pytest.raises(TooFewSales, match="missing or have changed"):
        run(promote, "mine@2")


def test_without_a_champion_the_structural_value_is_compared(home, sales, augmentation, pair, tmp_path):
    assert current_champion(tmp_path) == (None, "")
    held = compare_models((pair[0], None), sales, augmentation, lambda _: None)
    assert np.array_equal(held.champion.point, held.evaluated.structural)


@pytest.mark.slow
def test_a_model_of_older_sales_is_not_refitted(sales, augmentation, pair, tmp_path):
    """A champion trained before the evaluated sales is not refitted."""
    old = sales.where(sales.sold_day < np.quantile(sales.sold_day, 0.5))
    through = calendar_day(float(old.sold_day.max())).isoformat()
    publish(
        learn(old, None, QUICK).fitted_, Publication(name="old", created_on=through, trained_through=through), tmp_path
    )
    champion = load_model("old@1", home=tmp_path)
    held = compare_models((pair[0], champion), sales, augmentation, lambda _: None)
    assert (held.challenger_refitted, held.champion_refitted) == (True, False)
    both = compare_models((champion, champion), sales, augmentation, lambda _: None)
    assert not both.challenger_refitted
    assert not both.same_config


def test_compare_reads_the_folder_that_a_training_reads(run, market_folder, tmp_path):
    arrow_csv.write_csv(pq.read_table(market_folder / "packs.parquet").drop(["modules"]), tmp_path / "电池.csv")
    shutil.copy(market_folder / "events.parquet", tmp_path / "溯源事件.parquet")
    printed = run(compare, "mine@1", "mine@2", str(tmp_path), "--market", str(market_folder / "quotes.csv"))
    assert printed.exit_code == 0
    assert "largest movers" in printed.stdout


def test_compare_shows_the_difference_pack_by_pack(run, market_folder, tmp_path):
    words = ["mine@1", "mine@2", str(market_folder), "--market", str(market_folder / "quotes.csv")]
    printed = run(compare, *words, "--csv", str(tmp_path / "out.csv"))
    assert printed.exit_code == 0
    assert "largest movers" in printed.stdout
    rows = [json.loads(line) for line in run(compare, *words, "--json").stdout.splitlines()]
    assert len(rows) + 1 == len((tmp_path / "out.csv").read_text("utf-8").splitlines())
    assert all(row["difference_cny"] == 0.0 for row in rows)  # the same files, the same model
    assert all(row["before_point_cny"] > row["before_lower_cny"] for row in rows)
