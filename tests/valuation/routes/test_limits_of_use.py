"""Limits of use by the day, the chemistry and the country, as conditions of the routes of an answer."""

from pathlib import Path

import pytest

from valuation.appraisal import appraise
from valuation.ingest import read_market, read_trace
from valuation.pack.chemistry import CHEMISTRY_CODE
from valuation.routes.limits_of_use import LIMITS, conditions_of

ROOT = Path(__file__).parents[3]
BEFORE, AFTER = 20543.0, 20544.0  # 2026-03-31 and 2026-04-01


def ids(route, chemistry, day, country="CN"):
    return [one.id for one in conditions_of(route, int(CHEMISTRY_CODE[chemistry]), day, country)]


@pytest.mark.parametrize(
    ("route", "chemistry", "day", "expected"),
    [
        ("second_life", "LFP", 19173.0, []),
        ("second_life", "LFP", 19174.0, ["L02"]),
        ("second_life", "NMC523", 19174.0, ["L01"]),
        ("second_life", "LFP", BEFORE, ["L02"]),
        ("second_life", "LFP", AFTER, ["L02", "L03", "L04"]),
        ("second_life", "NMC811", AFTER, ["L01", "L03", "L04"]),
        ("recycling", "LFP", BEFORE, []),
        ("recycling", "LFP", AFTER, ["L04"]),
        ("reuse", "LFP", AFTER, []),
    ],
)
def test_a_limit_holds_from_its_day_for_its_route_and_chemistry(route, chemistry, day, expected):
    assert ids(route, chemistry, day) == expected


def test_chinese_limits_do_not_hold_in_europe():
    assert ids("second_life", "NMC811", AFTER, "EU") == []


def test_an_answer_states_the_conditions_of_each_route_in_both_languages():
    market = read_market(ROOT / "data_samples" / "quotes.csv")
    traces = read_trace(ROOT / "data_samples" / "lfp_taxi.json")
    answer = appraise(traces, market, as_of="2026-11-20")
    stated = {route.route: [one.id for one in route.conditions] for route in answer.routes}
    assert stated == {"recycling": ["L04"], "second_life": ["L02", "L03", "L04"], "reuse": []}
    bicycles = answer.routes[1].conditions[1]
    assert (bicycles.message_en, bicycles.message_zh) == ("not in electric bicycles", "不得用于电动自行车")


def test_every_limit_has_its_sentence():
    for limit in LIMITS:
        (route, *_) = limit.routes
        chemistry = "NMC523" if limit.families else "LFP"
        assert limit.id in ids(route, chemistry, limit.from_day)
