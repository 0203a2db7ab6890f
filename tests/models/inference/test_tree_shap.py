from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.booster.forest_text import forest_from_text
from models.inference.explanation.tree_shap import Attribution
from models.inference.forest import empty_forest
from models.kernel import library
from models.kernel.library import open_kernel
from models.kernel.native_forest import prepare

HIGHEST = library.kernel()
LEVELS = [] if HIGHEST is None else ["baseline", "v3", "v4"][: ["baseline", "v3", "v4"].index(HIGHEST.level) + 1]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), leaves=st.sampled_from([2, 6, 31]), zero_as_missing=st.booleans())
def test_effects_are_lightgbms_contributions(train, random_rows, seed, leaves, zero_as_missing):
    booster = train(seed, leaves=leaves, zero_as_missing=zero_as_missing)
    rows = random_rows(np.random.default_rng(seed + 1), 20)
    attribution = Attribution(forest_from_text(booster.model_to_string()))
    expected = booster.predict(rows, pred_contrib=True)
    np.testing.assert_allclose(attribution.effects(rows), expected[:, :-1], atol=1e-10, rtol=0)
    np.testing.assert_allclose(attribution.expected, expected[0, -1], atol=1e-10, rtol=0)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), leaves=st.sampled_from([2, 31, 200]), bins=st.sampled_from([255, 1023]))
def test_every_level_of_the_kernel_and_numpy_have_the_same_bits(train, random_rows, seed, leaves, bins):
    forest = forest_from_text(
        train(seed, leaves=leaves, max_bin=bins, zero_as_missing=bool(seed % 2)).model_to_string()
    )
    rows = random_rows(np.random.default_rng(seed + 1), 12)
    expected = Attribution(forest).effects_numpy(rows)
    for level in LEVELS:
        program = prepare(forest, open_kernel(level))
        attribution = Attribution(replace(forest), program)
        assert attribution.effects(rows).tobytes() == expected.tobytes()
        assert attribution.effects_numpy(rows).tobytes() == expected.tobytes()


def chain(splits):
    """Return one tree that splits on each feature once, one below the other."""
    nodes = 2 * splits + 1
    itself = np.arange(nodes)
    left, right = itself.copy(), itself.copy()
    left[:splits], right[:splits] = splits + np.arange(splits), np.append(np.arange(1, splits), nodes - 1)
    features = np.where(itself < splits, itself, 0)
    cover = np.where(itself < splits, splits + 1.0 - itself, 1.0)
    return replace(
        empty_forest(splits), roots=np.zeros(1, dtype=np.int64), split_feature=features, threshold=np.zeros(nodes),
        left=left, right=right, default_left=np.zeros(nodes, dtype=np.bool_), missing=np.zeros(nodes, dtype=np.int64),
        is_category=np.zeros(nodes, dtype=np.bool_), category_start=np.zeros(nodes, dtype=np.int64),
        category_words=np.zeros(nodes, dtype=np.int64), value=np.where(itself < splits, 0.0, np.sin(itself)),
        cover=cover, depth=splits,
    )  # fmt: skip


@pytest.mark.parametrize("splits", [63, 64, 65, 90])
def test_long_paths_are_explained_within_the_kernels_room_and_beyond(splits):
    forest, rng = chain(splits), np.random.default_rng(splits)
    rows = np.where(rng.random((5, splits)) < 0.05, -1.0, 1.0)
    attribution = Attribution(forest)
    assert max(group.places for group in attribution._paths.groups) == splits
    effects = attribution.effects(rows)
    assert effects.tobytes() == attribution.effects_numpy(rows).tobytes()
    np.testing.assert_allclose(attribution.expected + effects.sum(axis=1), forest.predict(rows), atol=1e-12)


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
