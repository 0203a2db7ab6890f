"""What a recycler would use instead: the last price, a linear fit, boosted trees, each with split conformal (对照方法).

Each learns from the sales known on a day and then answers for the time ahead, as such models are used: a fifth of its
sales, drawn at random, is kept apart, and the band is the quantile of what it missed there (V. Vovk et al., 2005).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from models.fitting.booster import Sample, grow, mean_settings
from training.dataset.training_set import TrainingSet
from training.metrics import Forecast
from valuation import features
from valuation.numeric.columns import BoolArray, FloatArray

APART = 0.2
"""Share of the sales kept apart for the band."""
_CATEGORIES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a rival is given: sales known on the origin, sales to value, the level, a seed."""

    known: TrainingSet
    asked: TrainingSet
    level: float
    seed: int


Rival = Callable[[Task], Forecast]


def rivals() -> Mapping[str, Rival]:
    """Return the rivals by name; CatBoost only where it is installed."""
    found: dict[str, Rival] = {
        "last price": last_price,
        "linear + split conformal": linear,
        "LightGBM + split conformal": lightgbm,
    }
    if find_spec("catboost") is not None:
        found["CatBoost + split conformal"] = catboost
    return found


def last_price(task: Task) -> Forecast:
    """Return the last known price per kWh of the same vehicle model, else chemistry, else of all; no one learns."""
    told = _last_known(task.known, task.known, before_itself=True)
    missed = np.abs(task.known.price - told)
    point = _last_known(task.known, task.asked, before_itself=False)
    return _with_reach(task, point, split_quantile(missed[np.isfinite(missed)], task.level))


def linear(task: Task) -> Forecast:
    """Return a ridge fit on all features, the structural value among them, with split conformal."""
    from sklearn.impute import SimpleImputer  # noqa: PLC0415 - scikit-learn waits until it is its turn
    from sklearn.linear_model import RidgeCV  # noqa: PLC0415 - same
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 - same
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 - same

    learned, apart = _parted(task)
    spell = _dummies(task.known)
    model = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        RidgeCV(alphas=np.logspace(0, 4, 9)),
    )
    model.fit(spell(task.known)[learned], task.known.price[learned])

    def predict(sales: TrainingSet) -> FloatArray:
        return np.asarray(model.predict(spell(sales)), dtype=np.float64)

    return _conformal(task, predict, apart)


def lightgbm(task: Task) -> Forecast:
    """Return boosted trees on all features, the structural value among them, with split conformal."""
    learned, apart = _parted(task)
    chance = np.random.default_rng(task.seed + 1)
    stopping = learned & (chance.random(len(learned)) < APART)
    matrix, price = _with_structural(task.known), task.known.price
    whole = Sample(matrix=matrix, target=price, weight=np.ones(len(price)))
    settings = mean_settings(int((learned & ~stopping).sum()), (), task.seed, 1)
    grown = grow(whole.take(learned & ~stopping), settings, judge=whole.take(stopping))
    trees = int(np.argmin(grown.curve)) + 1
    return _conformal(task, lambda sales: grown.predict(_with_structural(sales), trees), apart)


def catboost(task: Task) -> Forecast:
    """Return CatBoost's trees on the same, with split conformal."""
    model = importlib.import_module("catboost").CatBoostRegressor(
        iterations=600,
        learning_rate=0.05,
        random_seed=task.seed,
        verbose=False,
        allow_writing_files=False,
        thread_count=1,
    )
    learned, apart = _parted(task)
    model.fit(_with_structural(task.known)[learned], task.known.price[learned])
    return _conformal(task, lambda sales: np.asarray(model.predict(_with_structural(sales)), dtype=np.float64), apart)


def split_quantile(missed: FloatArray, level: float) -> float:
    """Return the distance within which split conformal promises the level: the ceil((n + 1) level)-th smallest miss.

    >>> split_quantile(np.arange(1.0, 100.0), 0.9)
    90.0
    """
    if not len(missed):
        return float("inf")
    place = min(math.ceil((len(missed) + 1) * level - 1e-9), len(missed))
    return float(np.sort(missed)[place - 1])


def _conformal(task: Task, predict: Callable[[TrainingSet], FloatArray], apart: BoolArray) -> Forecast:
    held = task.known.where(apart)
    reach = split_quantile(np.abs(held.price - predict(held)), task.level)
    return _with_reach(task, predict(task.asked), reach)


def _with_reach(task: Task, point: FloatArray, reach: float) -> Forecast:
    return Forecast(price=task.asked.price, point=point, lower=point - reach, upper=point + reach)


def _parted(task: Task) -> tuple[BoolArray, BoolArray]:
    """Return which sales are learned from and which are kept apart for the band."""
    apart: BoolArray = np.random.default_rng(task.seed).random(len(task.known)) < APART
    return ~apart, apart


def _with_structural(sales: TrainingSet) -> FloatArray:
    return np.column_stack([sales.matrix, sales.structural])


def _dummies(known: TrainingSet) -> Callable[[TrainingSet], FloatArray]:
    """Return how sales are spelled for a linear fit: numbers as they are, small categories as columns of their own."""
    kinds = [features.NAMES.index(name) for name in features.CATEGORICAL]
    numbers = [place for place in range(len(features.NAMES)) if place not in kinds]
    codes = {place: np.unique(known.matrix[:, place][np.isfinite(known.matrix[:, place])]) for place in kinds}

    def spell(sales: TrainingSet) -> FloatArray:
        columns = [sales.structural, *(sales.matrix[:, place] for place in numbers)]
        for place, found in codes.items():
            if len(found) <= _CATEGORIES:
                columns += [(sales.matrix[:, place] == code).astype(np.float64) for code in found]
        return np.column_stack(columns)

    return spell


def _last_known(known: TrainingSet, asked: TrainingSet, *, before_itself: bool) -> FloatArray:
    """Return for each sale the last price known of its vehicle model, else its chemistry, else of all.

    ``before_itself`` looks only at the sales before each one: how the rule did on sales it knows.
    """
    latest: dict[str, float] = {}
    answer = np.full(len(asked), np.nan)
    if not before_itself:
        for row in np.argsort(known.sold_day, kind="stable").tolist():
            latest |= dict.fromkeys(_names(known.groups[row]), float(known.price[row]))
    for row in np.argsort(asked.sold_day, kind="stable").tolist():
        names = _names(asked.groups[row])
        answer[row] = next((latest[name] for name in names if name in latest), float("nan"))
        if before_itself:
            latest |= dict.fromkeys(names, float(asked.price[row]))
    return answer


def _names(group: str) -> tuple[str, str, str]:
    """Return a sale's vehicle model, chemistry and everything, from fine to coarse.

    >>> _names("LFP/T2/V12")
    ('LFP/V12', 'LFP', '')
    """
    chemistry, _, rest = group.partition("/")
    return f"{chemistry}/{rest.partition('/')[2]}", chemistry, ""
