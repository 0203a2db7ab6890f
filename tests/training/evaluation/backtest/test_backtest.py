"""The back-test uses only information known at the time, and its report is self-contained."""

import html.parser
import json
from dataclasses import replace
from datetime import date

import click.testing
import numpy as np
import pytest

from training.commands.backtest import backtest as command
from training.configuration import TrainingConfig
from training.evaluation.backtest.baselines import Task, last_price, linear, split_quantile
from training.evaluation.backtest.report import months_of, report_html
from training.evaluation.backtest.rolling_origin import OURS, Plan, backtest, key_of, plan_origins
from training.parallel import Workers
from valuation.errors import TooFewSales

QUICK = TrainingConfig(trees=5, folds=2, market_calibration_rows=0)


@pytest.fixture(scope="module", autouse=True)
def fast_baselines():
    """Use the fast baselines; the slow test of the command uses boosted trees too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "training.evaluation.backtest.rolling_origin.baselines",
            lambda: {"last price": last_price, "linear": linear},
        )
        yield


@pytest.fixture(scope="module")
def origins(sales):
    return plan_origins(sales, QUICK, None, 9)


@pytest.fixture(scope="module")
def tested(sales, augmentation, origins):
    return backtest((sales, augmentation), None, QUICK, Plan(origins=origins), lambda _: None)


def named(tested, name):
    return next(one for one in tested.entries if one.name == name)


def test_all_methods_predict_the_same_sales(tested, sales, origins):
    assert [one.name for one in tested.entries][:2] == [OURS, "structural value"]
    assert {one.overall.sales for one in tested.entries} == {len(tested.evaluated)}
    assert np.all(tested.evaluated.sold_day > origins[0])
    assert len(tested.evaluated) == int(((sales.sold_day > origins[0]) & sales.single_sale).sum())
    assert tested.absent["incumbent"] == "no model is champion"
    assert "not installed" in tested.absent["CatBoost + split conformal"]


def test_later_sales_do_not_change_earlier_forecasts(tested, sales, augmentation, origins):
    """Prices of the last window are shuffled; all earlier forecasts stay bit-identical."""
    last = origins[-1]
    thrown = replace(
        sales, price_cny=np.where(sales.sold_day > last - 29.0, sales.price_cny * 7.0 + 1.0, sales.price_cny)
    )
    thrown_extra = replace(
        augmentation, price_cny=np.where(augmentation.sold_day > last - 29.0, 1.0, augmentation.price_cny)
    )
    again = backtest((thrown, thrown_extra), None, QUICK, Plan(origins=origins), lambda _: None)
    early = tested.evaluated.sold_day <= last
    for one in tested.entries:
        other = named(again, one.name).predicted
        assert np.array_equal(one.predicted.point[early], other.point[early]), one.name
        assert np.array_equal(one.predicted.lower[early], other.lower[early]), one.name


@pytest.mark.slow
def test_finished_windows_are_not_computed_again(sales, augmentation, origins, tmp_path, monkeypatch):
    plan = Plan(origins=origins[-1:], parts=tmp_path / "parts", key="a" * 64)
    first = backtest((sales, augmentation), None, QUICK, plan, lambda _: None)
    monkeypatch.setattr(
        "training.evaluation.backtest.rolling_origin.learn", lambda *_: pytest.fail("it was worked out again")
    )
    again = backtest((sales, augmentation), None, QUICK, plan, lambda _: None)
    assert first.as_dict() == again.as_dict()
    assert key_of({}, QUICK, None, 1) != key_of({}, replace(QUICK, seed=1), None, 1)


@pytest.mark.slow
def test_without_refit_it_is_fitted_once(sales, augmentation, monkeypatch):
    fitted = []
    real = backtest.__globals__["learn"]
    monkeypatch.setattr(
        "training.evaluation.backtest.rolling_origin.learn", lambda *given: fitted.append(1) or real(*given)
    )
    monkeypatch.setattr("training.evaluation.backtest.rolling_origin.baselines", dict)
    origins = plan_origins(sales, QUICK, None, 9)
    backtest((sales, augmentation), None, QUICK, Plan(origins=origins, refit=False), lambda _: None)
    assert (len(fitted), len(origins) > 1) == (1, True)


@pytest.mark.parametrize("refit", [True, False])
def test_the_forecasts_do_not_depend_on_the_workers(sales, augmentation, origins, tmp_path, refit):
    """Two processes share the windows; each result is stored, and none is computed twice."""
    predicted = []
    plan = Plan(origins=origins, refit=refit, parts=tmp_path / "parts", key="b" * 64)
    alone = backtest((sales, augmentation), None, QUICK, replace(plan, parts=None), predicted.append)
    shared = backtest((sales, augmentation), None, QUICK, replace(plan, workers=Workers(processes=2)), predicted.append)
    for one, other in zip(alone.entries, shared.entries, strict=True):
        for name in ("point", "lower", "upper"):
            assert getattr(one.predicted, name).tobytes() == getattr(other.predicted, name).tobytes(), (one.name, name)
    windows = len(predicted) // 2
    assert windows > 1
    assert sorted(predicted[:windows]) == sorted(predicted[windows:])
    assert len(list(plan.parts.glob("*.npz"))) == windows


def test_losses_are_payments_above_the_realised_price(tested):
    one = named(tested, OURS)
    predicted, energy = one.predicted, tested.evaluated.energy_kwh
    lost = sum(
        max(point - price, 0.0) * kwh
        for point, price, kwh in zip(predicted.point, predicted.price, energy, strict=True)
    )
    assert one.money.lost_at_point == pytest.approx(lost)
    assert one.money.lost_at_lower < one.money.lost_at_point
    assert one.money.net_at_lower > one.money.net_at_point


def test_origins_follow_one_another_and_need_sales(sales):
    days = plan_origins(sales, QUICK, date(2025, 1, 31), 3)
    assert len(days) > 2
    assert np.all(np.diff(days) > 80)
    with pytest.raises(TooFewSales, match="too few to train"):
        plan_origins(sales, QUICK, date(2015, 1, 1), 3)


def test_the_last_price_is_the_last_known_one(sales):
    known, asked = (
        sales.where(sales.sold_day < np.median(sales.sold_day)),
        sales.take(np.arange(len(sales) - 5, len(sales))),
    )
    predicted = last_price(Task(known=known, targets=asked, level=0.9, seed=0))
    assert np.all(np.isin(predicted.point, known.price))


def test_split_conformal_covers_exchangeable_sales(sales):
    chance = np.random.default_rng(3).random(len(sales)) < 0.6
    predicted = linear(Task(known=sales.where(chance), targets=sales.where(~chance), level=0.9, seed=0))
    assert 0.8 < np.mean((predicted.price >= predicted.lower) & (predicted.price <= predicted.upper)) < 0.97
    assert split_quantile(np.array([]), 0.9) == float("inf")


class Reader(html.parser.HTMLParser):
    """Collects the elements of the page."""

    def __init__(self):
        super().__init__()
        self.tags, self.links, self.open = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_is_self_contained(tested, language):
    page = report_html(tested, language, "synthetic")
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    assert reader.links == []
    assert "script" not in reader.tags
    assert reader.tags.count("svg") == 2
    assert page.count('role="img"') == page.count("<desc>") == 2
    assert ("逐月" in page) == (language == "zh")
    assert all(month in page for month in months_of(tested)[:1])
    assert "nan" not in page.replace("<style>", "").lower().split("</style>")[1]


def test_a_name_from_a_ledger_cannot_become_markup(tested):
    wicked = replace(tested, absent={"<script>alert(1)</script>": "<b>"})
    assert "<script>" not in report_html(wicked)


@pytest.mark.slow
def test_the_command_writes_report_and_figures(market_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CANZHI_HOME", str(tmp_path / "home"))
    choices = tmp_path / "quick.toml"
    choices.write_text("trees = 5\nfolds = 2\nhabits_rows = 0\n", encoding="utf-8")
    words = [str(market_folder / "sales.parquet"), "--traces", str(market_folder)]
    words += ["--market", str(market_folder / "quotes.csv"), "--step", "12months", "--config", str(choices)]
    out = tmp_path / "report.html"
    done = click.testing.CliRunner().invoke(
        command, [*words, "--out", str(out), "--lang", "zh"], catch_exceptions=False
    )
    assert done.exit_code == 0
    figures = json.loads(out.with_suffix(".json").read_text("utf-8"))
    assert figures["contestants"][0]["name"] == OURS
    assert "残值模型回测报告" in out.read_text("utf-8")
    assert not out.with_suffix(".parts").exists()
    rumour = click.testing.CliRunner().invoke(
        command, [*words, "--no-refit", "--vat-change", "2026-01-01=9%", "--out", str(out)], catch_exceptions=False
    )
    assert rumour.exit_code == 0
    assert "scenario: VAT is 9% from 2026-01-01" in rumour.output
    assert "read as 96.5% of their true price" in out.read_text("utf-8")
    wrong = click.testing.CliRunner().invoke(command, [*words[:-4], "--step", "soon"])
    assert wrong.exit_code == 2
