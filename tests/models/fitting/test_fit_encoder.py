from __future__ import annotations

import numpy as np

from models.fitting.fit_encoder import EncoderTarget, column_kinds, fit_crossfitted, learn_encoder
from models.inference.column_encoder import NEVER_SEEN
from models.inference.encoding import AVERAGED, NUMBER, RANKED


def lesson(target):
    return EncoderTarget(target=target, rest=target, weight=np.ones(len(target)), together=None, seed=0)


def market(rows=2000):
    rng = np.random.default_rng(0)
    few, many = rng.integers(0, 4, rows).astype(float), rng.integers(0, 60, rows).astype(float)
    level = rng.normal(size=60)
    target = np.array([3.0, 1.0, 2.0, 0.0])[few.astype(int)] + level[many.astype(int)] + 0.1 * rng.normal(size=rows)
    number = rng.normal(size=rows)
    return np.column_stack([number, few, many]), target, level


def test_kinds_follow_the_number_of_levels():
    codes, _, _ = market()
    assert column_kinds(codes, (False, True, True)) == (NUMBER, RANKED, AVERAGED)


def test_few_levels_are_ranked_by_their_mean_target():
    codes, target, _ = market()
    encoder, _ = learn_encoder(codes, (NUMBER, RANKED, AVERAGED), lesson(target))
    rows = np.array([[0.0, level, 0.0] for level in (3.0, 1.0, 2.0, 0.0, 9.0, np.nan, NEVER_SEEN)])
    np.testing.assert_array_equal(encoder.encode(rows)[:, 1], [0, 1, 2, 3, np.nan, np.nan, np.nan])


def test_many_levels_become_their_mean_and_count():
    codes, target, level = market()
    encoder, encoded = learn_encoder(codes, (NUMBER, RANKED, AVERAGED), lesson(target))
    assert encoder.source.tolist() == [0, 1, 2, 2, 2]
    of_row = level[codes[:, 2].astype(int)]
    assert np.corrcoef(encoded[:, 2], of_row)[0, 1] > 0.85
    assert np.corrcoef(encoded[:, 3], of_row)[0, 1] > 0.99  # net of what the rank explains
    strange = encoder.encode(np.array([[0.0, 0.0, 99.0], [0.0, 0.0, np.nan]]))
    np.testing.assert_allclose(strange[:, 2], target.mean())
    np.testing.assert_array_equal(strange[:, 3:], 0.0)


def test_no_row_is_encoded_with_its_own_price():
    rng = np.random.default_rng(1)
    target = rng.normal(size=400)
    codes = np.repeat(np.arange(200.0), 2)[:, np.newaxis]
    _, encoded = learn_encoder(codes, (AVERAGED,), lesson(target))
    assert abs(np.corrcoef(encoded[:, 0], target)[0, 1]) < 0.3  # noise; a row that saw itself: 0.7


def test_a_number_never_missing_in_training_is_filled_with_the_median():
    codes = np.column_stack([np.arange(9.0), np.where(np.arange(9) == 3, np.nan, 1.0)])
    encoder, _ = learn_encoder(codes, (NUMBER, NUMBER), lesson(np.zeros(9)))
    np.testing.assert_array_equal(encoder.encode(np.full((1, 2), np.nan))[0], [4.0, np.nan])


def test_columns_of_counts_are_known_by_place():
    codes, target, _ = market()
    encoder, encoded = learn_encoder(codes, (NUMBER, RANKED, AVERAGED), lesson(target))
    assert encoder.count_columns().tolist() == [4]
    counts = np.bincount(codes[:, 2].astype(int))[codes[:, 2].astype(int)]
    np.testing.assert_allclose(np.expm1(encoded[:, 4]), counts, rtol=0.4)  # cross-fitted and scaled back up


def test_each_averaged_column_explains_the_rest_of_the_others():
    rng = np.random.default_rng(5)
    maker = rng.integers(0, 20, 3000).astype(float)
    model = maker * 5 + rng.integers(0, 5, 3000)
    target = rng.normal(size=20)[maker.astype(int)] + 0.1 * rng.normal(size=3000)  # the model itself adds nothing
    encoder, _ = learn_encoder(np.column_stack([maker, model]), (AVERAGED, AVERAGED), lesson(target))
    assert np.std(encoder.levels[0].excess) > 0.5
    assert np.std(encoder.levels[1].excess) < 0.1


def test_encoded_copies_differ_only_in_target_statistics():
    chance = np.random.default_rng(3)
    codes = np.column_stack([chance.normal(size=400), chance.integers(0, 30, 400)]).astype(np.float64)
    target = codes[:, 0] + codes[:, 1] / 10.0 + chance.normal(size=400)
    encoder, (first, second) = fit_crossfitted(codes, (NUMBER, AVERAGED), lesson(target), 2)
    alone, encoded = learn_encoder(codes, (NUMBER, AVERAGED), lesson(target))
    assert first.tobytes() == encoded.tobytes()
    assert encoder.encode(codes).tobytes() == alone.encode(codes).tobytes()
    assert second[:, 0].tobytes() == first[:, 0].tobytes()
    assert np.mean(second[:, 1] != first[:, 1]) > 0.5


def test_without_target_statistics_there_is_one_copy():
    _, copies = fit_crossfitted(np.arange(40.0)[:, np.newaxis], (NUMBER,), lesson(np.arange(40.0)), 3)
    assert len(copies) == 1
