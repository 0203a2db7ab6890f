from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.booster.boosting import Sample, mean_settings
from models.calibration.unseen_groups import group_count_column, is_unseen, nested_columns, side_by_side
from models.estimator import ResidualValueRegressor
from models.fitting.forest_ensemble import grow_ensemble
from models.inference.encoding import AVERAGED, NUMBER, RANKED
from models.inference.explanation.tree_shap import Attribution
from models.inference.forest import empty_forest
from models.inference.kernel_parity import check_forest, hard_rows
from models.inference.shift_monitor import monitor_shift


@pytest.fixture(scope="module")
def sales():
    """Return sales of 60 models of 10 makers; models differ from their maker much more than sales from their model."""
    rng = np.random.default_rng(3)
    model = rng.integers(0, 60, 2400)
    level = np.random.default_rng(4).normal(0.0, 0.4, 60) + np.repeat(np.random.default_rng(5).normal(0, 0.3, 10), 6)
    age = rng.uniform(0.0, 10.0, len(model))
    price = np.exp(9.0 + level[model] - 0.1 * age + 0.05 * rng.standard_normal(len(model)))
    names = np.array([f"maker {m // 6}/model {m}" for m in model], dtype=object)
    table = pd.DataFrame({"age": age, "maker": [f"m{m // 6}" for m in model], "model": [f"t{m}" for m in model]})
    return table, price, names, model


def test_a_model_never_seen_is_covered_and_its_band_is_wider(sales):
    table, price, names, model = sales
    new = model % 6 == 0
    fitted = ResidualValueRegressor().fit(table[~new], price[~new], groups=names[~new])
    band = fitted.predict_interval(table, 0.9, groups=names)
    inside = (band[:, 0] <= price) & (price <= band[:, 1])
    assert np.mean(inside[new]) > 0.75  # ten new models are ten draws
    width = np.log(band[:, 1] / band[:, 0])
    assert np.median(width[new]) > 3.0 * np.median(width[~new])


def test_the_mean_predicts_unseen_vehicle_models(sales):
    table, price, names, model = sales
    new = model % 6 == 0
    fitted = ResidualValueRegressor().fit(table[~new], price[~new], groups=names[~new])
    error = np.abs(np.log(fitted.predict(table[new], groups=names[new]) / price[new]))
    assert np.median(error) < 0.45  # a maker's models stray by .4


def test_only_columns_that_identify_the_group_are_nested():
    group = np.array([1, 1, 2, 2, 3, 3])
    codes = np.array([[0, 0, 0], [0, 1, 1], [0, 2, 0], [0, 2, 1], [1, 3, 0], [1, 3, 1]], dtype=float)
    assert nested_columns(codes, (True, True, True), group) == (True, True, False)
    assert nested_columns(codes, (False, False, False), group) == (False, False, False)
    assert nested_columns(np.full((6, 1), np.nan), (True,), group) == (False,)


@pytest.fixture(scope="module")
def two_forests():
    """Return two small forests of the same columns, the first of which counts sales, and rows to predict."""
    chance = np.random.default_rng(8)
    matrix = np.column_stack([np.where(np.arange(300) % 3, np.log(1.0 + np.arange(300)), 0.0), chance.normal(size=300)])
    matrix[::7, 1] = np.nan
    growth = mean_settings(300, (), seed=1, threads=1)
    target = np.nan_to_num(matrix[:, 1])
    samples = [Sample(matrix=matrix, target=sign * target + level, weight=np.ones(300)) for sign, level in PAIR]
    return *(grow_ensemble([sample], growth, 2, 7).forest(2) for sample in samples), matrix


PAIR = ((1.0, 0.0), (-2.0, 5.0))


def test_known_and_unseen_groups_use_different_forests(two_forests):
    known, strange, rows = two_forests
    both = side_by_side(known, strange, 0)
    new = is_unseen(rows, 0)
    assert 0 < np.sum(new) < len(rows)
    np.testing.assert_allclose(
        both.predict(rows), np.where(new, strange.predict(rows), known.predict(rows)), atol=1e-12
    )
    check_forest(both)
    assert hard_rows(both).shape == (96, 2)
    assert side_by_side(known, empty_forest(2), 0).predict(rows[new]).tolist() == [0.0] * int(np.sum(new))


def test_the_explanation_of_two_forests_is_exact(two_forests):
    known, strange, rows = two_forests
    both = side_by_side(known, strange, 0)
    taken_apart = Attribution(both)
    whole = taken_apart.expected + np.sum(taken_apart.effects(rows[:40]), axis=1)
    np.testing.assert_allclose(whole, both.predict(rows[:40]), atol=1e-9)
    expected = [Attribution(one).expected for one in (known, strange)]
    assert taken_apart.expected == pytest.approx(0.9 * expected[0] + 0.1 * expected[1])  # one sale in ten is new


def test_unseen_groups_are_found_by_the_coarsest_high_cardinality_column():
    codes = np.array([[0.0, k, k // 2, k % 2] for k in range(8)])
    kinds = (NUMBER, AVERAGED, AVERAGED, RANKED)
    assert group_count_column(codes, kinds, np.array([False, True, True, True])) == 6
    assert group_count_column(codes, kinds, np.array([False, True, False, True])) == 3
    assert group_count_column(codes, kinds, np.array([False, False, False, True])) == -1


@pytest.mark.parametrize("telling", [True, False])
def test_unseen_groups_have_their_own_mean_if_a_column_is_the_group(sales, telling):
    table, price, names, _ = sales
    asked = table if telling else table.drop(columns="model")
    state = ResidualValueRegressor(trees=30).fit(asked, price, groups=names).fitted_
    first = state.mean.forest.split_feature[state.mean.forest.roots]
    counts = state.mean.encoder.count_columns()
    assert (len(first) == 60 and set(first.tolist()) <= set(counts.tolist())) == telling


def test_the_newest_sales_widen_the_band_only_beyond_chance():
    assert monitor_shift(np.full(5, 9.0), 5.0).widening == 1.0  # too few to say
    normalised_score = np.concatenate([np.full(85, 0.5), np.full(15, 1.4)])
    assert monitor_shift(normalised_score, 100.0).widening == 1.0
    assert monitor_shift(normalised_score, 400.0).widening == pytest.approx(1.4)


def test_a_market_jump_raises_a_caution(make_market):
    old, new = make_market(500, 1), make_market(300, 2)
    days = np.linspace(18000.0, 18500.0, 500)
    fitted = ResidualValueRegressor(trees=60).fit(old.table, old.price, base=old.base, time=days)
    assert fitted.fitted_.band.turn.reliable
    price = 20.0 * np.sinh(np.arcsinh(new.price / 20.0) + np.where(np.arange(300) % 2, 1.5, -1.5))
    fitted.update(new.table, price, time=np.linspace(18501.0, 18520.0, 300), as_of=18560.0, base=new.base)
    assert fitted.fitted_.band.turn.rows > 100.0
    assert not fitted.fitted_.band.turn.reliable
