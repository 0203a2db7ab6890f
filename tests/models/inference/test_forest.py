from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.booster.forest_text import forest_from_text
from models.inference.forest import empty_forest


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    chosen=st.fixed_dictionaries(
        {
            "zero_as_missing": st.booleans(),
            "objective": st.sampled_from(["regression", "gamma"]),
            "leaves": st.sampled_from([2, 6, 31]),
        }
    ),
)
def test_every_bit_is_lightgbms(train, random_rows, seed, chosen):
    booster = train(seed, **chosen)
    rows = random_rows(np.random.default_rng(seed + 1), 300)
    rows[:6, 0] = [np.inf, -np.inf, 1e-40, -1e-36, 1e-35, 1e300]
    rows[:4, 3] = [1e9, -5.0, 31.9, 64.0]
    forest = forest_from_text(booster.model_to_string())
    expected = booster.predict(rows, raw_score=True, num_threads=1)
    for predict in (forest.predict, forest.predict_numpy):
        assert predict(rows).tobytes() == expected.tobytes()
        assert predict(rows[7:8]).tobytes() == expected[7:8].tobytes()


def test_category_sets_are_met_at_all(train):
    assert np.any(forest_from_text(train(3).model_to_string()).is_category)


def test_a_tree_that_never_split_is_its_constant():
    rows = np.zeros((30, 2))
    booster = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(rows, np.full(30, 4.5)), 3)
    forest = forest_from_text(booster.model_to_string())
    np.testing.assert_array_equal(forest.predict(rows[:2]), booster.predict(rows[:2]))


def test_no_trees_answer_zero():
    assert empty_forest(3).predict(np.ones((2, 3))).tolist() == [0.0, 0.0]


def test_a_large_batch_is_cut_into_chunks_without_a_trace(train, random_rows, monkeypatch):
    booster = train(5, trees=20)
    forest = forest_from_text(booster.model_to_string())
    rows = random_rows(np.random.default_rng(8), 100)
    whole = forest.predict_numpy(rows)
    monkeypatch.setattr("models.inference.forest._CHUNK_CELLS", 60)
    np.testing.assert_array_equal(forest.predict_numpy(rows), whole)


@pytest.mark.parametrize("rows", [0, 1])
def test_small_batches(train, rows):
    forest = forest_from_text(train(6).model_to_string())
    assert forest.predict(np.zeros((rows, 6))).shape == (rows,)
