from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from models import ResidualValueRegressor
from models.artifact.serialization import dump_state
from valuation.errors import BundleMismatch


@parametrize_with_checks([ResidualValueRegressor()])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_the_band_covers_sales_never_seen(estimator, make_market):
    new = make_market(3000, 77)
    band = estimator.predict_interval(new.table, 0.9, new.base, new.groups)
    inside = (new.price >= band[:, 0]) & (new.price <= band[:, 1])
    assert 0.88 <= inside.mean() <= 0.95
    unknown = np.isnan(new.table[:, 0])
    assert inside[unknown].mean() > 0.8  # a fifth of 600 sales: the width leans on the others
    assert inside[~unknown].mean() > 0.86


def test_it_beats_the_structural_value(estimator, make_market):
    new = make_market(3000, 78)
    error = np.abs(estimator.predict(new.table, new.base, new.groups) - new.price)
    assert np.median(error) < 0.7 * np.median(np.abs(new.base - new.price))


def test_lower_point_upper_and_no_quantile_crosses(estimator, market):
    point = estimator.predict(market.table, market.base, market.groups)
    levels = [0.001, 0.02, 0.3, 0.5, 0.500001, 0.77, 0.9999]
    quantiles = estimator.predict_quantiles(market.table, levels, market.base, market.groups)
    assert np.all(np.isfinite(quantiles))
    assert np.all(np.diff(quantiles, axis=1) >= 0.0)
    np.testing.assert_array_equal(quantiles[:, 3], point)
    band = estimator.predict_interval(market.table, 0.5, market.base, market.groups)
    assert np.all((band[:, 0] <= point) & (point <= band[:, 1]))


@pytest.mark.parametrize(("column", "direction", "ends"), [(0, 1, (0.3, 1.2)), (1, -1, (-3.0, 20.0))])
def test_directions_hold_for_point_and_both_edges(estimator, market, column, direction, ends):
    steps = np.linspace(*ends, 60)
    for row in range(0, 200, 5):
        table = np.repeat(market.table[row : row + 1], len(steps), axis=0)
        table[:, column] = steps
        base, groups = np.full(60, market.base[row]), [market.groups[row]] * 60
        point = estimator.predict(table, base, groups)
        band = estimator.predict_interval(table, 0.9, base, groups)
        for curve in (point, band[:, 0], band[:, 1]):
            assert np.all(direction * np.diff(curve) >= 0.0)


def test_a_higher_structural_value_is_never_worth_less(estimator, market):
    base = np.linspace(-60.0, 400.0, 80)
    table = np.repeat(market.table[:1], 80, axis=0)
    for curve in (
        estimator.predict(table, base, ["LFP/1"] * 80),
        *estimator.predict_interval(table, 0.9, base, ["LFP/1"] * 80).T,
    ):
        assert np.all(np.diff(curve) > 0.0)


def test_threads_and_order_do_not_change_a_bit(market):
    model = ResidualValueRegressor(monotone={0: 1, 1: -1}, categorical=[2, 3], trees=40)
    states = []
    for threads, rows in ((1, np.arange(600)), (2, np.arange(600)[::-1])):
        fitted = clone(model).set_params(n_jobs=threads)
        fitted.fit(market.table[rows], market.price[rows], base=market.base[rows], groups=market.groups[rows])
        states.append(dump_state(fitted.fitted_))
    assert states[0] == states[1]


def test_seeds_differ(market):
    one, two = (
        ResidualValueRegressor(trees=20, random_state=seed).fit(market.table, market.price, base=market.base)
        for seed in (0, 1)
    )
    assert not np.array_equal(one.predict(market.table, market.base), two.predict(market.table, market.base))


def test_explanation_adds_up_for_a_frame_of_texts():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"km": rng.uniform(0, 2e5, 400), "make": rng.choice(list("abcdefghijklmnopqrst"), 400)})
    price = np.exp(10 - frame["km"].to_numpy() / 1e5 + (frame["make"] == "c") * 0.5 + 0.1 * rng.normal(size=400))
    model = ResidualValueRegressor(monotone={"km": -1}).fit(frame, price)
    base_level, effects = model.explain(frame)
    np.testing.assert_allclose(np.exp(base_level + effects.sum(axis=1)), model.predict(frame), rtol=1e-9)
    assert list(model.feature_names_in_) == ["km", "make"]
    assert effects[frame["make"] == "c", 1].mean() == pytest.approx(
        0.475, abs=0.1
    )  # 0.5 less its own share of the mean


@pytest.mark.parametrize("rows", [2, 3, 5, 30])
def test_a_handful_of_sales_gives_a_finite_band(make_market, rows):
    few = make_market(rows, 5)
    model = ResidualValueRegressor().fit(few.table, few.price, base=few.base)
    assert np.all(np.isfinite(model.predict_interval(few.table, 0.99, few.base)))


def test_thirty_sales_still_cover(make_market):
    covered = []
    for seed in range(8):
        few, new = make_market(30, seed), make_market(500, 100 + seed)
        model = ResidualValueRegressor(monotone={0: 1, 1: -1}).fit(few.table, few.price, base=few.base)
        band = model.predict_interval(new.table, 0.9, new.base)
        covered.append(np.mean((new.price >= band[:, 0]) & (new.price <= band[:, 1])))
    assert np.mean(covered) > 0.85


