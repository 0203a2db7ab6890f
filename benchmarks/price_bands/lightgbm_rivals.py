"""Methods based on LightGBM: quantiles, mean and width, MAPIE and crepes."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.model_selection import KFold

from benchmarks.price_bands.calibration import (
    CALIBRATION_SHARE,
    LEVEL,
    Band,
    Tuned,
    calibrated,
    lesson_of,
    standardised,
)
from benchmarks.price_bands.lightgbm_engine import lightgbm_fit, lightgbm_model, quantile_objective, tune_lightgbm
from benchmarks.price_bands.matrices import View
from benchmarks.price_bands.tuning import HIGH, LOW, MIDDLE, QUANTILES, Choice, EncoderTarget, halves

LEAST_GROUP_ROWS = 20  # crepes gives infinite bands below 19 calibration rows; smaller groups go into one


def _quantile_choice(view: View, tuned: Tuned, level: float, seed: int) -> Choice:
    objective = quantile_objective(level)
    return tuned.choice(f"lightgbm {level}", lambda: tune_lightgbm(view, view.target, objective, seed))


def _lightgbm_quantiles(view: View, rows: np.ndarray, tuned: Tuned, seed: int) -> list[tuple[Choice, Any]]:
    pairs = []
    for level in QUANTILES:
        choice = _quantile_choice(view, tuned, level, seed)
        pairs.append(
            (choice, lightgbm_fit(lesson_of(view, rows, choice.form), choice, quantile_objective(level), seed))
        )
    return pairs


def lightgbm_cqr(view: View, tuned: Tuned, seed: int) -> Band:
    """LightGBM quantiles, split conformal."""
    kept, apart = halves(len(view), seed, CALIBRATION_SHARE)
    pairs = _lightgbm_quantiles(view, kept, tuned, seed)
    return calibrated(
        lambda asked: np.column_stack([m.booster_.predict(asked.matrix(c.form), num_threads=1) for c, m in pairs]),
        view,
        apart,
    )


def _mean_and_width(view: View, rows: np.ndarray, tuned: Tuned, seed: int) -> tuple[Band, Any, Any]:
    """Return mean and width (gamma loss on out-of-fold residuals) of LightGBM, as columns of two."""
    mean_choice = tuned.choice("lightgbm mean", lambda: tune_lightgbm(view, view.target, {}, seed))
    lesson = lesson_of(view, rows, mean_choice.form)
    left = np.empty(len(rows))
    for train, test in KFold(5, shuffle=True, random_state=seed).split(rows):
        part = EncoderTarget(matrix=lesson.matrix[train], target=lesson.target[train], categorical=view.categorical)
        left[test] = lesson.target[test] - lightgbm_fit(part, mean_choice, {}, seed).predict(lesson.matrix[test])
    mean = lightgbm_fit(lesson, mean_choice, {}, seed)
    size = np.abs(left) + 1e-3
    gamma = {"objective": "gamma"}
    learned = view.take(rows)
    width_choice = tuned.choice("lightgbm width", lambda: tune_lightgbm(learned, size, gamma, seed))
    width_lesson = EncoderTarget(matrix=learned.matrix(width_choice.form), target=size, categorical=view.categorical)
    width = lightgbm_fit(width_lesson, width_choice, gamma, seed)

    def both(asked: View) -> np.ndarray:
        parts = [(mean_choice, mean), (width_choice, width)]
        return np.column_stack([m.booster_.predict(asked.matrix(c.form), num_threads=1) for c, m in parts])

    return both, (mean_choice, mean), (width_choice, width)


def lightgbm_normalised(view: View, tuned: Tuned, seed: int) -> Band:
    """LightGBM mean and width, split conformal on standardised residuals."""
    kept, apart = halves(len(view), seed, CALIBRATION_SHARE)
    both, _, _ = _mean_and_width(view, kept, tuned, seed)
    held = view.take(apart)
    return standardised(both, held)


def mapie_cqr(view: View, tuned: Tuned, seed: int) -> Band:
    """MAPIE's ConformalizedQuantileRegressor on three LightGBM quantiles."""
    from mapie.regression import ConformalizedQuantileRegressor

    kept, apart = halves(len(view), seed, CALIBRATION_SHARE)
    form = _one_form(view, tuned, seed)
    models = []
    for level in (LOW, HIGH, MIDDLE):
        choice = _in_form(view, tuned, level, form, seed)
        models.append(lightgbm_fit(lesson_of(view, kept, form), choice, quantile_objective(level), seed))
    mapie = ConformalizedQuantileRegressor(models, confidence_level=LEVEL, prefit=True)
    mapie.conformalize(view.matrix(form)[apart], view.target[apart])

    def band(asked: View) -> np.ndarray:
        point, edges = mapie.predict_interval(asked.matrix(form), symmetric_correction=True)
        return np.column_stack([edges[:, 0, 0], point, edges[:, 1, 0]])

    return band


