from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.inference.price_scale import LOG, SIGNED_LOG, choose_scale
from valuation.numeric.asinh_scale import from_scale, to_scale


@given(st.floats(-1e6, 1e6), st.floats(0.01, 1e4))
def test_there_and_back(value, softening):
    back = from_scale(to_scale(np.array([value]), softening), softening)[0]
    assert back == pytest.approx(value, rel=1e-12, abs=1e-12 * softening)  # a few roundings of two series


@given(st.lists(st.floats(-1e5, 1e5), min_size=2, max_size=20))
def test_order_is_kept(values):
    scaled = to_scale(np.sort(np.array(values)), 7.0)
    assert np.all(np.diff(scaled) >= 0.0)


def test_positive_prices_without_base_take_the_logarithm():
    assert choose_scale(np.array([1.0, 5.0]), None, None).kind == LOG


@pytest.mark.parametrize("value", [np.array([-1.0, 5.0]), np.array([0.0, 5.0]), np.zeros(4)])
def test_others_take_the_signed_logarithm(value):
    scale = choose_scale(value, None, None)
    assert scale.kind == SIGNED_LOG
    assert scale.softening > 0.0


def test_a_structural_value_takes_the_signed_logarithm_even_of_positive_prices():
    assert choose_scale(np.array([1.0, 5.0]), np.array([1.0, 4.0]), None).kind == SIGNED_LOG


def test_the_softening_follows_the_noise():
    rng = np.random.default_rng(0)
    base = rng.uniform(-50.0, 200.0, 4000)
    absolute = choose_scale(base + 15.0 * rng.standard_normal(4000), base, None).softening
    big = np.exp(rng.normal(4.0, 1.5, 4000))
    relative = choose_scale(big * np.exp(0.1 * rng.standard_normal(4000)), big, None).softening
    assert absolute > 100.0  # noise alike at every price: all of the range is straight
    assert relative < np.median(big) / 8.0  # noise in per cent: hardly any is


def test_a_chosen_softening_is_kept():
    assert choose_scale(np.array([1.0, 5.0]), None, 12.5).softening == 12.5


def test_the_way_back_is_finite_everywhere():
    for scale in (choose_scale(np.array([1.0, 2.0]), None, None), choose_scale(np.array([-1.0, 2.0]), None, None)):
        assert np.all(np.isfinite(scale.back(np.array([-1e9, 0.0, 1e9]))))
