"""Estimate the attainable accuracy from records only: a learner fitted on the expected prices of many sales.

Run: ``.venv/bin/python -m benchmarks.synthetic_attainable [--packs 20000] [--many 160000] [--seeds 101,102] [--write]``

The noise floor of a synthetic market assumes known demand of every model, maker premiums and weekly margins, which can
only be estimated from sales. Here LightGBM is fitted on the *expected* price, without noise, of every sale of a much
larger market with the same prices, models and buyer traits, including the years of the test, and predicts the sales of
the benchmark. Its error is a lower bound for methods that see only the records. With ``--write`` it goes into the page.
"""

from __future__ import annotations

import argparse

import lightgbm
import numpy as np

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE, TEST_DAYS, compare_with_truth, market_of, medians
from training.configuration import TrainingConfig
from training.dataset.market_calibration import fit_market_calibration
from training.dataset.training_set import TrainingSet
from training.metrics import Forecast
from training.simulation.plan import SimulationPlan
from valuation import features
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.numeric.columns import FloatArray

TREES = 400
CHOICES = {
    "objective": "l2",
    "learning_rate": 0.08,
    "num_leaves": 127,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.6,
    "cat_smooth": 5,
    "cat_l2": 5,
    "verbose": -1,
    "num_threads": 1,
    "seed": 0,
    "deterministic": True,
}
WANTED = ("sales tested", "MAPE", "MAPE of the truth (floor)", "MAPE over floor")


def one_seed(seed: int, packs: int, many: int, config: TrainingConfig) -> dict[str, float]:
    """Return the error of a learner fitted on the expected prices of many sales."""
    tested = market_of(SimulationPlan(packs=packs, seed=seed), config)
    teacher = market_of(SimulationPlan(packs=many, seed=seed), config)
    later = tested.sales.sold_day > float(tested.sales.sold_day.max()) - TEST_DAYS
    traits = fit_market_calibration(teacher.sales, config)
    known_sales, asked = teacher.sales.with_calibration(traits), tested.sales.where(later).with_calibration(traits)
    names = [features.NAMES.index(name) for name in features.CATEGORICAL]
    known, unknown = _numbered(_columns(known_sales), _columns(asked), names)
    # The truth is per kWh of recorded or guessed energy; the calibration knows the rated energy of each design.
    per_kwh = teacher.truth.point * teacher.sales.energy_kwh / known_sales.energy_kwh
    off = to_scale(per_kwh, LINEAR_THRESHOLD_CNY_PER_KWH) - _base(known_sales)
    grown = lightgbm.train(CHOICES, lightgbm.Dataset(known, off, categorical_feature=names), TREES)
    point = from_scale(_base(asked) + np.asarray(grown.predict(unknown)), LINEAR_THRESHOLD_CNY_PER_KWH)
    point = point * asked.energy_kwh / tested.sales.where(later).energy_kwh
    truth = tested.truth.where(later)
    predicted = Forecast(price=truth.price, point=point, lower=truth.lower, upper=truth.upper)
    noted = compare_with_truth(predicted, truth, config.level)
    return {**{name: noted[name] for name in WANTED}, "sales with known truth": float(len(known_sales))}


def _columns(sales: TrainingSet) -> FloatArray:
    """Return the features of sales and their day."""
    return np.column_stack([sales.matrix, sales.sold_day])


def _base(sales: TrainingSet) -> FloatArray:
    """Return the structural value on the scale."""
    return to_scale(sales.structural, LINEAR_THRESHOLD_CNY_PER_KWH)


def _numbered(one: FloatArray, other: FloatArray, places: list[int]) -> tuple[FloatArray, FloatArray]:
    """Encode categories as consecutive numbers of the first table; unknown ones become NaN."""
    one, other = one.copy(), other.copy()
    for place in places:
        known = np.unique(one[~np.isnan(one[:, place]), place])
        for table in (one, other):
            at = np.minimum(np.searchsorted(known, table[:, place]), len(known) - 1)
            found = known[at] == table[:, place]
            table[:, place] = np.where(found, at, np.nan)
    return one, other


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--packs", type=int, default=20_000)
    parser.add_argument("--many", type=int, default=160_000)
    parser.add_argument("--seeds", default="101,102,103")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    runs = []
    for seed in chosen.seeds.split(","):
        runs.append(one_seed(int(seed), chosen.packs, chosen.many, TrainingConfig()))
        print(f"seed {seed}: {runs[-1]}", flush=True)
    text = "\n\n".join(
        [
            f"Seeds {chosen.seeds}; learner fitted on expected prices of {chosen.many:,} packs; medians over seeds.",
            table_of(("figure", "median", "lowest", "highest"), medians(runs)),
        ]
    )
    print(text)
    if chosen.write:
        replace_section(PAGE, "synthetic attainable", text)


if __name__ == "__main__":
    main()
