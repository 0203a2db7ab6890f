"""How near the noise floor anybody could come who sees the record only: a learner with many sales and the truth itself.

Run: ``.venv/bin/python -m benchmarks.synthetic_attainable [--packs 20000] [--many 160000] [--seeds 101,102] [--write]``

The floor of a synthetic market knows every model's demand, every maker's standing and the mood of every week. Those
can be learned from sales, but never quite. Here LightGBM is told the *expected* price, free of noise, of every sale of
a market of many more packs under the same prices, models and habits, over all its years, those of the test included,
and is asked for the sales that the benchmark tests on. No trainer has such a ledger: the figure says what is left when
all that a record tells of a pack is known. With ``--write`` it goes into the page.
"""

from __future__ import annotations

import argparse

import lightgbm
import numpy as np

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE, TEST_DAYS, beside_truth, market_of, medians
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
    """Return how near a learner comes that was told the truth of many sales."""
    tested = market_of(SimulationPlan(packs=packs, seed=seed), config)
    teacher = market_of(SimulationPlan(packs=many, seed=seed), config)
    later = tested.sales.sold_day > float(tested.sales.sold_day.max()) - TEST_DAYS
    habits = fit_market_calibration(teacher.sales, config)
    taught, asked = teacher.sales.seen(habits), tested.sales.where(later).seen(habits)
    names = [features.NAMES.index(name) for name in features.CATEGORICAL]
    known, unknown = _numbered(_columns(taught), _columns(asked), names)
    # The truth is told per kWh of the energy on the plate, or guessed; habits know how large packs of a design are.
    per_kwh = teacher.truth.point * teacher.sales.energy_kwh / taught.energy_kwh
    off = to_scale(per_kwh, LINEAR_THRESHOLD_CNY_PER_KWH) - _base(taught)
    grown = lightgbm.train(CHOICES, lightgbm.Dataset(known, off, categorical_feature=names), TREES)
    point = from_scale(_base(asked) + np.asarray(grown.predict(unknown)), LINEAR_THRESHOLD_CNY_PER_KWH)
    point = point * asked.energy_kwh / tested.sales.where(later).energy_kwh
    truth = tested.truth.where(later)
    said = Forecast(price=truth.price, point=point, lower=truth.lower, upper=truth.upper)
    told = beside_truth(said, truth, config.level)
    return {**{name: told[name] for name in WANTED}, "sales whose truth was told": float(len(taught))}


def _columns(sales: TrainingSet) -> FloatArray:
    """Return the features of sales and their day."""
    return np.column_stack([sales.matrix, sales.sold_day])


def _base(sales: TrainingSet) -> FloatArray:
    """Return the structural value on the scale."""
    return to_scale(sales.structural, LINEAR_THRESHOLD_CNY_PER_KWH)


def _numbered(one: FloatArray, other: FloatArray, places: list[int]) -> tuple[FloatArray, FloatArray]:
    """Return both with categories as small numbers, those that only the other has as not known."""
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
            f"Seeds {chosen.seeds}; the truth of {chosen.many:,} packs' sales told to a learner, medians over seeds.",
            table_of(("figure", "median", "lowest", "highest"), medians(runs)),
        ]
    )
    print(text)
    if chosen.write:
        replace_section(PAGE, "synthetic attainable", text)


if __name__ == "__main__":
    main()
