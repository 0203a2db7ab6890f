"""What a redefinition of the payables does to the price and its band (折扣系数口径变更), on a synthetic market.

Run: ``.venv/bin/python -m benchmarks.synthetic_redefinition [--packs 20000] [--seeds 101,102] [--write]``

Until 13 February 2023 the Chinese payables of nickel and cobalt held lithium as well; from then on lithium had its own.
The model learns from the sales known half a year before that day, knows nothing of it, and is re-anchored monthly.
"""

from __future__ import annotations

import argparse
from datetime import date

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE, beside_truth, market_of, medians, taught_by
from training.configuration import TrainingConfig
from training.rolling import roll
from training.simulation.plan import SimulationPlan, day_number

REDEFINED_ON = date(2023, 2, 13)
LEARNED_BEFORE_DAYS = 182.0
SPANS = (("half a year before", -182.0, 0.0), ("first 90 days after", 0.0, 90.0), ("next 275 days", 90.0, 365.0))
WANTED = ("sales tested", "MAPE over floor", "coverage at 0.90", "width over the truth's band")


def one_market(plan: SimulationPlan, config: TrainingConfig) -> dict[str, float]:
    """Return the figures of one market before and after the redefinition, all packs and those with nickel or cobalt."""
    market = market_of(plan, config)
    day = float(day_number(REDEFINED_ON))
    start = day - LEARNED_BEFORE_DAYS
    estimator = taught_by(market, market.known_by(start, config), config)
    asked = market.sales.where(market.sales.sold_day <= day + SPANS[-1][2])
    truth = market.truth.where(market.sales.sold_day <= day + SPANS[-1][2])
    said, tested = roll(estimator, asked, start, config)
    judged, floor = asked.where(tested), truth.where(tested)
    figures = {}
    for name, after, until in SPANS:
        here = (judged.sold_day > day + after) & (judged.sold_day <= day + until)
        told = beside_truth(said.where(here), floor.where(here), config.level)
        figures |= {f"{name}: {key}": told[key] for key in WANTED}
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
    for title, changed in (("Redefined", REDEFINED_ON), ("The same markets without a redefinition", None)):
        plans = [SimulationPlan(packs=chosen.packs, seed=seed, payables_redefined_on=changed) for seed in seeds]
        runs = [one_market(plan, TrainingConfig()) for plan in plans]
        parts += [f"{title}:", table_of(("figure", "median", "lowest", "highest"), medians(runs))]
        print(parts[-1], flush=True)
    if chosen.write:
        replace_section(PAGE, "synthetic redefinition", "\n\n".join(parts))


if __name__ == "__main__":
    main()
