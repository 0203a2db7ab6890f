"""An ensemble of forests is one forest of plain arrays that predicts their mean."""

import lightgbm
import numpy as np
import pytest

from models.booster.boosting import Sample, mean_settings
from models.booster.forest_text import forest_from_text
from models.fitting.forest_ensemble import FORESTS, grow_ensemble, grow_with_early_stopping
from models.inference.forest import mean_of
from models.inference.kernel_parity import check_forest, hard_rows


def sales(seed: int, rows: int = 300) -> Sample:
    chance = np.random.default_rng(seed)
    matrix = chance.normal(size=(rows, 5))
    matrix[chance.random(matrix.shape) < 0.1] = np.nan
    target = np.nan_to_num(matrix[:, 0]) - np.abs(np.nan_to_num(matrix[:, 1])) + chance.normal(size=rows)
    return Sample(matrix=matrix, target=target, weight=np.ones(rows))


GROWTH = mean_settings(300, (), seed=1, threads=1)


def test_one_forest_answers_the_mean_of_its_parts():
    together = grow_ensemble([sales(1), sales(2), sales(3)], GROWTH, 3, 32)
    forest = together.forest(5)
    asked = np.concatenate([sales(4).matrix, hard_rows(forest)])
    np.testing.assert_allclose(forest.predict(asked), together.predict(asked, -1), rtol=0.0, atol=1e-12)
    assert forest.trees == 32
    assert len({tuple(one.predict(asked, -1)) for one in together.grown}) == 3
    check_forest(forest)


def test_category_sets_keep_their_place_beside_others():
    chance = np.random.default_rng(5)
    matrix = np.column_stack([chance.integers(0, 40, 400), chance.normal(size=400)]).astype(np.float64)
    forests, answers = [], []
    for seed in (1, 2):
        target = np.where(matrix[:, 0] % (seed + 2) == 0, 1.0, 0.0) + 0.1 * chance.normal(size=400)
        data = lightgbm.Dataset(matrix, target, categorical_feature=[0])
        booster = lightgbm.train({"verbosity": -1, "num_leaves": 8, "min_data_per_group": 5, "seed": seed}, data, 9)
        forests.append(forest_from_text(booster.model_to_string()))
        answers.append(booster.predict(matrix))
    both = mean_of(forests)
    assert both.is_category.any()
    np.testing.assert_allclose(both.predict(matrix), np.mean(answers, axis=0), rtol=0.0, atol=1e-12)
    check_forest(both)


@pytest.mark.parametrize(("trees", "forests"), [(1, 1), (2, 2), (3, 3), (7, 3)])
def test_few_trees_are_as_many_as_asked_for(trees, forests):
    together = grow_ensemble([sales(1)], GROWTH, FORESTS, trees)
    assert len(together.grown) == forests
    assert together.forest(5).trees == trees


def test_no_tree_at_all_is_an_empty_forest():
    assert grow_ensemble([sales(1)], GROWTH, FORESTS, 0).forest(5).trees == 0


def test_the_others_stop_with_the_first():
    grown = grow_with_early_stopping([sales(1)], GROWTH, 3, sales(9))
    assert 0 < len(grown.curve) < 500
    asked = sales(4).matrix
    everything = [one.predict(asked, -1) for one in grown.grown]
    as_far = [one.predict(asked, len(grown.curve)) for one in grown.grown]
    assert [a.tobytes() for a in everything] == [b.tobytes() for b in as_far]


def test_together_they_err_less_than_each_alone():
    truth = sales(11, 4000)
    together = grow_ensemble([sales(12)], GROWTH, 3, 120)
    errors = [float(np.mean((one.predict(truth.matrix, -1) - truth.target) ** 2)) for one in together.grown]
    assert float(np.mean((together.predict(truth.matrix, -1) - truth.target) ** 2)) < min(errors)