def mapie_cross_cqr(view: View, tuned: Tuned, seed: int) -> Band:
    """MAPIE's CrossConformalizedQuantileRegressor on LightGBM quantiles, using all sales for calibration."""
    from mapie.regression import CrossConformalizedQuantileRegressor

    form = _one_form(view, tuned, seed)
    choices = [_in_form(view, tuned, level, form, seed) for level in (LOW, HIGH)]
    trees = round(float(np.sqrt(choices[0].trees * choices[1].trees)))
    choice = Choice(form=form, variant=choices[1].variant, trees=trees)
    model = lightgbm_model(choice, quantile_objective(MIDDLE), seed)
    native = list(view.categorical) if form == "native" else "auto"
    mapie = CrossConformalizedQuantileRegressor(model, confidence_level=LEVEL, cv=5, random_state=seed)
    mapie.fit_conformalize(view.matrix(form), view.target, fit_params={"categorical_feature": native})

    def band(asked: View) -> np.ndarray:
        point, edges = mapie.predict_interval(asked.matrix(form))
        return np.column_stack([edges[:, 0, 0], point, edges[:, 1, 0]])

    return band


def _one_form(view: View, tuned: Tuned, seed: int) -> str:
    """Return the data form for methods with a single form: the one tuned for the middle quantile."""
    return _quantile_choice(view, tuned, MIDDLE, seed).form


def _in_form(view: View, tuned: Tuned, level: float, form: str, seed: int) -> Choice:
    choice = _quantile_choice(view, tuned, level, seed)
    return Choice(form=form, variant=choice.variant, trees=choice.trees)


def crepes_mondrian(view: View, tuned: Tuned, seed: int) -> Band:
    """Crepes' Mondrian conformal predictive system, normalised by a LightGBM width."""
    from crepes import WrapRegressor
    from crepes.extras import DifficultyEstimator

    kept, apart = halves(len(view), seed, CALIBRATION_SHARE)
    _, (mean_choice, mean), (width_choice, width) = _mean_and_width(view, kept, tuned, seed)
    names, counts = np.unique(view.sales.group[apart].astype(str), return_counts=True)
    place = {name: code + 1 for code, name in enumerate(names[counts >= LEAST_GROUP_ROWS])}
    first = view.matrix(mean_choice.form).shape[1]

    def table(asked: View) -> np.ndarray:
        groups = np.array([place.get(str(name), 0) for name in asked.sales.group], dtype=np.float64)
        return np.column_stack([asked.matrix(mean_choice.form), asked.matrix(width_choice.form), groups])

    class Mean:
        def predict(self, matrix: np.ndarray) -> np.ndarray:
            return mean.booster_.predict(matrix[:, :first], num_threads=1)

    wrapped = WrapRegressor(Mean())
    wrapped.fitted = True
    difficulty = DifficultyEstimator().fit(f=lambda matrix: width.booster_.predict(matrix[:, first:-1], num_threads=1))
    held = view.take(apart)
    wrapped.calibrate(
        table(held), held.target, de=difficulty, mc=lambda matrix: matrix[:, -1].astype(int), cps=True, seed=seed
    )
    limits = {"y_min": float(view.target.min()), "y_max": float(view.target.max())}

    def band(asked: View) -> np.ndarray:
        matrix = table(asked)
        edges = [
            wrapped.predict_percentiles(matrix, lower_percentiles=[100 * LOW], **limits),
            wrapped.predict_percentiles(matrix, higher_percentiles=[100 * MIDDLE], **limits),
            wrapped.predict_percentiles(matrix, higher_percentiles=[100 * HIGH], **limits),
        ]
        return np.column_stack([edge.ravel() for edge in edges])

    return band
