"""One training, evaluated on held-out sales and compared with the structural value."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

import training.evaluation.holdout
import training.fit_model
from models.fitting.folds import assign_folds
from training.configuration import LEAST_SALES, TrainingConfig, read_config
from training.dataset.training_set import build, degraded, join
from training.evaluation.holdout import evaluate_model, evaluate_on_newest, newest_from
from training.fit_model import learn
from training.sales_ledger import read_ledger
from training.simulation.market_simulation import simulate
from training.simulation.plan import SimulationPlan
from training.simulation.write_files import write
from valuation import features
from valuation.errors import SettingError, TooFewSales
from valuation.ingest import read_market, read_tables


@pytest.fixture(scope="module")
def holdout(sales, augmentation, config):
    return evaluate_on_newest(sales, augmentation, config)


def test_a_few_hundred_sales_are_not_worse_than_the_structural_value(holdout):
    # 330 to 360 sales are too few to gain: over three markets the error was 0.97 to 1.10 times the structural value's
    assert holdout.overall.sales >= LEAST_SALES
    assert holdout.overall.wape < 1.15 * holdout.structural.wape


@pytest.mark.slow
def test_three_thousand_sales_beat_the_structural_value(config, tmp_path):
    # with 1,000 sales it is not sure yet: 0.89, 0.97 and 1.03 times the structural value's error in three markets
    write(simulate(SimulationPlan(packs=12_000, seed=3, years=6.0), lambda _: None), tmp_path)
    table = read_tables(tmp_path / "packs.parquet", tmp_path / "events.parquet").table
    market = read_market(tmp_path / "quotes.csv")
    sales, _ = build(table, read_ledger(tmp_path / "sales.parquet"), market)
    evaluated = evaluate_on_newest(sales, degraded(sales, table, market, share=0.5, seed=0), config)
    assert evaluated.overall.wape < 0.9 * evaluated.structural.wape


def test_coverage_is_near_the_nominal_level(holdout, config):
    sales = holdout.overall.sales
    # three standard deviations of a binomial, and what one small market's turn may cost
    slack = 3.0 * math.sqrt(config.level * (1.0 - config.level) / sales) + 0.05
    assert abs(holdout.overall.coverage - config.level) < slack


def test_the_holdout_report_is_plain_json(holdout):
    predicted = json.loads(json.dumps(holdout.as_dict()))
    assert predicted["overall"]["sales"] == holdout.overall.sales
    assert set(predicted) == {
        *("overall", "untold", "structural", "by_chemistry", "by_tier", "method", "segments", "reliability")
    }


def test_the_holdout_fit_uses_no_newest_sales(sales, augmentation, config, monkeypatch):
    seen = []

    def spy(taught, thin, _):
        seen.append((taught, thin))
        raise TooFewSales("file.no_record")

    monkeypatch.setattr(training.evaluation.holdout, "learn", spy)
    with pytest.raises(TooFewSales):
        evaluate_on_newest(sales, augmentation, config)
    ((taught, thin),) = seen
    cut_day = newest_from(sales, config)
    evaluated = set(sales.where(sales.sold_day > cut_day).sale_id)
    assert len(evaluated) == pytest.approx(config.test_share * len(sales), rel=0.1)
    assert taught.sold_day.max() + config.label_delay_days <= cut_day
    assert not evaluated & set(taught.sale_id)
    assert not evaluated & set(thin.sale_id)


def test_too_few_sales_are_refused_or_not_evaluated(sales, config):
    few = sales.where(np.arange(len(sales)) < LEAST_SALES - 1)
    with pytest.raises(TooFewSales, match=f"{LEAST_SALES - 1} usable sales") as refusal:
        learn(few, None, config)
    assert str(LEAST_SALES) in refusal.value.hint
    assert evaluate_model(few, None, config) is None


@pytest.mark.parametrize("count", [100, pytest.param(200, marks=pytest.mark.slow)])
def test_a_small_ledger_is_cross_validated(sales, augmentation, config, count):
    rows = np.arange(len(sales)) < count
    few, thin = sales.where(rows), augmentation.where(np.isin(augmentation.sale_id, sales.where(rows).sale_id))
    evaluated = evaluate_model(few, thin, config)
    assert evaluated.method == "folds"
    assert evaluated.overall.sales == int(few.single_sale.sum())
    slack = 3.0 * math.sqrt(config.level * (1.0 - config.level) / evaluated.overall.sales)
    assert evaluated.overall.coverage > config.level - slack


def test_evaluation_folds_keep_packs_and_lots_together(sales, config, monkeypatch):
    few = sales.where(np.arange(len(sales)) < 100)
    lots = tuple("L" if row in {3, 40, 80} else None for row in range(100))
    few = replace(few, lot=lots, packs=tuple("same" if row in {5, 80} else one for row, one in enumerate(few.packs)))
    seen = []

    def spy(taught, thin, config, least):
        seen.append({taught.sale_id[row] for row in range(len(taught))})
        return learn(taught, thin, replace(config, trees=5, market_calibration_rows=0), least)

    monkeypatch.setattr(training.evaluation.holdout, "learn", spy)
    evaluated = evaluate_model(few, None, config)
    bound = {few.sale_id[row] for row in (3, 5, 40, 80)}
    assert [len(bound & ids) for ids in seen].count(0) == 1
    assert {len(bound & ids) for ids in seen} == {0, 4}
    assert evaluated.overall.sales == 97  # what a pack of a lot fetched is not known
    assert few.repeat_sale_group[5] == few.repeat_sale_group[3] == few.repeat_sale_group[40]


def test_copies_of_a_pack_stay_in_one_fold(sales, augmentation):
    packs = np.unique([*sales.packs, *augmentation.packs], return_inverse=True)[1]
    fold = assign_folds(len(packs), 5, 0, packs)
    for pack in np.unique(packs):
        assert len(set(fold[packs == pack])) == 1
    assert len(set(fold)) == 5


def test_the_estimator_gets_the_pack_of_every_sale(sales, augmentation, config, monkeypatch):
    given = {}

    class Spy:
        def __init__(self, **settings):
            given.update(settings)

        def fit(self, table, price, **columns):
            given.update(columns, table=table, price=price)
            return self

    monkeypatch.setattr(training.fit_model, "MarketRegressor", Spy)
    learn(
        replace(sales, archive=None), augmentation, config
    )  # without what they were worked out from there are no habits
    assert given["packs"] == list(join([sales, augmentation]).repeat_sale_group)
    assert given["groups"] == [*sales.groups, *augmentation.groups]
    assert list(given["table"].columns) == list(features.NAMES)
    assert given["monotone"] == features.MONOTONE
    np.testing.assert_array_equal(given["base"], np.concatenate([sales.structural, augmentation.structural]))
    np.testing.assert_array_equal(given["price"], np.concatenate([sales.price, augmentation.price]))


def test_a_lot_is_fitted_by_its_total_and_without_degraded_copies(sales, augmentation, config, monkeypatch):
    given = {}

    class Spy:
        def __init__(self, **settings):
            pass

        def fit(self, table, price, **columns):
            given.update(columns, price=price)
            return self

    monkeypatch.setattr(training.fit_model, "MarketRegressor", Spy)
    few = sales.take(np.arange(100))
    few = replace(few, lot=tuple("L" if row in {3, 40, 80} else None for row in range(100)))
    copies = few.take(np.array([3, 5]))
    learn(few, copies, replace(config, market_calibration_rows=0))
    assert given["lots"] == [*(lot or "" for lot in few.lot), ""]
    np.testing.assert_array_equal(given["price"][[3, 40, 80]], np.full(3, few.price_cny[[3, 40, 80]].sum()))
    np.testing.assert_array_equal(given["quantity"], [*few.energy_kwh, few.energy_kwh[5]])
    np.testing.assert_array_equal(given["price"][:3], few.price[:3])


def test_options_are_read_from_a_file_and_unknown_ones_reported(tmp_path, config):
    assert read_config() == TrainingConfig()
    path = tmp_path / "mine.toml"
    path.write_text("seed = 7\ntrees = 10\n", encoding="utf-8")
    assert read_config(path) == TrainingConfig(seed=7, trees=10)
    assert read_config(path).digest() != TrainingConfig().digest()
    assert replace(config, seed=9).digest() != config.digest()
    path.write_text("sede = 7\n", encoding="utf-8")
    with pytest.raises(SettingError, match="sede"):
        read_config(path)
