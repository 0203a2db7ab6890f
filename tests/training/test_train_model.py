"""From files to a registered model: the same files give the same model, and the first is champion."""

import json
import shutil
import sys
from dataclasses import replace

import click.testing
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
import pytest

import training.dataset.prepare
import training.train_model
from models.artifact.registry import CHAMPION, list_versions, load_model, promotions
from training.commands.models import models
from training.commands.promote import promote, rollback
from training.commands.train import compare_with_structural, report_lines, train
from training.dataset.source_files import Sources
from training.evaluation.holdout import LEVELS
from training.runs.run_record import choices_of, figures_of
from training.train_model import train_model
from valuation import features
from valuation.appraisal import appraise
from valuation.errors import BundleMismatch, TooFewSales, UnknownModel
from valuation.ingest import read_trace


@pytest.fixture(scope="module")
def sources(market_folder):
    return Sources(ledger=market_folder / "sales.parquet", traces=market_folder, market=market_folder / "quotes.csv")


@pytest.fixture(scope="module")
def runs():
    """Runs that would be recorded in MLflow, which takes seconds to start."""
    return []


@pytest.fixture(scope="module", autouse=True)
def without_mlflow(runs):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "mlflow", None)
        patch.setattr(training.train_model, "record", lambda inputs, home: runs.append(inputs) or "run")
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def small(config):
    return replace(config, trees=15)


@pytest.fixture(scope="module")
def trained(sources, small, home, runs):
    """The first model of a registry."""
    stages = []
    result = train_model(sources, "mine", small, home, stages.append)
    assert stages[0] == "reading"
    assert len(stages) == training.train_model.STAGES
    assert len(runs) == 1
    return result


def test_the_first_model_is_champion_and_stores_its_training_summary(trained, home, sales, quotes):
    assert trained.is_champion
    assert trained.sales == len(sales)
    model = load_model(CHAMPION, home=home)
    assert (model.name, model.version, model.demonstration) == ("mine", "1", True)
    assert model.digest == trained.version.digest
    assert model.feature_names == features.NAMES
    summary = trained.version.about.summary
    assert summary["market"] == quotes.digest
    assert summary["judgement"]["overall"]["sales"] == trained.holdout.overall.sales
    (entry,) = promotions(home)
    assert entry.why == "the first model of this registry"


def test_the_run_is_recorded_with_the_digests_of_its_files(trained, runs, sources):
    choices, figures = choices_of(runs[0]), figures_of(runs[0].holdout)
    assert (choices["name"], choices["version"]) == ("mine", "1")
    assert choices["data.ledger"] == sources.digests()["ledger"]
    assert choices["bundle_digest"] == trained.version.digest
    assert figures["coverage"] == trained.holdout.overall.coverage
    assert figures["structural/mape"] == trained.holdout.structural.mape
    for kind in ("chemistry", "tier"):
        assert any(name.startswith(f"{kind}/") and name.endswith("/coverage") for name in figures), kind
    assert {f"reliability/{level:g}" for level in LEVELS} <= set(figures)


def test_the_same_files_and_seed_give_the_same_model(trained, sources, small, tmp_path):
    again = train_model(sources, "mine", small, tmp_path / "again", lambda _: None)
    assert again.version.digest == trained.version.digest


@pytest.mark.slow
def test_another_seed_gives_another_model(trained, sources, small, tmp_path):
    other = train_model(sources, "mine", replace(small, seed=1), tmp_path / "other", lambda _: None)
    assert other.version.digest != trained.version.digest


def test_too_few_sales_register_no_model(sources, small, tmp_path):
    lines = ["sale_id,battery_code,sold_on,price_cny,vat_included", "S1,unheard of,2025-01-01,100,no"]
    ledger = tmp_path / "few.csv"
    ledger.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(TooFewSales):
        train_model(replace(sources, ledger=ledger), "mine", small, tmp_path, lambda _: None)
    assert list_versions(tmp_path) == ()


def test_the_trained_model_prices_a_pack(trained, quotes, home):
    record = read_trace({"chemistry": "LFP", "rated_energy_kwh": 50.0, "made_on": "2020-06-08"})
    answer = appraise(record, quotes, model=load_model("mine", home=home), as_of="2026-11-20")
    assert answer.model.digest == trained.version.digest
    assert answer.residual_value.lower < answer.residual_value.point < answer.residual_value.upper


@pytest.fixture
def run(trained, home, monkeypatch, tmp_path):
    """Return a function that runs the training commands in a copy of the registry."""
    assert trained.is_champion
    shutil.copytree(home, tmp_path / "copy")
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path / "copy"))
    return lambda command, *words: click.testing.CliRunner().invoke(command, list(words), catch_exceptions=False)


