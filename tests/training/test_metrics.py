"""Metrics of a forecast, compared with a manual calculation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import LEAST_SALES, SMALL_CNY_PER_KWH, Forecast, score_by_segment, score_forecast


def forecast_of(price, point, lower, upper):
    return Forecast(price=np.array(price), point=np.array(point), lower=np.array(lower), upper=np.array(upper))


def test_metrics_match_a_manual_calculation():
    scores = score_forecast(forecast_of([100.0, 200.0], [110.0, 180.0], [90.0, 205.0], [120.0, 225.0]), 0.9)
    assert scores.sales == 2
    assert scores.coverage == 0.5
    assert scores.mape == pytest.approx((0.1 + 0.1) / 2)
    assert scores.wape == pytest.approx(30.0 / 300.0)
    assert scores.bias == pytest.approx(-10.0 / 300.0)
    assert scores.mean_width_per_kwh == 25.0
    assert scores.relative_width == pytest.approx(50.0 / 300.0)
    assert scores.interval_score_per_kwh == pytest.approx((30.0 + 20.0 + 2.0 / 0.1 * 5.0) / 2)


def test_a_price_near_zero_is_left_out_of_mape_and_an_edge_is_inside():
    scores = score_forecast(forecast_of([1.0, 50.0], [9.0, 50.0], [1.0, 50.0], [9.0, 50.0]), 0.9)
    assert scores.mape == 0.0
    assert scores.coverage == 1.0
    nothing = score_forecast(forecast_of([1.0], [1.0], [1.0], [1.0]), 0.9)
    assert math.isnan(nothing.mape)
    assert SMALL_CNY_PER_KWH > 1.0


@given(st.floats(0.55, 0.95), st.floats(0.0, 30.0))
def test_the_score_is_best_for_the_band_with_nominal_coverage(level, off):
    price = np.linspace(0.0, 100.0, 1001)
    half = 50.0 * level

    def score(half_width):
        middle = np.full(1001, 50.0)
        return score_forecast(
            Forecast(price=price, point=middle, lower=middle - half_width, upper=middle + half_width), level
        ).interval_score_per_kwh

    # a grid of prices 0.1 apart is no continuum
    assert score(half) <= score(half + off) + 0.01
    assert score(half) <= score(max(half - off, 0.0)) + 0.3


def test_segments_with_few_sales_are_not_scored():
    rows = LEAST_SALES + 3
    ones = np.ones(rows) * 100.0
    forecast = Forecast(price=ones, point=ones + np.arange(rows), lower=ones, upper=ones)
    segments = ["many"] * LEAST_SALES + ["few"] * 3
    by_name = score_by_segment(forecast, segments, 0.9)
    assert list(by_name) == ["many"]
    assert by_name["many"].sales == LEAST_SALES
    assert by_name["many"].mape == pytest.approx(np.arange(LEAST_SALES).mean() / 100.0)
