"""The scale model: residuals with and without the group of a sale are kept apart."""

from __future__ import annotations

import numpy as np
import pytest

from models.booster.boosting import width_settings
from models.fitting.folds import assign_folds
from models.fitting.scale_model import OutOfFoldResiduals, fit_scale_model

SALES, COLUMNS = 1500, 12


def residuals_of(size: np.ndarray, encoded: np.ndarray) -> OutOfFoldResiduals:
    """Return sales residuals twice, that fall nearly alike both times."""
    chance = np.random.default_rng(4)
    rows = np.tile(np.arange(SALES), 2)
    group = np.arange(SALES) // 5
    residual = size * chance.standard_normal(SALES)
    return OutOfFoldResiduals(
        rows=rows,
        encoded=encoded[rows],
        mean=np.zeros(2 * SALES),
        residual=np.append(residual, 1.1 * residual),
        weight=np.ones(2 * SALES),
        fold=assign_folds(SALES, 5, 0)[rows],
        group_fold=assign_folds(SALES, 3, 0, group)[rows],
        left_out=rows != np.arange(2 * SALES),
    )


@pytest.fixture(scope="module")
def encoded() -> np.ndarray:
    return np.random.default_rng(3).standard_normal((SALES, COLUMNS))


def widths(residuals: OutOfFoldResiduals) -> np.ndarray:
    growth = width_settings(len(residuals.rows), seed=0, threads=1)
    return fit_scale_model(residuals, np.zeros(COLUMNS, dtype=np.int64), growth, np.ones(COLUMNS, dtype=np.bool_))[1]


def test_without_informative_features_widths_are_nearly_equal(encoded):
    assert float(np.std(np.log(widths(residuals_of(np.ones(SALES), encoded))))) < 0.1


def test_the_features_of_the_width_are_found(encoded):
    told = widths(residuals_of(np.exp(0.8 * encoded[:, 0]), encoded))
    assert float(np.corrcoef(np.log(told), np.tile(encoded[:, 0], 2))[0, 1]) > 0.9


def test_every_residual_gets_one_width_from_a_model_without_its_sale(encoded):
    residuals = residuals_of(np.ones(SALES), encoded)
    given = np.zeros(2 * SALES, dtype=np.int64)
    for train, test in residuals.parted():
        given += test
        assert not set(residuals.rows[train].tolist()) & set(residuals.rows[test].tolist())
        strange = test & residuals.left_out
        assert not set((residuals.rows[train] // 5).tolist()) & set((residuals.rows[strange] // 5).tolist())
    assert given.tolist() == [1] * (2 * SALES)