def test_train_registers_a_second_version_which_is_not_champion(run, sources, tmp_path):
    choices = tmp_path / "quick.toml"
    choices.write_text("trees = 15\nfolds = 3\ntest_share = 0.25\n", encoding="utf-8")
    traces, market = ["--traces", str(sources.traces)], ["--market", str(sources.market)]
    done = run(train, str(sources.ledger), *traces, *market, "--name", "mine", "--config", str(choices))
    assert done.exit_code == 0
    assert "mine@2" in done.stdout
    assert "make it champion: canzhi promote mine@2" in done.stdout
    assert "demonstration model" in done.stdout
    assert "structural value alone" in done.stdout
    assert "the same model as   mine@1: same data, options and seed" in done.stdout
    assert "better band?" in done.stdout
    assert "canzhi train --from-run run" in done.stdout
    listed = [json.loads(line) for line in run(models, "--json").stdout.splitlines()]
    assert [(line["version"], line["champion"]) for line in listed] == [("1", True), ("2", False)]

    assert "champion: mine@2, before: mine@1" in run(promote, "mine@2", "--force", "--why", "covers better").stdout
    shown = run(models).stdout.splitlines()
    assert [line[0] for line in shown] == [" ", "*"]
    assert "champion: mine@1, before: mine@2" in run(rollback, "--why", "too wide").stdout
    assert [entry.why for entry in promotions()] == [
        "the first model of this registry",
        "forced: covers better",
        "too wide",
    ]


def test_an_unreadable_champion_does_not_stop_a_training(run, sources, tmp_path):
    """An unreadable champion stays champion and is reported; the new model is registered."""
    (tmp_path / "copy" / "models" / "mine" / "1" / "arrays.npz").write_bytes(b"spoiled")
    choices = tmp_path / "quick.toml"
    choices.write_text("trees = 5\nfolds = 2\ntest_share = 0.25\nhabits_rows = 0\n", encoding="utf-8")
    words = ["--traces", str(sources.traces), "--market", str(sources.market), "--name", "mine"]
    done = run(train, str(sources.ledger), *words, "--config", str(choices))
    assert done.exit_code == 0
    assert "the champion cannot be read: arrays.npz is not the file that was signed" in done.stdout
    assert "make it champion: canzhi promote mine@2" in done.stdout
    assert [entry.after for entry in promotions()] == ["mine@1"]


def test_a_forced_promotion_needs_a_reason(run):
    assert run(promote, "mine@1", "--force").exit_code == 2
    assert run(rollback).exit_code == 2


def test_promoting_the_champion_changes_nothing(run):
    again = run(promote, "mine@1", "--why", "to be sure")
    assert (again.exit_code, again.stdout) == (0, "mine@1 is already the champion; nothing is changed\n")
    assert len(promotions()) == 1
    with pytest.raises(UnknownModel, match="before"):
        run(rollback, "--why", "by mistake")


@pytest.mark.parametrize("name", ["bad name/..", "", "..", "x" * 65])
def test_a_bad_name_is_refused_before_any_work(sources, monkeypatch, tmp_path, name):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(training.dataset.prepare, "prepare", lambda *_: pytest.fail("the training began"))
    words = [str(sources.ledger), "--traces", str(sources.traces), "--market", str(sources.market), "--name", name]
    with pytest.raises(BundleMismatch, match="not a valid name"):
        click.testing.CliRunner().invoke(train, words, catch_exceptions=False)
    assert not (tmp_path / "home").exists()


def test_an_empty_registry_prints_a_hint(monkeypatch, tmp_path):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path))
    done = click.testing.CliRunner().invoke(models, [])
    assert "canzhi train" in done.stdout


def test_a_training_without_files_is_a_usage_error(run, sources):
    assert run(train, str(sources.ledger)).exit_code == 2
    assert run(train, str(sources.ledger), "--from-run", "abc").exit_code == 2


def test_check_only_reports_every_row_and_trains_nothing(run, sources, market_folder, tmp_path):
    ledger = tmp_path / "台账.csv"
    arrow_csv.write_csv(pq.read_table(market_folder / "sales.parquet").slice(0, 80), ledger)
    with ledger.open("a", encoding="utf-8") as stream:
        stream.write("X1,unheard of,2025-01-01,900,no,,,,,,\nX2,,soon,much,no,,,,,,\n")
    predicted = [str(ledger), "--traces", str(sources.traces), "--market", str(sources.market), "--check-only"]
    done = run(train, *predicted, "--report", str(tmp_path / "report.csv"))
    assert done.exit_code == 0
    assert "rows                82" in done.stdout
    assert "used                80  (97.6%)" in done.stdout
    assert "1  no trace record of the pack" in done.stdout
    assert (tmp_path / "report.csv").read_text("utf-8-sig").count(
        "\n"
    ) == 5  # headings, one row, a row wrong three times
    assert [version.about.version for version in list_versions()] == ["1"]


def test_the_last_lines_compare_with_the_structural_value(trained):
    holdout = trained.holdout
    better = replace(holdout, overall=replace(holdout.overall, interval_score_per_kwh=1.0))
    worse = replace(holdout, overall=replace(holdout.overall, interval_score_per_kwh=1e9))
    assert "yes" in compare_with_structural(better)
    assert "no: its interval score" in compare_with_structural(worse)
    assert "unknown" in compare_with_structural(None)
    assert any("cross-validated" in line for line in report_lines(replace(holdout, method="folds")))
