from __future__ import annotations

import numpy as np
import pytest

from models.fitting.fit_linear import fit_linear


def fitted(matrix, target, ranked=(), monotone=None):
    wanted = monotone or (0,) * matrix.shape[1]
    return fit_linear(matrix, target, np.ones(len(target)), ranked=ranked, monotone=wanted)


def test_a_log_linear_law_is_found():
    rng = np.random.default_rng(0)
    matrix = np.column_stack([rng.uniform(1, 100, 500), rng.integers(0, 3, 500).astype(float)])
    target = 0.5 * np.log1p(matrix[:, 0]) + np.array([0.0, 1.0, 0.3])[matrix[:, 1].astype(int)]
    part = fitted(matrix, target, ranked=(1,))
    assert np.abs(part.predict(matrix) - target).max() < 0.05


def test_monotone_directions_hold_against_the_data():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(300, 2))
    target = -matrix[:, 0] + 0.5 * matrix[:, 1]
    part = fitted(matrix, target, monotone=(1, 1))
    sweep = np.column_stack([np.linspace(-6, 6, 200), np.zeros(200)])
    assert np.all(np.diff(part.predict(sweep)) >= 0.0)
    sweep = sweep[:, ::-1]
    assert np.all(np.diff(part.predict(sweep)) >= 0.0)
    assert part.predict(sweep)[-1] > part.predict(sweep)[0] + 1.0


def test_effects_add_up():
    rng = np.random.default_rng(2)
    matrix = rng.normal(size=(200, 3))
    matrix[::7, 1] = np.nan
    part = fitted(matrix, matrix[:, 0] ** 2 + rng.normal(size=200))
    effects = part.effects(matrix, 3)
    base = part.intercept + float(np.sum(part.mean * part.coefficient))
    np.testing.assert_allclose(base + effects.sum(axis=1), part.predict(matrix), atol=1e-10)


@pytest.mark.parametrize("far", [1e9, -1e9, 1e300])
def test_far_outside_experience_it_does_not_run_away(far):
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(200, 1))
    part = fitted(matrix, 2.0 * matrix[:, 0])
    assert abs(part.predict(np.array([[far]]))[0]) < 20.0


def test_constant_columns_give_the_mean():
    part = fitted(np.ones((10, 2)), np.arange(10.0))
    assert part.predict(np.zeros((1, 2))).tolist() == [4.5]


def test_many_rows_equal_few_rows_bit_for_bit():
    rng = np.random.default_rng(2)
    matrix = np.column_stack([rng.normal(size=(700, 3)) * 100.0, rng.integers(0, 3, 700).astype(float)])
    matrix[rng.random((700, 4)) < 0.1] = np.nan
    part = fitted(matrix, rng.normal(size=700), ranked=(3,), monotone=(0, 1, 0, 0))
    few = np.concatenate([part.predict(matrix[start : start + 70]) for start in range(0, 700, 70)])
    assert part.predict(matrix).tobytes() == few.tobytes()


def test_sales_listed_in_copies_weigh_once():
    chance = np.random.default_rng(8)
    matrix = chance.normal(size=(60, 4))
    target = matrix[:, 0] + chance.normal(size=60)
    once = fit_linear(matrix, target, np.ones(60), ranked=(), monotone=(0,) * 4)
    thrice = fit_linear(
        np.tile(matrix, (3, 1)), np.tile(target, 3), np.ones(180), ranked=(), monotone=(0,) * 4, copies=3
    )
    np.testing.assert_allclose(thrice.coefficient, once.coefficient, rtol=1e-9)
