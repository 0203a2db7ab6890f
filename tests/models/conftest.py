"""Small synthetic markets and one trained model, shared by the tests of models."""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm
import numpy as np
import pytest

from models.artifact.bundle import About, write_bundle
from models.estimator import ResidualValueRegressor


@dataclass
class Market:
    """A synthetic market whose noise is known."""

    table: np.ndarray
    price: np.ndarray
    base: np.ndarray
    groups: np.ndarray


def make_market(rows=600, seed=0):
    """Return sales around a structural value; price by health, wear and maker, noisier if health is unknown."""
    rng = np.random.default_rng(seed)
    health = rng.uniform(0.5, 1.0, rows)
    wear = rng.uniform(0.0, 10.0, rows)
    maker = rng.integers(0, 25, rows).astype(float)
    duty = rng.integers(0, 4, rows).astype(float)
    makers = np.random.default_rng(99).normal(0.0, 0.15, 25)
    base = rng.uniform(-15.0, 150.0, rows)
    unknown = rng.random(rows) < 0.2
    noise = np.where(unknown, 0.25, 0.1) * rng.standard_normal(rows)
    learned = 0.8 * (health - 0.75) - 0.02 * wear + makers[maker.astype(int)] + 0.05 * duty + noise
    price = 20.0 * np.sinh(np.arcsinh(base / 20.0) + learned)
    table = np.column_stack([np.where(unknown, np.nan, health), wear, maker, duty, unknown.astype(float)])
    groups = np.array([f"{'LFP' if m < 12 else 'NMC'}/{int(m)}" for m in maker])
    return Market(table=table, price=price, base=base, groups=groups)


@pytest.fixture(scope="session")
def market():
    return make_market()


@pytest.fixture(scope="session")
def estimator(market):
    model = ResidualValueRegressor(monotone={0: 1, 1: -1}, categorical=[2, 3])
    return model.fit(market.table, market.price, base=market.base, groups=market.groups)


@pytest.fixture(scope="session")
def about():
    return About(name="demo", version="1", created_on="2026-01-05", trained_through="2026-01-01", demonstration=True)


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory, estimator, about):
    root = tmp_path_factory.mktemp("bundles")
    write_bundle(root / "demo", estimator.fitted_, about, root / "keys")
    return root / "demo"


def make_rows(rng, rows):
    matrix = rng.normal(size=(rows, 6))
    matrix[rng.random(matrix.shape) < 0.15] = np.nan
    matrix[rng.random(matrix.shape) < 0.15] = 0.0
    matrix[:, 3] = rng.integers(-1, 70, rows)
    matrix[:, 4] = rng.integers(0, 9, rows)
    matrix[rng.random(rows) < 0.1, 4] = np.nan
    return matrix


def train_lightgbm(seed, *, zero_as_missing=False, objective="regression", leaves=31, trees=12, max_bin=255):
    rows = max(400, 5 * trees)
    rng = np.random.default_rng(seed)
    matrix = make_rows(rng, rows)
    target = (
        np.nan_to_num(matrix[:, 0]) + np.sin(matrix[:, 3]) + (np.nan_to_num(matrix[:, 4]) == 2) + rng.normal(size=rows)
    )
    target = np.abs(target) + 0.1 if objective == "gamma" else target
    parameters = {
        "objective": objective,
        "num_leaves": leaves,
        "max_bin": max_bin,
        "min_data_in_leaf": 3,
        "min_data_per_group": 5,
        "cat_smooth": 1.0,
        "feature_fraction": 0.8,
        "zero_as_missing": zero_as_missing,
        "verbosity": -1,
        "num_threads": 1,
        "seed": seed,
        "force_col_wise": True,
        "deterministic": True,
    }
    return lightgbm.train(
        parameters, lightgbm.Dataset(matrix, target, categorical_feature=[3, 4], params=parameters), trees
    )


@pytest.fixture(scope="session")
def random_rows():
    """Return a function that creates rows with missing cells, zeros and categories."""
    return make_rows


@pytest.fixture(scope="session")
def train():
    """Return a function that trains a LightGBM model on such rows."""
    return train_lightgbm


@pytest.fixture(scope="session", name="make_market")
def market_maker():
    """Return a function that creates synthetic markets."""
    return make_market
