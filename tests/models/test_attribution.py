from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.attribution import Attribution
from models.forest import empty_forest
from models.forest_text import forest_from_text


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), leaves=st.sampled_from([2, 6, 31]), zero_as_missing=st.booleans())
def test_effects_are_lightgbms_contributions(train, random_rows, seed, leaves, zero_as_missing):
    booster = train(seed, leaves=leaves, zero_as_missing=zero_as_missing)
    rows = random_rows(np.random.default_rng(seed + 1), 20)
    attribution = Attribution(forest_from_text(booster.model_to_string()))
    expected = booster.predict(rows, pred_contrib=True)
    np.testing.assert_allclose(attribution.effects(rows), expected[:, :-1], atol=1e-10, rtol=0)
    np.testing.assert_allclose(attribution.expected, expected[0, -1], atol=1e-10, rtol=0)


def test_effects_add_up_to_the_answer(train, random_rows):
    forest = forest_from_text(train(11, trees=40).model_to_string())
    rows = random_rows(np.random.default_rng(3), 50)
    attribution = Attribution(forest)
    whole = attribution.expected + attribution.effects(rows).sum(axis=1)
    np.testing.assert_allclose(whole, forest.predict(rows), atol=1e-12)


def test_one_row_equals_its_row_in_a_batch(train, random_rows):
    attribution = Attribution(forest_from_text(train(12).model_to_string()))
    rows = random_rows(np.random.default_rng(4), 30)
    np.testing.assert_array_equal(attribution.effects(rows[5:6])[0], attribution.effects(rows)[5])


def test_an_empty_forest_has_no_effects():
    attribution = Attribution(empty_forest(3))
    assert attribution.effects(np.ones((2, 3))).tolist() == [[0.0] * 3] * 2


def test_a_row_of_a_full_forest_takes_milliseconds(train, random_rows):
    attribution = Attribution(forest_from_text(train(13, trees=400, leaves=31).model_to_string()))
    row = random_rows(np.random.default_rng(5), 1)
    best = min(_seconds(lambda: attribution.effects(row)) for _ in range(7))
    assert best < 0.03  # 10 ms on a quiet machine; three times that leaves room for a busy one


def _seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
