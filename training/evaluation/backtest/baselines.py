"""Baseline methods of a back-test (对照方法): last price, linear fit and boosted trees, with split conformal bands.

Each is fitted on the sales known on a day. A random fifth of the sales is held out, and the half-width of the band is
the quantile of the absolute errors there (V. Vovk et al., 2005).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.booster.boosting import Sample, grow, mean_settings
from training.dataset.training_set import TrainingSet
from training.metrics import Forecast
from valuation import features
from valuation.numeric.columns import BoolArray, FloatArray

HELD_OUT_SHARE = 0.2
"""Share of the sales held out to compute the band. [1]"""
_CATEGORIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Input of a baseline: sales known on the origin, sales to predict, level and seed."""

    known: TrainingSet
    targets: TrainingSet
    level: float
    seed: int


Baseline = Callable[[Task], Forecast]


def baselines() -> Mapping[str, Baseline]:
    """Return the baselines by name; CatBoost only if it is installed."""
    found: dict[str, Baseline] = {
        "last price": last_price,
        "linear + split conformal": linear,
        "LightGBM + split conformal": lightgbm,
    }
    if find_spec("catboost") is not None:
        found["CatBoost + split conformal"] = catboost
    return found


def last_price(task: Task) -> Forecast:
    """Predict the last known price per kWh of the same vehicle model, else of the chemistry, else of all sales."""
    previous = _last_known(task.known, task.known, before_itself=True)
    missed = np.abs(task.known.price - previous)
    point = _last_known(task.known, task.targets, before_itself=False)
    return _with_half_width(task, point, split_quantile(missed[np.isfinite(missed)], task.level))


def linear(task: Task) -> Forecast:
    """Fit a ridge regression on all features and the structural value, with a split conformal band."""
    training, held_out = _split(task)
    encode = _dummies(task.known)
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        RidgeCV(alphas=np.logspace(0, 4, 9)),
    )
    model.fit(encode(task.known)[training], task.known.price[training])

    def predict(sales: TrainingSet) -> FloatArray:
        return np.asarray(model.predict(encode(sales)), dtype=np.float64)

    return _conformal(task, predict, held_out)


def lightgbm(task: Task) -> Forecast:
    """Fit LightGBM on all features and the structural value, with a split conformal band."""
    training, held_out = _split(task)
    chance = np.random.default_rng(task.seed + 1)
    stopping = training & (chance.random(len(training)) < HELD_OUT_SHARE)
    matrix, price = _with_structural(task.known), task.known.price
    whole = Sample(matrix=matrix, target=price, weight=np.ones(len(price)))
    settings = mean_settings(int((training & ~stopping).sum()), (), task.seed, 1)
    grown = grow(whole.take(training & ~stopping), settings, validation=whole.take(stopping))
    trees = int(np.argmin(grown.curve)) + 1
    return _conformal(task, lambda sales: grown.predict(_with_structural(sales), trees), held_out)


def catboost(task: Task) -> Forecast:
    """Fit CatBoost on all features and the structural value, with a split conformal band."""
    model = importlib.import_module("catboost").CatBoostRegressor(
        iterations=600,
        learning_rate=0.05,
        random_seed=task.seed,
        verbose=False,
        allow_writing_files=False,
        thread_count=1,
    )
    training, held_out = _split(task)
    model.fit(_with_structural(task.known)[training], task.known.price[training])
    return _conformal(
        task, lambda sales: np.asarray(model.predict(_with_structural(sales)), dtype=np.float64), held_out
    )


def split_quantile(missed: FloatArray, level: float) -> float:
    """Return the distance within which split conformal promises the level: the ceil((n + 1) level)-th smallest miss.

    >>> split_quantile(np.arange(1.0, 100.0), 0.9)
    90.0
    """
    if not len(missed):
        return float("inf")
    place = min(math.ceil((len(missed) + 1) * level - 1e-9), len(missed))
    return float(np.sort(missed)[place - 1])


def _conformal(task: Task, predict: Callable[[TrainingSet], FloatArray], held_out: BoolArray) -> Forecast:
    held = task.known.where(held_out)
    half_width = split_quantile(np.abs(held.price - predict(held)), task.level)
    return _with_half_width(task, predict(task.targets), half_width)


def _with_half_width(task: Task, point: FloatArray, half_width: float) -> Forecast:
    return Forecast(price=task.targets.price, point=point, lower=point - half_width, upper=point + half_width)


def _split(task: Task) -> tuple[BoolArray, BoolArray]:
    """Return masks of the training sales and of the held-out sales."""
    held_out: BoolArray = np.random.default_rng(task.seed).random(len(task.known)) < HELD_OUT_SHARE
    return ~held_out, held_out


def _with_structural(sales: TrainingSet) -> FloatArray:
    return np.column_stack([sales.matrix, sales.structural])


def _dummies(known: TrainingSet) -> Callable[[TrainingSet], FloatArray]:
    """Return an encoder for the linear fit: numbers unchanged, small categories one-hot."""
    kinds = [features.NAMES.index(name) for name in features.CATEGORICAL]
    numbers = [place for place in range(len(features.NAMES)) if place not in kinds]
    codes = {place: np.unique(known.matrix[:, place][np.isfinite(known.matrix[:, place])]) for place in kinds}

    def encode(sales: TrainingSet) -> FloatArray:
        columns = [sales.structural, *(sales.matrix[:, place] for place in numbers)]
        for place, found in codes.items():
            if len(found) <= _CATEGORIES:
                columns += [(sales.matrix[:, place] == code).astype(np.float64) for code in found]
        return np.column_stack(columns)

    return encode


def _last_known(known: TrainingSet, targets: TrainingSet, *, before_itself: bool) -> FloatArray:
    """Return for each sale the last known price of its vehicle model, else of its chemistry, else of all sales.

    ``before_itself`` uses only earlier sales, to measure the error on known sales.
    """
    latest: dict[str, float] = {}
    answer = np.full(len(targets), np.nan)
    if not before_itself:
        for row in np.argsort(known.sold_day, kind="stable").tolist():
            latest |= dict.fromkeys(_names(known.groups[row]), float(known.price[row]))
    for row in np.argsort(targets.sold_day, kind="stable").tolist():
        names = _names(targets.groups[row])
        answer[row] = next((latest[name] for name in names if name in latest), float("nan"))
        if before_itself:
            latest |= dict.fromkeys(names, float(targets.price[row]))
    return answer


def _names(group: str) -> tuple[str, str, str]:
    """Return the group names of a sale from fine to coarse: vehicle model, chemistry, all.

    >>> _names("LFP/T2/V12")
    ('LFP/V12', 'LFP', '')
    """
    chemistry, _, rest = group.partition("/")
    return f"{chemistry}/{rest.partition('/')[2]}", chemistry, ""
