from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.regressor import ResidualValueRegressor
from models.strangers import nested_columns
from models.turn import judge_turn


@pytest.fixture(scope="module")
def sales():
    """Return sales of 60 models of 10 makers; a model strays from its maker by far more than a sale from its model."""
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


def test_the_mean_knows_what_to_say_of_a_model_never_seen(sales):
    table, price, names, model = sales
    new = model % 6 == 0
    fitted = ResidualValueRegressor().fit(table[~new], price[~new], groups=names[~new])
    error = np.abs(np.log(fitted.predict(table[new], groups=names[new]) / price[new]))
    assert np.median(error) < 0.45  # a maker's models stray by .4


def test_only_what_tells_the_group_apart_is_nested():
    group = np.array([1, 1, 2, 2, 3, 3])
    codes = np.array([[0, 0, 0], [0, 1, 1], [0, 2, 0], [0, 2, 1], [1, 3, 0], [1, 3, 1]], dtype=float)
    assert nested_columns(codes, (True, True, True), group) == (True, True, False)
    assert nested_columns(codes, (False, False, False), group) == (False, False, False)
    assert nested_columns(np.full((6, 1), np.nan), (True,), group) == (False,)


def test_the_newest_sales_widen_only_what_chance_does_not_explain():
    assert judge_turn(np.full(5, 9.0), 5.0).widening == 1.0  # too few to say
    strain = np.concatenate([np.full(85, 0.5), np.full(15, 1.4)])
    assert judge_turn(strain, 100.0).widening == 1.0
    assert judge_turn(strain, 400.0).widening == pytest.approx(1.4)


def test_a_market_that_leaps_is_said_to_be_beyond_the_model(make_market):
    old, new = make_market(500, 1), make_market(300, 2)
    days = np.linspace(18000.0, 18500.0, 500)
    fitted = ResidualValueRegressor(trees=60).fit(old.table, old.price, base=old.base, time=days)
    assert fitted.fitted_.band.turn.knows
    price = 20.0 * np.sinh(np.arcsinh(new.price / 20.0) + np.where(np.arange(300) % 2, 1.5, -1.5))
    fitted.update(new.table, price, time=np.linspace(18501.0, 18520.0, 300), as_of=18560.0, base=new.base)
    assert fitted.fitted_.band.turn.rows > 100.0
    assert not fitted.fitted_.band.turn.knows
