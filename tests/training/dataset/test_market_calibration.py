"""Market calibration: deviations are recovered, shrunk with few sales, and used in every later price."""

from dataclasses import replace

import numpy as np

from training.dataset.market_calibration import fit_market_calibration
from training.fit_model import CORE_FEATURES, forecast, frame, learn
from valuation import features
from valuation.pack.design_sizes import DESIGN_MARK
from valuation.routes.market_calibration import CALIBRATED_CONSTANTS


def _priced_by(sales, calibration):
    """Sales of a market in which every price is the structural value with given deviations."""
    fetched = sales.with_calibration(calibration)
    return replace(sales, price_cny=fetched.structural * fetched.energy_kwh)


def test_known_deviations_of_the_constants_are_recovered(sales, config):
    calibration = {"repurposing_cost": -0.25, "second_life_lfp": 0.2, "rule_of_thumb": 0.8}
    priced_sales = _priced_by(sales, calibration)
    found = fit_market_calibration(priced_sales, config)
    before = np.mean(np.abs(priced_sales.structural - priced_sales.price))
    after = np.mean(np.abs(priced_sales.with_calibration(found).structural - priced_sales.price))
    assert after < 0.25 * before
    assert found["second_life_lfp"] > 0.05
    assert found["rule_of_thumb"] > 0.4


def test_without_deviations_the_constants_stay_at_their_defaults(sales, config):
    priced_sales = _priced_by(sales, {})
    found = fit_market_calibration(priced_sales, config)
    after = priced_sales.with_calibration(found)
    assert np.median(np.abs(after.structural / priced_sales.price - 1.0)) < 0.01


def test_few_sales_move_the_constants_less_than_their_spread(sales, config):
    found = fit_market_calibration(sales.where(np.arange(len(sales)) < 5), config)
    assert {name for name in found if not name.startswith(DESIGN_MARK)} == set(CALIBRATED_CONSTANTS)
    for name, constant in CALIBRATED_CONSTANTS.items():
        assert abs(found[name]) < 2.5 * constant.spread


def test_calibration_can_be_switched_off(sales, config):
    assert fit_market_calibration(sales, replace(config, market_calibration_rows=0)) == {}


def test_code_only_packs_get_the_rated_energy_of_their_design(sales, augmentation, config):
    whole = fit_market_calibration(sales, config)
    rated = [name for name in whole if name.startswith(DESIGN_MARK)]
    assert rated
    bare = augmentation.where(augmentation.degradation == 0.0)
    on_plate = sales.matrix[:, features.NAMES.index("energy_log_sd")] == 0.0
    size = dict(zip(sales.packs, np.where(on_plate, sales.energy_kwh, np.nan).tolist(), strict=True))
    right = np.array([size[pack] for pack in bare.packs])
    with_code = np.array([f"{DESIGN_MARK}{pack[:7]}" in whole for pack in bare.packs]) & ~np.isnan(right)
    calibrated = bare.with_calibration(whole)
    assert with_code.any()
    np.testing.assert_allclose(calibrated.energy_kwh[with_code], right[with_code], rtol=0.15)
    assert np.median(np.abs(bare.energy_kwh / right - 1.0)[with_code]) > 0.15  # which a code alone does not tell


def test_the_same_sales_give_the_same_calibration(sales, config):
    few = sales.where(np.arange(len(sales)) < 120)
    assert fit_market_calibration(few, config) == fit_market_calibration(few, config)


def test_fit_and_forecast_use_the_calibrated_constants(sales, augmentation, config):
    known = sales.sold_day <= np.median(sales.sold_day)
    estimator = learn(sales.where(known), augmentation, config)
    assert estimator.calibration_ == fit_market_calibration(sales.where(known), config)
    later = sales.where(~known)
    calibrated = later.with_calibration(estimator.calibration_)
    predicted, again = forecast(estimator, later, 0.9), forecast(estimator, calibrated, 0.9)
    np.testing.assert_array_equal(predicted.point, again.times(calibrated.energy_kwh / later.energy_kwh).point)
    np.testing.assert_allclose(predicted.price, later.price, rtol=1e-12)  # whatever is learned of a pack's size
    bare = estimator.predict(frame(later.matrix), base=later.structural, groups=list(later.groups))
    assert not np.allclose(bare, predicted.point)


def test_recalibration_keeps_records_degraded(augmentation):
    calibrated = augmentation.with_calibration({"repurposing_cost": 0.3})
    np.testing.assert_array_equal(calibrated.tier, augmentation.tier)
    np.testing.assert_array_equal(calibrated.price_cny, augmentation.price_cny)
    np.testing.assert_array_equal(calibrated.with_calibration({}).matrix, augmentation.matrix)
    assert not np.array_equal(calibrated.structural, augmentation.structural)


def test_with_few_sales_only_core_features_are_used(sales, config):
    few = sales.where(np.arange(len(sales)) < 120)
    estimator = learn(few, None, config)
    asked = sales.where(np.arange(len(sales)) >= 120)
    predicted = forecast(estimator, asked, 0.9)
    masked = asked.with_calibration(estimator.calibration_)
    unheard = [place for place, name in enumerate(features.NAMES) if name not in CORE_FEATURES]
    matrix = masked.matrix.copy()
    matrix[:, unheard] = np.nan
    point = estimator.predict(frame(matrix), base=masked.structural, groups=list(masked.groups))
    np.testing.assert_array_equal(point * (masked.energy_kwh / asked.energy_kwh), predicted.point)
    error = np.abs(predicted.point - asked.price).sum() / np.abs(asked.structural - asked.price).sum()
    assert error < 1.0
