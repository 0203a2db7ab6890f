from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.artifact.bundle import write_bundle
from models.artifact.registry import Publication, publish
from models.booster.boosting import BoosterSettings, Grown, Sample, grow
from models.booster.forest_text import forest_from_text
from models.inference.forest import Forest, empty_forest
from models.inference.kernel_parity import check_forest, check_model, forests_of, hard_rows, probe_codes
from models.inference.native_model import NativeModel
from valuation.errors import BundleMismatch


def test_the_test_rows_cover_every_split_and_edge_case(train):
    forest = forest_from_text(train(3, trees=5).model_to_string())
    rows = hard_rows(forest)
    assert np.isnan(rows).any(axis=0).all()
    assert (rows == 0.0).any()
    assert np.isinf(rows).any()
    assert np.isin(forest.threshold[~forest.is_category], rows).any()
    splits = np.flatnonzero(forest.left != np.arange(len(forest.left)))
    went = forest.decisions(rows, splits)
    assert np.mean(went.any(axis=0) & ~went.all(axis=0)) > 0.9


def test_lightgbm_agrees(train):
    booster = train(4, zero_as_missing=True)
    forest = forest_from_text(booster.model_to_string())
    check_forest(forest, booster.predict(hard_rows(forest), raw_score=True))
    check_forest(empty_forest(3))


def test_a_forest_that_differs_from_lightgbm_is_rejected(train, random_rows, monkeypatch):
    settings = BoosterSettings(
        objective="regression", trees=5, learning_rate=0.1, leaves=5, rows_per_leaf=3, ridge=0.0, seed=1
    )
    rows = random_rows(np.random.default_rng(0), 200)
    sample = Sample(matrix=rows, target=np.nan_to_num(rows[:, 0]), weight=np.ones(200))
    grown = grow(sample, settings)
    assert grown.forest().trees == 5
    honest = Grown.predict

    def off_by_a_bit(self, matrix, trees):
        answers = honest(self, matrix, trees)
        answers[50] = np.nextafter(answers[50], np.inf)
        return answers

    monkeypatch.setattr(Grown, "predict", off_by_a_bit)
    with pytest.raises(BundleMismatch, match="LightGBM and numpy evaluate a forest differently on 1 of 96 rows"):
        grown.forest()


def test_every_forest_of_a_model_is_found(estimator):
    found = list(forests_of(estimator.fitted_))
    assert len(found) >= 2
    assert any(forest is estimator.fitted_.mean.forest for forest in found)
    check_model(estimator.fitted_)


def test_a_model_that_differs_in_the_kernel_is_not_published(estimator, about, tmp_path, monkeypatch):
    honest = Forest.predict

    def off_by_a_bit(self, matrix):
        answers = honest(self, matrix)
        return np.nextafter(answers, np.inf) if len(answers) > 1 else answers

    monkeypatch.setattr(Forest, "predict", off_by_a_bit)
    with pytest.raises(BundleMismatch, match="kernel and numpy"):
        write_bundle(tmp_path / "model", estimator.fitted_, about, tmp_path / "keys")
    with pytest.raises(BundleMismatch, match="kernel and numpy"):
        publish(
            estimator.fitted_, Publication(name="m", created_on="2026-01-05", trained_through="2026-01-01"), tmp_path
        )
    assert not list(tmp_path.glob("**/manifest.json"))


def test_a_model_whose_prices_differ_by_a_bit_is_not_published(estimator, about, tmp_path, monkeypatch):
    honest = NativeModel.price

    def off_by_a_bit(self, *asked):
        point, quantiles = honest(self, *asked)
        return point, np.nextafter(quantiles, np.inf)

    monkeypatch.setattr(NativeModel, "price", off_by_a_bit)
    with pytest.raises(BundleMismatch, match="different prices"):
        write_bundle(tmp_path / "model", estimator.fitted_, about, tmp_path / "keys")


def test_the_test_rows_of_a_model_cover_known_and_unknown_levels(estimator):
    codes = probe_codes(estimator.fitted_)
    assert codes.shape == (96, 5)
    assert np.isnan(codes).any(axis=0).all()
    for column in (2, 3):
        assert (codes[:, column] == -2.0).any()
        assert np.isin(estimator.fitted_.mean.encoder.levels[column].codes, codes[:, column]).all()


def test_a_replaced_forest_is_prepared_anew(estimator):
    forest = estimator.fitted_.mean.forest
    rows = hard_rows(forest)
    before = forest.predict(rows)
    doubled = replace(forest, value=2.0 * forest.value)
    np.testing.assert_array_equal(doubled.predict(rows), doubled.predict_numpy(rows))
    assert not np.array_equal(doubled.predict(rows), before)
