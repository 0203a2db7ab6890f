"""Calibrated constants: each changes the value in its stated direction, and an empty calibration changes nothing."""

from dataclasses import fields

import pytest

from valuation.errors import BundleMismatch
from valuation.routes.assumptions import CHINA, EUROPE
from valuation.routes.market_calibration import CALIBRATED_CONSTANTS, RETIRED, START, apply_calibration


def test_an_empty_calibration_keeps_the_judged_constants():
    assert apply_calibration(CHINA, {}) is CHINA
    still = apply_calibration(CHINA, dict.fromkeys(CALIBRATED_CONSTANTS, 0.0))
    for field in fields(CHINA):
        before, after = getattr(CHINA, field.name), getattr(still, field.name)
        assert after == before or after == pytest.approx(before, rel=1e-15), field.name


@pytest.mark.parametrize("name", CALIBRATED_CONSTANTS)
def test_each_calibrated_constant_has_a_bounded_effect(name):
    for calibration in (
        {name: CALIBRATED_CONSTANTS[name].spread},
        {name: 50.0 if CALIBRATED_CONSTANTS[name].spread < 0 else 3.0},
        {name: -3.0},
    ):
        moved = apply_calibration(EUROPE, calibration)
        assert 0.0 <= moved.rule_of_thumb <= 1.0
        assert moved.doubt_discount >= 0.0
        assert moved.damaged_cny_per_kg >= 0.0
        assert moved.softness_cny_per_kwh > 0.0
    assert apply_calibration(EUROPE, {name: CALIBRATED_CONSTANTS[name].spread}) != EUROPE


def test_an_unknown_constant_is_refused_with_a_hint():
    with pytest.raises(BundleMismatch, match="full_moon") as refused:
        apply_calibration(CHINA, {"full_moon": 0.1})
    assert "train" in refused.value.hint


def test_start_values_belong_to_existing_constants():
    assert set(START) <= set(CALIBRATED_CONSTANTS)


def test_a_retired_constant_is_still_accepted():
    assert not RETIRED & set(CALIBRATED_CONSTANTS)
    assert apply_calibration(CHINA, {"daring": 0.4, "search": 3.0}) == apply_calibration(CHINA, {"search": 3.0})
    assert apply_calibration(CHINA, {"daring": 0.4}) == apply_calibration(
        CHINA, dict.fromkeys(CALIBRATED_CONSTANTS, 0.0)
    )
