from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.drift import binomial_lower_count, reference_of, shifts


def drawn(seed, rows=1000, centre=0.0):
    return np.random.default_rng(seed).normal(centre, 1.0, rows)


def test_samples_of_one_distribution_have_not_moved():
    for seed in range(30):
        (shift,) = shifts(reference_of({"x": drawn(seed)}), {"x": drawn(seed + 100, rows=300)})
        assert not shift.moved


def test_a_shift_by_a_standard_deviation_is_found():
    (shift,) = shifts(reference_of({"x": drawn(1)}), {"x": drawn(2, centre=1.0)})
    assert shift.moved
    assert 0.3 < shift.ks < 0.45  # the distance of two normals a standard deviation apart is 0.383


def test_a_column_that_becomes_missing_has_moved():
    column = drawn(1)
    now = np.where(np.arange(1000) % 2 == 0, np.nan, column)
    (shift,) = shifts(reference_of({"x": column}), {"x": now})
    assert shift.moved
    assert (shift.missing_then, shift.missing_now) == (0.0, 0.5)


def test_a_new_category_is_seen():
    then = np.array([0.0, 1.0] * 300)
    summary = reference_of({"chemistry": then}, ["chemistry"])
    (same,) = shifts(summary, {"chemistry": then})
    (other,) = shifts(summary, {"chemistry": np.array([0.0, 1.0, 7.0] * 200)})
    assert same.psi == 0.0
    assert other.moved


def test_few_packs_are_not_called_drift():
    (shift,) = shifts(reference_of({"x": drawn(1)}), {"x": drawn(2, rows=8)})
    assert not shift.moved


@given(st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=60))
def test_a_summary_survives_json_and_the_same_column_has_never_moved(values):
    column = np.array(values)
    summary = json.loads(json.dumps(reference_of({"x": column})))
    (shift,) = shifts(summary, {"x": column})
    assert shift.psi == pytest.approx(0.0, abs=1e-6)
    assert shift.ks == pytest.approx(0.0, abs=1e-6)


def test_the_farthest_comes_first_and_unknown_columns_are_left_out():
    summary = reference_of({"near": drawn(1), "far": drawn(2)})
    found = shifts(summary, {"near": drawn(3), "far": drawn(4, centre=2.0), "new": drawn(5)})
    assert [shift.name for shift in found] == ["far", "near"]


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_a_valid_band_is_rejected_at_the_nominal_rate(level):
    least = binomial_lower_count(200, level, 0.05)
    held = np.random.default_rng(1).binomial(200, level, 20_000)
    assert 0.01 < np.mean(held < least) <= 0.055
