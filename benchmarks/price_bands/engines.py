"""Engines of the other methods, each tuned on held-out rows of the training part of the first seed."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from benchmarks.price_bands.matrices import View
from benchmarks.price_bands.tuning import (
    FEWEST_TREES,
    MOST_TREES,
    PATIENCE,
    QUANTILES,
    Choice,
    EncoderTarget,
    pinball,
    set_apart,
)

NATIVE_LEVELS = 254  # HistGradientBoosting takes no more


def hist_fit(lesson: EncoderTarget, choice: Choice, level: float, seed: int) -> Any:  # noqa: ANN401 - untyped library
    """Fit scikit-learn's histogram booster to one quantile."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    native = list(lesson.categorical) if choice.form == "native" else None
    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=level,
        max_iter=choice.trees,
        learning_rate=0.05,
        early_stopping=False,
        categorical_features=native,
        random_state=seed,
        **choice.variant,
    ).fit(lesson.matrix, lesson.target)


def tune_hist(view: View, level: float, seed: int) -> Choice:
    """Tune data form and number of trees of the histogram booster."""
    kept, apart = set_apart(view, seed)
    best = Choice(form="encoded")
    codes = view.native[:, list(view.categorical)]
    few = codes.size == 0 or np.nanmax(codes) < NATIVE_LEVELS
    for form in ("encoded", "native") if few else ("encoded",):
        matrix = view.matrix(form)
        lesson = EncoderTarget(matrix=matrix[kept], target=view.target[kept], categorical=view.categorical)
        model = hist_fit(lesson, Choice(form=form, variant={"max_leaf_nodes": 15}, trees=300), level, seed)
        losses = [pinball(view.target[apart], said, level) for said in model.staged_predict(matrix[apart])]
        least = int(np.argmin(losses))
        if losses[least] < best.loss:
            trees = max(FEWEST_TREES, least + 1)
            best = Choice(form=form, variant={"max_leaf_nodes": 15}, trees=trees, loss=losses[least])
    return best


def catboost_fit(lesson: EncoderTarget, choice: Choice, loss: str, seed: int) -> Any:  # noqa: ANN401 - untyped library
    """Fit a CatBoost regressor with native categories."""
    import catboost

    native = lesson.categorical if choice.form == "native" else ()
    model = catboost.CatBoostRegressor(
        loss_function=loss,
        iterations=choice.trees,
        learning_rate=0.05,
        depth=6,
        thread_count=1,
        verbose=0,
        random_seed=seed,
        allow_writing_files=False,
        **choice.variant,
    )
    pool = catboost.Pool(catboost_table(lesson.matrix, native), lesson.target, cat_features=list(native))
    if lesson.valid is None:
        return model.fit(pool)
    valid = catboost.Pool(catboost_table(lesson.valid[0], native), lesson.valid[1], cat_features=list(native))
    return model.fit(pool, eval_set=valid, early_stopping_rounds=PATIENCE, use_best_model=True)


def catboost_table(matrix: np.ndarray, native: tuple[int, ...]) -> np.ndarray:
    """Return the matrix with category codes as integers, which CatBoost requires."""
    if not native:
        return matrix
    table = matrix.astype(object)
    codes = np.where(np.isnan(matrix[:, list(native)]), -1.0, matrix[:, list(native)]).astype(np.int64)
    table[:, list(native)] = codes
    return table


def tune_catboost(view: View, loss: str, seed: int) -> Choice:
    """Tune data form and number of trees of CatBoost for a loss."""
    kept, apart = set_apart(view, seed)
    best = Choice(form="encoded")
    for form in ("encoded", "native"):
        matrix = view.matrix(form)
        lesson = EncoderTarget(
            matrix=matrix[kept],
            target=view.target[kept],
            categorical=view.categorical,
            valid=(matrix[apart], view.target[apart]),
        )
        model = catboost_fit(lesson, Choice(form=form, trees=MOST_TREES), loss, seed)
        score = float(next(iter(model.get_best_score()["validation"].values())))
        if score < best.loss:
            best = Choice(form=form, trees=max(FEWEST_TREES, int(model.tree_count_)), loss=score)
    return best


