"""Measure the effect of a redefinition of payables or of the VAT rate (口径变更) on a synthetic market.

Run: ``.venv/bin/python -m benchmarks.synthetic_redefinition [--packs 20000] [--seeds 101,102] [--write]``

Until 13 February 2023 the Chinese payables of nickel and cobalt included lithium; since then lithium has its own
payable. The model is fitted on the sales known half a year before that day and recentred monthly.

For comparison, the VAT rate changes unnoticed on the same day (:mod:`training.evaluation.backtest.vat_scenario`):
prices with tax, half of them, are read as 109/113 of their true value, those without tax correctly; true prices are
used for scoring.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import date

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE, compare_with_truth, fit_on, market_of, medians
from training.configuration import TrainingConfig
from training.evaluation.backtest.vat_scenario import VatChange, apply_vat_mistake
from training.evaluation.replay import replay
from training.simulation.plan import SimulationPlan, day_number

REDEFINED_ON = date(2023, 2, 13)
LEARNED_BEFORE_DAYS = 182.0
SPANS = (("half a year before", -182.0, 0.0), ("first 90 days after", 0.0, 90.0), ("next 275 days", 90.0, 365.0))
WANTED = ("sales tested", "MAPE over floor", "coverage at 0.90", "width over the truth's band", "bias")


def one_market(plan: SimulationPlan, config: TrainingConfig, changes: tuple[VatChange, ...] = ()) -> dict[str, float]:
    """Return the figures of one market before and after the redefinition, with unnoticed VAT changes if given."""
    market = market_of(plan, config)
    day = float(day_number(REDEFINED_ON))
    start = day - LEARNED_BEFORE_DAYS
    estimator = fit_on(market, market.known_by(start, config), config)
    asked = market.sales.where(market.sales.sold_day <= day + SPANS[-1][2])
    truth = market.truth.where(market.sales.sold_day <= day + SPANS[-1][2])
    read = apply_vat_mistake(market.sales, market.tax, changes).sales if changes else market.sales
    model = (estimator.fitted_, estimator.calibration_)
    predicted = replay(model, read.where(market.sales.sold_day <= day + SPANS[-1][2]), start, config)
    tested = asked.sold_day > start
    evaluated, floor = asked.where(tested), truth.where(tested)
    predicted = replace(predicted, price=evaluated.price)
    figures: dict[str, float] = {}
    for name, after, until in SPANS:
        here = (evaluated.sold_day > day + after) & (evaluated.sold_day <= day + until)
        noted = compare_with_truth(predicted.where(here), floor.where(here), config.level)
        figures |= {f"{name}: {key}": noted[key] for key in WANTED}
    return figures


def main() -> None:
    """Measure with and without the redefinition, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--packs", type=int, default=20_000)
    parser.add_argument("--seeds", default="101,102")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    parts = [f"Seeds {chosen.seeds}, {chosen.packs:,} packs each; medians over seeds."]
    cases: tuple[tuple[str, date | None, tuple[VatChange, ...]], ...] = (
        ("Payables redefined", REDEFINED_ON, ()),
        ("VAT from 13 to 9 % on that day, unnoticed", None, (VatChange(on=REDEFINED_ON, rate=0.09),)),
        ("The same markets without either", None, ()),
    )
    for title, changed, changes in cases:
        plans = [SimulationPlan(packs=chosen.packs, seed=seed, payables_redefined_on=changed) for seed in seeds]
        runs = [one_market(plan, TrainingConfig(), changes) for plan in plans]
        parts += [f"{title}:", table_of(("figure", "median", "lowest", "highest"), medians(runs))]
        print(parts[-1], flush=True)
    if chosen.write:
        replace_section(PAGE, "synthetic redefinition", "\n\n".join(parts))


if __name__ == "__main__":
    main()
