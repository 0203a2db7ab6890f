import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, scale_sd, to_scale

prices = st.floats(-2000.0, 5000.0)


@given(prices)
def test_from_scale_inverts_to_scale(price):
    column = np.array([price])
    assert from_scale(to_scale(column)) == pytest.approx(column, rel=1e-12, abs=1e-12)


@given(prices)
def test_it_is_the_inverse_hyperbolic_sine(price):
    assert to_scale(np.array([price]))[0] == pytest.approx(math.asinh(price / LINEAR_THRESHOLD_CNY_PER_KWH), abs=1e-14)


@given(prices, st.floats(0.01, 5.0))
def test_a_small_spread_follows_the_slope_of_the_scale(price, sd):
    step = 1e-4
    ends = to_scale(np.array([price - step * sd, price + step * sd]))
    assert scale_sd(np.array([price]), np.array([sd]))[0] == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-5)
