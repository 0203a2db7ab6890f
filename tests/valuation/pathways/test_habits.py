"""Moved constants: each habit moves the value the way its name says, and none moves nothing."""

from dataclasses import fields

import pytest

from valuation.errors import BundleMismatch
from valuation.pathways.assumptions import CHINA, EUROPE
from valuation.pathways.habits import HABITS, RETIRED, START, tuned


def test_no_habits_leave_the_judged_constants_as_they_are():
    assert tuned(CHINA, {}) is CHINA
    still = tuned(CHINA, dict.fromkeys(HABITS, 0.0))
    for field in fields(CHINA):
        before, after = getattr(CHINA, field.name), getattr(still, field.name)
        assert after == before or after == pytest.approx(before, rel=1e-15), field.name


@pytest.mark.parametrize("name", HABITS)
def test_each_habit_moves_a_constant_and_stays_sane(name):
    for habits in ({name: HABITS[name].spread}, {name: 50.0 if HABITS[name].spread < 0 else 3.0}, {name: -3.0}):
        moved = tuned(EUROPE, habits)
        assert 0.0 <= moved.rule_of_thumb <= 1.0
        assert moved.doubt_discount >= 0.0
        assert moved.damaged_cny_per_kg >= 0.0
        assert moved.softness_cny_per_kwh > 0.0
    assert tuned(EUROPE, {name: HABITS[name].spread}) != EUROPE


def test_a_habit_of_another_version_is_refused_with_the_way_out():
    with pytest.raises(BundleMismatch, match="full_moon") as refused:
        tuned(CHINA, {"full_moon": 0.1})
    assert "train" in refused.value.hint


def test_the_search_begins_at_habits_that_exist():
    assert set(START) <= set(HABITS)


def test_a_habit_that_moves_nothing_any_more_is_still_read():
    assert not RETIRED & set(HABITS)
    assert tuned(CHINA, {"daring": 0.4, "search": 3.0}) == tuned(CHINA, {"search": 3.0})
    assert tuned(CHINA, {"daring": 0.4}) == tuned(CHINA, dict.fromkeys(HABITS, 0.0))
