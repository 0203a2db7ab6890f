"""LightGBM engine of most other methods, tuned on held-out rows of the training part of the first seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.price_bands.matrices import View
from benchmarks.price_bands.tuning import FEWEST_TREES, MOST_TREES, PATIENCE, Choice, EncoderTarget, set_apart

PLAIN: dict[str, Any] = {
    "num_leaves": 31,
    "min_child_samples": 20,
    "subsample": 0.8,
    "subsample_freq": 1,
    "colsample_bytree": 0.8,
}
REGULAR: dict[str, Any] = {**PLAIN, "min_child_samples": 10, "colsample_bytree": 0.5, "reg_lambda": 10.0}
SMALL: dict[str, Any] = {**PLAIN, "num_leaves": 7, "colsample_bytree": 0.5}


def lightgbm_model(choice: Choice, objective: dict[str, Any], seed: int) -> Any:  # noqa: ANN401 - untyped library
    """Return an unfitted LightGBM regressor."""
    import lightgbm

    parameters: dict[str, Any] = {
        "learning_rate": 0.05,
        "n_jobs": 1,
        "verbosity": -1,
        "random_state": seed,
        "force_col_wise": True,
    }
    return lightgbm.LGBMRegressor(n_estimators=choice.trees, **parameters, **choice.variant, **objective)


def lightgbm_fit(lesson: EncoderTarget, choice: Choice, objective: dict[str, Any], seed: int) -> Any:  # noqa: ANN401 - untyped library
    """Fit a LightGBM regressor, with early stopping if validation rows are given."""
    import lightgbm

    model = lightgbm_model(choice, objective, seed)
    native = list(lesson.categorical) if choice.form == "native" else "auto"
    if lesson.valid is None:
        return model.fit(lesson.matrix, lesson.target, categorical_feature=native)
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    return model.fit(
        lesson.matrix, lesson.target, eval_set=[lesson.valid], callbacks=[stop], categorical_feature=native
    )


def quantile_objective(level: float) -> dict[str, Any]:
    """Return LightGBM's parameters for a quantile."""
    return {"objective": "quantile", "alpha": level}


def tune_lightgbm(view: View, target: np.ndarray, objective: dict[str, Any], seed: int) -> Choice:
    """Tune data form, variant and number of trees by the loss on held-out rows."""
    kept, apart = set_apart(view, seed)
    best = Choice(form="encoded")
    for form in ("encoded", "native"):
        matrix = view.matrix(form)
        lesson = EncoderTarget(
            matrix=matrix[kept],
            target=target[kept],
            categorical=view.categorical,
            valid=(matrix[apart], target[apart]),
        )
        for variant in (PLAIN, REGULAR, SMALL):
            choice = Choice(form=form, variant=variant, trees=MOST_TREES)
            model = lightgbm_fit(lesson, choice, objective, seed)
            loss = float(next(iter(model.best_score_["valid_0"].values())))
            if loss < best.loss:
                trees = max(FEWEST_TREES, int(model.best_iteration_))
                best = Choice(form=form, variant=variant, trees=trees, loss=loss)
    return best
