"""Training of boosted trees with LightGBM, reproducible on any number of threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from models.booster.forest_text import forest_from_text
from models.inference.forest import Forest
from models.inference.kernel_parity import check_forest, hard_rows
from valuation.numeric.columns import BoolArray, FloatArray

_MANY_ROWS = 12_000
_LEAST_COLUMNS = 4  # a tree of fewer could not tell how one thing changes what another is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class BoosterSettings:
    """Hyperparameters of a forest; the values were tuned on development sets of used-asset prices.

    ``monotone`` holds one of -1, 0, +1 for each column, or nothing.
    """

    objective: str
    trees: int
    learning_rate: float
    leaves: int
    rows_per_leaf: int
    ridge: float
    columns_per_tree: float = 0.5
    rows_per_tree: float = 0.8
    monotone: tuple[int, ...] = ()
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Training rows: encoded features, target on the scale, weight of each row."""

    matrix: FloatArray
    target: FloatArray
    weight: FloatArray

    def take(self, rows: BoolArray) -> Sample:
        """Return some of the rows."""
        return Sample(matrix=self.matrix[rows], target=self.target[rows], weight=self.weight[rows])


class Grown:
    """A trained forest held by LightGBM, for fast predictions during training."""

    def __init__(self, booster: Any, curve: FloatArray, threads: int) -> None:  # noqa: ANN401 - untyped library
        self._booster = booster
        self._threads = threads
        self.curve = curve
        """Validation error after each tree; empty without validation rows."""

    def predict(self, matrix: FloatArray, trees: int) -> FloatArray:
        """Return the sum of the first trees for each row, of all trees for -1."""
        if trees == 0:
            return np.zeros(len(matrix))
        answer = self._booster.predict(matrix, raw_score=True, num_iteration=trees, num_threads=self._threads)
        return np.asarray(answer, dtype=np.float64)

    def forest(self) -> Forest:
        """Return the forest as arrays, after comparing its predictions of hard rows with LightGBM's.

        Raises
        ------
        BundleMismatch
            The predictions differ in any bit.

        """
        forest = forest_from_text(self._booster.model_to_string(num_iteration=-1))
        check_forest(forest, self.predict(hard_rows(forest), -1))
        return forest


def mean_settings(rows: int, monotone: tuple[int, ...], seed: int, threads: int) -> BoosterSettings:
    """Return the settings of the forest of the mean; small samples get small trees."""
    return BoosterSettings(
        objective="regression",
        trees=1500,
        learning_rate=0.05,
        leaves=15 if rows <= 1500 else 31,
        rows_per_leaf=int(min(10, max(2, rows // 20))),
        ridge=10.0,
        rows_per_tree=_rows_per_tree(rows),
        monotone=monotone if any(monotone) else (),
        seed=seed,
        threads=threads,
    )


def width_settings(rows: int, seed: int, threads: int) -> BoosterSettings:
    """Return the settings of the small forest of the width; many sales allow a higher learning rate."""
    quick = rows > _MANY_ROWS
    return BoosterSettings(
        objective="gamma",
        trees=120 if quick else 400,
        learning_rate=0.12 if quick else 0.04,
        leaves=6,
        rows_per_leaf=int(min(40, max(5, rows // 8))),
        ridge=5.0,
        rows_per_tree=_rows_per_tree(rows),
        seed=seed,
        threads=threads,
    )


def lightgbm() -> Any:  # noqa: ANN401 - untyped library
    """Return LightGBM, imported at the first call: it is an extra, takes 2 s to import, and only training needs it."""
    import lightgbm as library  # noqa: PLC0415 - see above

    return library


def grow(sample: Sample, settings: BoosterSettings, validation: Sample | None = None, patience: int = 50) -> Grown:
    """Return a forest trained on a sample; with `validation`, training stops when the error on it stops falling."""
    if validation is None:
        return grow_several(sample, [settings])[0]
    parameters = _parameters(settings, max(sample.matrix.shape[1], 1))
    training = _dataset(sample, parameters)
    errors: dict[str, dict[str, list[float]]] = {}
    callbacks: list[Any] = [lightgbm().record_evaluation(errors), lightgbm().early_stopping(patience, verbose=False)]
    valid = _dataset(validation, parameters, training)
    booster = lightgbm().train(
        parameters, training, settings.trees, valid_sets=[valid], valid_names=["validation"], callbacks=callbacks
    )
    return Grown(booster, np.array(next(iter(errors["validation"].values()))), settings.threads)


def grow_several(sample: Sample, many: Sequence[BoosterSettings]) -> list[Grown]:
    """Return a forest for each of the settings, which differ in pace, trees and chance alone: bins are made once."""
    parameters = [_parameters(settings, max(sample.matrix.shape[1], 1)) for settings in many]
    training = _dataset(sample, parameters[0])
    return [
        Grown(lightgbm().train(chosen, training, settings.trees), np.zeros(0), settings.threads)
        for settings, chosen in zip(many, parameters, strict=True)
    ]


def _dataset(part: Sample, parameters: dict[str, object], reference: Any = None) -> Any:  # noqa: ANN401 - untyped library
    weight = None if np.all(part.weight == part.weight[0]) else part.weight
    return lightgbm().Dataset(part.matrix, part.target, weight=weight, reference=reference, params=parameters)


def _rows_per_tree(rows: int) -> float:
    return 0.8 if rows >= 30 else 1.0  # a share of a handful may be no row at all


def with_trees(settings: BoosterSettings, trees: int) -> BoosterSettings:
    """Return the settings with another number of trees."""
    return replace(settings, trees=trees)


def _parameters(settings: BoosterSettings, columns: int) -> dict[str, object]:
    parameters: dict[str, object] = {
        "objective": settings.objective,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.rows_per_leaf,
        "lambda_l2": settings.ridge,
        "feature_fraction": max(settings.columns_per_tree, min(1.0, _LEAST_COLUMNS / columns)),
        "bagging_fraction": settings.rows_per_tree,
        "bagging_freq": 1,
        "seed": settings.seed % (2**31),
        "num_threads": settings.threads,
        "verbosity": -1,
        # Column-wise histograms are summed by one thread each, so the bits do not depend on the number of threads.
        "force_col_wise": True,
        "deterministic": True,
        "feature_pre_filter": False,
    }
    if settings.monotone:
        parameters["monotone_constraints"] = list(settings.monotone)
    return parameters
