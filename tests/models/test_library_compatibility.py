"""The estimator in scikit-learn pipelines, grid searches, clones and pickles, with pandas and polars frames."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from models import ResidualValueRegressor

ROWS = 240


@pytest.fixture(scope="module")
def used_cars():
    """A table of used assets with structural values, prices and groups."""
    chance = np.random.default_rng(7)
    table = pd.DataFrame(
        {
            "health": chance.uniform(0.5, 1.0, ROWS),
            "age": np.where(chance.random(ROWS) < 0.1, np.nan, chance.uniform(0.0, 12.0, ROWS)),
            "maker": chance.choice(["north", "south", "east"], ROWS),
        }
    )
    base = 8_000.0 * table["health"].to_numpy()
    price = base * np.exp(0.3 * (table["maker"] == "north").to_numpy() + 0.1 * chance.normal(size=ROWS))
    return table, base, price


def quick(**choices):
    return ResidualValueRegressor(trees=20, folds=3, random_state=0, **choices)


def test_it_works_as_the_last_step_of_a_pipeline(used_cars):
    table, _, price = used_cars
    prepared = ColumnTransformer(
        [("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["health", "age"])], remainder="drop"
    )
    pipeline = make_pipeline(prepared, quick()).fit(table, price)
    assert pipeline.score(table, price) > 0.3
    band = pipeline[-1].predict_interval(pipeline[:-1].transform(table))
    assert ((band[:, 0] <= pipeline.predict(table)) & (pipeline.predict(table) <= band[:, 1])).all()


def test_a_pipeline_hands_on_names_and_texts(used_cars):
    table, base, price = used_cars
    pipeline = make_pipeline(FunctionTransformer(), quick(monotone={"health": 1}))
    pipeline.fit(table, price, residualvalueregressor__base=base)
    np.testing.assert_array_equal(pipeline.predict(table, base=base), pipeline[-1].predict(table, base))
    assert list(pipeline[-1].feature_names_in_) == ["health", "age", "maker"]


def test_a_grid_is_searched_with_a_structural_value(used_cars):
    table, base, price = used_cars
    table = table.assign(base=base)

    def nearness(fitted, held, paid):
        return -float(np.mean(np.abs(fitted.predict(held, base=held["base"]) - paid)))

    grid = GridSearchCV(quick(), {"learning_rate": [0.03, 0.1], "group_rows": [50.0, 200.0]}, scoring=nearness, cv=3)
    grid.fit(table, price, base=base)  # scikit-learn cuts base as it cuts the rows
    assert set(grid.best_params_) == {"learning_rate", "group_rows"}
    assert -grid.best_score_ < np.mean(np.abs(base - price))


def test_packs_are_kept_together_by_any_splitter(used_cars):
    table, _, price = used_cars
    packs = np.arange(ROWS) // 2
    scores = cross_val_score(quick(), table, price, cv=GroupKFold(3), groups=packs, scoring="neg_mean_absolute_error")
    assert np.isfinite(scores).all()


def test_a_clone_learns_the_same(used_cars):
    table, base, price = used_cars
    fitted = quick(categorical=["maker"]).fit(table, price, base=base)
    again = clone(fitted)
    assert not hasattr(again, "fitted_")
    again.fit(table, price, base=base)
    np.testing.assert_array_equal(again.predict(table, base), fitted.predict(table, base))


def test_who_pickles_it_by_choice_gets_it_back(used_cars):
    table, base, price = used_cars
    fitted = quick().fit(table, price, base=base)
    back = pickle.loads(pickle.dumps(fitted))  # noqa: S301 - their own choice; a bundle never is one
    np.testing.assert_array_equal(back.predict_interval(table, base=base), fitted.predict_interval(table, base=base))


def test_frames_of_pandas_and_polars_give_the_same_values(used_cars):
    table, base, price = used_cars
    other = pl.DataFrame(
        {
            "health": table["health"].to_numpy(),
            "age": [None if np.isnan(age) else age for age in table["age"].tolist()],
            "maker": table["maker"].tolist(),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one = quick().fit(table, price, base=base)
        two = quick().fit(other, pl.Series(price), base=pl.Series(base))
    np.testing.assert_array_equal(two.predict(other, base), one.predict(table, base))
    np.testing.assert_array_equal(two.predict_interval(table, base=base), one.predict_interval(other, base=base))
    lazy = other.with_columns(pl.col("maker").cast(pl.Categorical))
    np.testing.assert_array_equal(one.predict(lazy, base), one.predict(table, base))
    kept = table.astype({"maker": "category"})
    np.testing.assert_array_equal(one.predict(kept, base), one.predict(table, base))