def xgboost_fit(lesson: EncoderTarget, choice: Choice, seed: int) -> Any:  # noqa: ANN401 - untyped library
    """Fit XGBoost to three quantiles at once."""
    import xgboost

    kinds = None
    if choice.form == "native":
        kinds = ["c" if column in lesson.categorical else "q" for column in range(lesson.matrix.shape[1])]
    model = xgboost.XGBRegressor(
        objective="reg:quantileerror",
        quantile_alpha=np.array(QUANTILES),
        n_estimators=choice.trees,
        learning_rate=0.05,
        tree_method="hist",
        n_jobs=1,
        random_state=seed,
        feature_types=kinds,
        enable_categorical=kinds is not None,
        early_stopping_rounds=None if lesson.valid is None else PATIENCE,
        **choice.variant,
    )
    evaluated = None if lesson.valid is None else [lesson.valid]
    return model.fit(lesson.matrix, lesson.target, eval_set=evaluated, verbose=False)


def tune_xgboost(view: View, seed: int) -> Choice:
    """Tune data form, depth and number of trees of XGBoost."""
    kept, apart = set_apart(view, seed)
    best = Choice(form="encoded")
    for form in ("encoded", "native"):
        matrix = view.matrix(form)
        lesson = EncoderTarget(
            matrix=matrix[kept],
            target=view.target[kept],
            categorical=view.categorical,
            valid=(matrix[apart], view.target[apart]),
        )
        shared = {"subsample": 0.8, "colsample_bytree": 0.8}
        for variant in ({"max_depth": 6, "min_child_weight": 5}, {"max_depth": 4, "min_child_weight": 5}):
            choice = Choice(form=form, variant=variant | shared, trees=600)
            model = xgboost_fit(lesson, choice, seed)
            if float(model.best_score) < best.loss:
                trees = max(FEWEST_TREES, int(model.best_iteration) + 1)
                best = Choice(form=form, variant=choice.variant, trees=trees, loss=float(model.best_score))
    return best


def ngboost_fit(lesson: EncoderTarget, choice: Choice, seed: int) -> Any:  # noqa: ANN401 - untyped library
    """Fit NGBoost with a normal density."""
    from ngboost import NGBRegressor
    from ngboost.distns import Normal
    from sklearn.tree import DecisionTreeRegressor

    base = DecisionTreeRegressor(criterion="friedman_mse", min_samples_leaf=10, **choice.variant)
    model = NGBRegressor(
        Dist=Normal,
        Base=base,
        n_estimators=choice.trees,
        learning_rate=0.05,
        minibatch_frac=0.8,
        verbose=False,
        random_state=seed,
        early_stopping_rounds=None if lesson.valid is None else 30,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if lesson.valid is None:
            return model.fit(lesson.matrix, lesson.target)
        return model.fit(lesson.matrix, lesson.target, X_val=lesson.valid[0], Y_val=lesson.valid[1])


def tune_ngboost(view: View, seed: int) -> Choice:
    """Tune depth and number of trees of NGBoost."""
    kept, apart = set_apart(view, seed)
    best = Choice(form="filled")
    held = (view.filled[apart], view.target[apart])
    for variant in ({"max_depth": 5}, {"max_depth": 3}):
        lesson = EncoderTarget(matrix=view.filled[kept], target=view.target[kept], valid=held)
        model = ngboost_fit(lesson, Choice(form="filled", variant=variant, trees=500), seed)
        trees = max(FEWEST_TREES, int(model.best_val_loss_itr or 0) + 1)
        said = model.pred_dist(held[0], max_iter=trees)
        loss = float(-np.mean(said.logpdf(held[1])))
        if loss < best.loss:
            best = Choice(form="filled", variant=variant, trees=trees, loss=loss)
    return best


def forest_fit(lesson: EncoderTarget, choice: Choice, seed: int) -> Any:  # noqa: ANN401 - untyped library
    """Fit a quantile regression forest."""
    from quantile_forest import RandomForestQuantileRegressor

    forest = RandomForestQuantileRegressor(n_estimators=choice.trees, n_jobs=1, random_state=seed, **choice.variant)
    return forest.fit(lesson.matrix, lesson.target)


def tune_forest(view: View, seed: int) -> Choice:
    """Tune leaf size and share of columns of the quantile forest."""
    kept, apart = set_apart(view, seed)
    best = Choice(form="filled")
    for leaf in (2, 5, 10):
        choice = Choice(form="filled", variant={"min_samples_leaf": leaf, "max_features": 0.5}, trees=200)
        model = forest_fit(EncoderTarget(matrix=view.filled[kept], target=view.target[kept]), choice, seed)
        said = model.predict(view.filled[apart], quantiles=list(QUANTILES))
        loss = sum(pinball(view.target[apart], said[:, k], level) for k, level in enumerate(QUANTILES))
        if loss < best.loss:
            best = Choice(form="filled", variant=choice.variant, trees=200, loss=loss)
    return best
