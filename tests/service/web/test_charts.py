"""Charts: nothing exceeds the chart for any amounts, and the bars of a waterfall connect."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.web.charts import band_chart, round_steps, waterfall
from valuation.result import Band, Driver, RouteValue

amounts = st.floats(-1e7, 1e7, allow_nan=False).map(lambda value: round(value, 2))


@given(st.lists(amounts, min_size=5, max_size=5).map(sorted), amounts)
def test_band_chart_stays_inside_and_in_order(five, route):
    band = Band(
        point=five[2],
        lower=five[0],
        upper=five[4],
        level=0.9,
        per_kwh=1.0,
        quantiles={"0.25": five[1], "0.75": five[3]},
    )
    chart = band_chart(band, [RouteValue(route="reuse", value=route, probability=1.0, open=True, blocked_by=())])
    assert chart.half is not None
    for bar in (chart.band, chart.half):
        assert bar.at >= 0.0
        assert bar.at + bar.width <= 100.3
    assert chart.band.at <= chart.half.at <= chart.point.at + 1e-3
    assert all(-1e-6 <= tick.at <= 100.0 + 1e-6 for tick in chart.ticks)


def test_a_closed_route_is_not_drawn():
    band = Band(point=1.0, lower=0.0, upper=2.0, level=0.9, per_kwh=1.0, quantiles={})
    closed = RouteValue(route="reuse", value=99.0, probability=0.0, open=False, blocked_by=("K04",))
    assert band_chart(band, [closed]).routes == ()


@given(amounts, st.lists(amounts, max_size=40))
def test_waterfall_adds_up_and_its_bars_join(base, effects):
    drivers = [
        Driver(feature=str(place), label_en="x", label_zh="x", effect_cny=effect)
        for place, effect in enumerate(effects)
    ]
    point = base + sum(effects)
    steps = waterfall(base, drivers, point)
    assert len(steps) <= 13
    assert sum(step.amount for step in steps[:-1]) == pytest.approx(point, abs=1e-4)
    assert all(step.bar.at >= 0.0 and step.bar.at + step.bar.width <= 100.3 for step in steps)
    for one, following in pairwise(steps):
        ends = (one.bar.at, one.bar.at + one.bar.width)
        starts = (following.bar.at, following.bar.at + following.bar.width)
        assert min(abs(end - start) for end in ends for start in starts) < 0.6


@given(amounts, st.floats(0.01, 1e6))
def test_axis_steps_are_few_and_inside(low, span):
    steps = round_steps(low, low + span)
    assert 1 <= len(steps) <= 7
    assert all(low - span * 1e-6 <= step <= low + span * (1 + 1e-6) for step in steps)
