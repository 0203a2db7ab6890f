"""The learned premium is shrunk to the part that later sales confirm."""

import numpy as np
import pytest

from models.estimator import ResidualValueRegressor
from models.fitting.shrinkage import Shrinkage, fit_shrinkage

ONES = np.ones(4000)


def told_and_true(share, seed=0):
    chance = np.random.default_rng(seed)
    told = chance.normal(size=4000)
    return told, share * told + chance.normal(size=4000)


def test_premiums_confirmed_by_later_sales_are_kept():
    told, true = told_and_true(0.7)
    assert fit_shrinkage([(told, true, ONES)], 0.0).share == pytest.approx(0.715, abs=0.04)


def test_a_shifted_level_does_not_change_the_shrinkage():
    stretches = [(told, true + shift, ONES) for shift in (0.0, 5.0, -9.0) for told, true in [told_and_true(1.0)]]
    assert fit_shrinkage(stretches, 0.0).share > 0.95


def test_shrinkage_is_at_most_one_and_one_without_later_sales():
    told, true = told_and_true(1.6)
    assert fit_shrinkage([(told, true, ONES)], 0.0).share == 1.0
    told, true = told_and_true(-1.0)
    assert 0.5 <= fit_shrinkage([(told, true, ONES)], 0.0).share < 0.55
    assert fit_shrinkage([], 0.0).share == 1.0


def dated(*, drifting):
    """Return a market in which the effect of a column is constant, or reverses every year."""
    chance = np.random.default_rng(4)
    day = np.sort(chance.uniform(0.0, 1500.0, 1500))
    matrix = chance.normal(size=(1500, 3))
    slope = np.where((day // 365).astype(int) % 2, -0.3, 0.5) if drifting else 0.5
    structural = np.exp(5.0 + 0.2 * chance.normal(size=1500))
    price = structural * np.exp(slope * matrix[:, 0] + 0.1 * chance.normal(size=1500))
    fitted = ResidualValueRegressor(random_state=0, trees=60).fit(matrix, price, time=day, base=structural)
    asked = np.column_stack([np.linspace(-2.0, 2.0, 50), np.zeros(50), np.zeros(50)])
    return np.ptp(np.log(fitted.predict(asked, base=np.full(50, 150.0))))


def test_changing_preferences_increase_shrinkage():
    assert dated(drifting=False) > 1.3
    assert dated(drifting=True) < 0.8


def test_shrinkage_within_the_mean_equals_shrinkage_of_its_prediction(estimator):
    state = estimator.fitted_
    codes = np.full((5, len(state.vocabulary.names)), np.nan)
    encoded = state.encode(codes)
    carry = Shrinkage(share=0.6, level=0.3)
    np.testing.assert_allclose(
        carry.within(state.mean).predict(encoded), carry.of(state.mean.predict(encoded)), rtol=0.0, atol=1e-12
    )
