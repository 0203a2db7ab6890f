"""The other methods, each used as documented by its library: fit on sales, predict edges and point."""

from __future__ import annotations

from functools import partial

import numpy as np

from benchmarks.price_bands.calibration import (
    CALIBRATION_SHARE,
    Band,
    Rival,
    Tuned,
    calibrated,
    lesson_of,
    standardised,
)
from benchmarks.price_bands.engines import (
    catboost_fit,
    catboost_table,
    forest_fit,
    hist_fit,
    ngboost_fit,
    tune_catboost,
    tune_forest,
    tune_hist,
    tune_ngboost,
    tune_xgboost,
    xgboost_fit,
)
from benchmarks.price_bands.lightgbm_rivals import (
    crepes_mondrian,
    lightgbm_cqr,
    lightgbm_normalised,
    mapie_cqr,
    mapie_cross_cqr,
)
from benchmarks.price_bands.matrices import View
from benchmarks.price_bands.tuning import QUANTILES, EncoderTarget, halves

NORMAL_EDGE = 1.6448536269514722  # the 95 % quantile of the standard normal


def catboost_quantiles(view: View, tuned: Tuned, seed: int) -> Band:
    """CatBoost MultiQuantile, split conformal."""
    loss = "MultiQuantile:alpha=" + ",".join(str(level) for level in QUANTILES)
    choice = tuned.choice("catboost quantiles", lambda: tune_catboost(view, loss, seed))
    kept, apart = halves(len(view), seed, CALIBRATION_SHARE)
    model = catboost_fit(lesson_of(view, kept, choice.form), choice, loss, seed)
    native = view.categorical if choice.form == "native" else ()
    return calibrated(
        lambda asked: model.predict(catboost_table(asked.matrix(choice.form), native), thread_count=1), view, apart
    )


def catboost_uncertainty(view: View, tuned: Tuned, seed: int) -> Band:
    """CatBoost RMSEWithUncertainty, split conformal on standardised residuals."""
    loss = "RMSEWithUncertainty"
    choice = tuned.choice("catboost uncertainty", lambda: tune_catboost(view, loss, seed))
    kept, apart = halves(len(view), seed, CALIBRATION_SHARE)
    model = catboost_fit(lesson_of(view, kept, choice.form), choice, loss, seed)
    native = view.categorical if choice.form == "native" else ()

    def both(asked: View) -> np.ndarray:
        said = model.predict(catboost_table(asked.matrix(choice.form), native), thread_count=1)
        return np.column_stack([said[:, 0], np.sqrt(said[:, 1])])

    return standardised(both, view.take(apart))


def xgboost_quantiles(view: View, tuned: Tuned, seed: int) -> Band:
    """XGBoost's vector of quantiles, split conformal."""
    choice = tuned.choice("xgboost", lambda: tune_xgboost(view, seed))
    kept, apart = halves(len(view), seed, CALIBRATION_SHARE)
    model = xgboost_fit(lesson_of(view, kept, choice.form), choice, seed)
    return calibrated(lambda asked: model.predict(asked.matrix(choice.form)), view, apart)


def hist_cqr(view: View, tuned: Tuned, seed: int) -> Band:
    """scikit-learn's histogram boosting of three quantiles, split conformal."""
    kept, apart = halves(len(view), seed, CALIBRATION_SHARE)
    pairs = []
    for level in QUANTILES:
        choice = tuned.choice(f"hist {level}", partial(tune_hist, view, level, seed))
        pairs.append((choice, hist_fit(lesson_of(view, kept, choice.form), choice, level, seed)))
    return calibrated(
        lambda asked: np.column_stack([model.predict(asked.matrix(choice.form)) for choice, model in pairs]),
        view,
        apart,
    )


def ngboost_normal(view: View, tuned: Tuned, seed: int) -> Band:
    """NGBoost's normal density without conformal calibration, which made it worse."""
    choice = tuned.choice("ngboost", lambda: tune_ngboost(view, seed))
    model = ngboost_fit(EncoderTarget(matrix=view.filled, target=view.target), choice, seed)

    def band(asked: View) -> np.ndarray:
        said = model.pred_dist(asked.filled)
        return np.column_stack([said.loc - NORMAL_EDGE * said.scale, said.loc, said.loc + NORMAL_EDGE * said.scale])

    return band


def quantile_forest(view: View, tuned: Tuned, seed: int) -> Band:
    """Quantile regression forest without conformal calibration, which it does not need."""
    choice = tuned.choice("forest", lambda: tune_forest(view, seed))
    model = forest_fit(EncoderTarget(matrix=view.filled, target=view.target), choice, seed)
    return lambda asked: np.sort(model.predict(asked.filled, quantiles=list(QUANTILES)), axis=1)


RIVALS: dict[str, Rival] = {
    "MAPIE CQR": mapie_cqr,
    "MAPIE cross-CQR": mapie_cross_cqr,
    "crepes Mondrian CPS": crepes_mondrian,
    "NGBoost": ngboost_normal,
    "CatBoost MultiQuantile + CP": catboost_quantiles,
    "CatBoost RMSEWithUncertainty + CP": catboost_uncertainty,
    "quantile-forest": quantile_forest,
    "XGBoost multi-quantile + CP": xgboost_quantiles,
    "HistGradientBoosting CQR": hist_cqr,
    "LightGBM CQR": lightgbm_cqr,
    "LightGBM normalised": lightgbm_normalised,
}