def test_a_price_that_never_varies_is_that_price():
    model = ResidualValueRegressor().fit(np.arange(40.0).reshape(-1, 1), np.full(40, 7.5))
    band = model.predict_interval([[3.0], [99.0]], 0.9)
    np.testing.assert_allclose(band, 7.5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_price_that_is_none_is_refused(value):
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        ResidualValueRegressor().fit(np.arange(40.0).reshape(-1, 1), np.append(np.ones(39), value))
    with pytest.raises(ValueError, match="NaN or infinity"):
        ResidualValueRegressor().fit(pd.DataFrame({"a": np.arange(40.0)}), np.append(np.ones(39), value))


def test_base_goes_with_base(estimator, market):
    with pytest.raises(BundleMismatch, match="structural value"):
        estimator.predict(market.table)
    with pytest.raises(ValueError, match="base"):
        estimator.predict(market.table, market.base[:3])
    with pytest.raises(ValueError, match="finite"):
        estimator.predict(market.table, np.full(len(market.base), np.nan))


def test_a_pack_is_never_parted(make_market):
    market = make_market(600, 9)
    rng = np.random.default_rng(0)
    packs = rng.integers(0, 60, 600)
    quirk = rng.normal(size=60)[packs]  # what one pack fetches over its peers, and its row betrays which pack it is
    table = np.column_stack([market.table, packs])
    price = market.base * np.exp(quirk) + 200.0
    parted = ResidualValueRegressor().fit(table, price)
    whole = ResidualValueRegressor().fit(table, price, packs=packs)
    width = [np.diff(np.log(model.predict_interval(table, 0.9))).mean() for model in (parted, whole)]
    assert width[1] > width[0]


def test_a_market_that_fell_is_followed_by_updates_and_known_only_when_reported(make_market):
    old, new = make_market(800, 1), make_market(400, 2)
    days = np.linspace(0.0, 700.0, 800)
    model = ResidualValueRegressor(trees=60).fit(old.table, old.price, base=old.base, time=days)
    fallen = 20.0 * np.sinh(np.arcsinh(new.price / 20.0) - 0.5)
    before = model.predict(new.table, new.base)
    sold = np.linspace(701.0, 820.0, 400)
    model.update(new.table, fallen, base=new.base, time=sold, as_of=720.0)
    np.testing.assert_array_equal(model.predict(new.table, new.base), before)  # nothing is known within the delay
    model.update(new.table, fallen, base=new.base, time=sold, as_of=850.0)
    moved = np.arcsinh(model.predict(new.table, new.base) / 20.0) - np.arcsinh(before / 20.0)
    assert np.median(moved) == pytest.approx(-0.5, abs=0.1)
    band = model.predict_interval(new.table, 0.9, new.base)
    assert np.mean((fallen >= band[:, 0]) & (fallen <= band[:, 1])) > 0.85
    assert model.fitted_.band.newest_day == pytest.approx(820.0)


def test_dates_are_read_as_dates(make_market):
    market = make_market(60, 3)
    dates = np.datetime64("2020-01-01") + np.arange(60)
    model = ResidualValueRegressor(trees=5).fit(market.table, market.price, base=market.base, time=dates)
    assert model.fitted_.latest_day == pytest.approx(18262 + 59)


def test_weights_move_the_answer():
    table = np.zeros((60, 1))
    price = np.repeat([1.0, 2.0, 4.0], 20)
    price = price * np.exp(1e-3 * np.arange(60))
    weight = np.repeat([1.0, 1.0, 50.0], 20)
    plain = ResidualValueRegressor().fit(table, price).predict([[0.0]])[0]
    weighed = ResidualValueRegressor().fit(table, price, sample_weight=weight).predict([[0.0]])[0]
    assert plain < 2.6
    assert weighed > 3.5


def test_naming_the_estimator_or_the_loader_costs_only_what_it_needs():
    program = "import sys, models; from models import load_model; print({'sklearn', 'lightgbm'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
    with pytest.raises(ImportError):
        from models import Nothing  # noqa: F401, PLC0415 - shown to fail


def test_a_calm_month_at_the_end_does_not_narrow_the_bands_to_come():
    chance = np.random.default_rng(5)
    table = chance.normal(size=(900, 4))
    day = np.sort(chance.uniform(20_000.0, 20_900.0, size=900))
    calm = day > 20_850.0
    price = np.exp(5.0 + 0.3 * table[:, 0] + np.where(calm, 0.01, 0.2) * chance.normal(size=900))
    fitted = ResidualValueRegressor(random_state=0).fit(table, price, time=day).fitted_
    assert fitted.uses_time
    read = fitted.mean.encoder.source[fitted.width.columns]
    assert set(read.tolist()) == {0, 1, 2, 3}
    undated = ResidualValueRegressor(random_state=0).fit(table, price).fitted_
    assert set(undated.mean.encoder.source[undated.width.columns].tolist()) == {0, 1, 2, 3}
