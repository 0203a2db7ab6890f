"""How near the price and its band come to the known noise floor, on synthetic sales never trained on.

Run: ``.venv/bin/python -m benchmarks.synthetic_market [--packs 20000] [--seeds 101,102] [--refit-days 0] [--write]``

``--markets DIR`` keeps the files of the markets there, and reads them from there if they exist; ``--figures FILE``
keeps the figures of every seed, and does not measure a seed again (:mod:`benchmarks.before_after`).

Each seed is a market of its own. The model learns from the sales up to a day, waits out the label delay, and values
the sales of the last two years month by month; between months it is re-anchored on the sales reported by then,
never refitted; with ``--refit-days`` a second model, trained anew every so often, stands beside it. The simulator
tells the expected price of every sale and the band of its noise: no one can do better.
Then the records of well-documented packs are cut down step by step: what is not known must widen the band, and each
band must hold what it promises. With ``--write`` the tables go into docs/explanation/how-good.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE, SyntheticMarket, bare, beside_truth, market_of, medians, taught_by
from training.configuration import TrainingConfig
from training.dataset.degraded_records import DEGRADATIONS
from training.dataset.training_set import TrainingSet
from training.evaluation.replay import roll
from training.evaluation.segments import judge_segments
from training.fit_model import MarketRegressor, forecast
from training.metrics import Forecast, Verdict, judge
from training.simulation.plan import SimulationPlan
from valuation import features

LEAST = 100
"""A segment with fewer sales in a market is left out: its coverage is known to 6 points at best."""
WELL_DOCUMENTED = 3.0
"""Tier from which records are cut down: a test of remaining capacity is on file."""
MASKS = ("T0, code alone", "T0, code and plate", "T1, ledger", "T2, readings", "full record, T3 or T4")

Figures = dict[str, float]
Run = tuple[Figures, Figures, Figures, Figures]
"""Of one seed: figures overall, coverage by segment, the worst of each kind, and what cut-down records give."""


def one_seed(plan: SimulationPlan, config: TrainingConfig, refit_days: float = 0.0, folder: Path | None = None) -> Run:
    """Return figures overall, coverage by segment, the worst of each kind, and what cut-down records give."""
    market = market_of(plan, config, folder)
    start = market.start_day
    estimator = taught_by(market, market.known_by(start, config), config)
    masked = _masked(estimator, market, start, config)  # before it is re-anchored
    said, tested = roll(estimator, market.sales, start, config)
    judged = market.sales.where(tested)
    overall = beside_truth(said, market.truth.where(tested), config.level)
    overall["MAPE of the structural value alone"] = judge(bare(judged), config.level).mape
    overall |= _of_closed(said, judged, config.level)
    overall["sales learned from"] = float(market.known_by(start, config).sum())
    by_kind = judge_segments(said, judged, config.level)
    covered = {
        f"{kind} {name}": verdict.coverage
        for kind in ("chemistry", "tier", "region")
        for name, verdict in by_kind[kind].items()
        if verdict.sales >= LEAST
    }
    of_truth = judge_segments(market.truth.where(tested), judged, config.level)
    worst = {}
    for kind, verdicts in by_kind.items():
        if _worst(verdicts) < 2.0:
            worst[f"worst {kind}"] = _worst(verdicts)
            worst[f"worst {kind}, the truth's own band"] = _worst(of_truth[kind])
    if refit_days:
        overall |= _refitted(market, refit_days, config)
    return overall, covered, worst, masked


def _refitted(market: SyntheticMarket, every_days: float, config: TrainingConfig) -> Figures:
    """Return the figures of a platform that trains anew every so often on all that is known by then."""
    parts, rows = [], []
    for start in np.arange(market.start_day, float(market.sales.sold_day.max()), every_days):
        estimator = taught_by(market, market.known_by(start, config), config)
        until = market.sales.sold_day <= start + every_days
        said, tested = roll(estimator, market.sales.where(until), start, config)
        parts.append(said)
        rows.append(np.flatnonzero(until)[tested])
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Forecast.__slots__}
    here = np.concatenate(rows)
    truth = Forecast(**{name: getattr(market.truth, name)[here] for name in Forecast.__slots__})
    told = beside_truth(Forecast(**columns), truth, config.level)
    wanted = ("MAPE over floor", "coverage at 0.90", "width over the truth's band", "interval score over the truth's")
    return {f"trained anew every {every_days:.0f} days: {name}": told[name] for name in wanted}


def _of_closed(said: Forecast, judged: TrainingSet, level: float) -> Figures:
    """Return the figures of the packs to which a finding closes a route; none where there are few."""
    closed = judged.matrix[:, features.NAMES.index("closures")] > 0.0
    if int(closed.sum()) < LEAST:
        return {}
    verdict = judge(said.where(closed), level)
    named = {"sales": float(verdict.sales), "MAPE": verdict.mape, "coverage": verdict.coverage, "bias": verdict.bias}
    return {f"packs with a closed route: {name}": value for name, value in named.items()}


def _worst(verdicts: Mapping[str, Verdict]) -> float:
    """Return the lowest coverage of a segment that has sales enough; 2 where none has."""
    return min((verdict.coverage for verdict in verdicts.values() if verdict.sales >= LEAST), default=2.0)


def _masked(estimator: MarketRegressor, market: SyntheticMarket, start: float, config: TrainingConfig) -> Figures:
    """Return width and coverage on well-documented packs whose records are cut down step by step."""
    sales = market.sales.where((market.sales.sold_day > start) & (market.sales.tier >= WELL_DOCUMENTED))
    if sales.archive is None:
        return {}
    archive = sales.archive
    figures: Figures = {}
    for kind, name in enumerate(MASKS):
        cut_down = np.full(len(sales), float(kind) if kind < len(DEGRADATIONS) else np.nan)
        seen = archive.reworked(sales, cut_down)
        verdict = judge(forecast(estimator, seen, config.level), config.level)
        figures[f"width over price: {name}"] = verdict.relative_width
        figures[f"coverage: {name}"] = verdict.coverage
    return figures


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--packs", type=int, default=20_000)
    parser.add_argument("--seeds", default="101,102,103")
    parser.add_argument("--refit-days", type=float, default=0.0, help="also train anew every so many days")
    parser.add_argument("--markets", type=Path, help="folder in which the files of the markets are kept")
    parser.add_argument("--figures", type=Path, help="file in which the figures of every seed are kept")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    kept = read_figures(chosen.figures)
    for seed in seeds:
        if seed not in kept:
            plan = SimulationPlan(packs=chosen.packs, seed=seed)
            folder = None if chosen.markets is None else chosen.markets / f"seed-{seed}"
            kept[seed] = one_seed(plan, TrainingConfig(), chosen.refit_days, folder)
            if chosen.figures is not None:
                _keep_figures(kept, chosen.figures)
        print(f"seed {seed}: {kept[seed][0]}", flush=True)
    text = section([kept[seed] for seed in seeds], chosen.seeds, chosen.packs)
    print(text)
    if chosen.write:
        replace_section(PAGE, "synthetic market", text)


def section(runs: Sequence[Run], seeds: str, packs: int) -> str:
    """Return the tables of the page."""
    overall, covered, worst, masked = (medians(part) for part in zip(*runs, strict=True))
    heads = ("median", "lowest", "highest")
    return "\n\n".join(
        [
            f"{len(runs)} synthetic markets (seeds {seeds}) of {packs:,} packs each; medians over seeds.",
            table_of(("figure", *heads), overall),
            f"The segment that is covered worst, of those with {LEAST} sales in a market or more, at nominal 0.90:",
            table_of(("kind", *heads), worst),
            "Coverage by segment at nominal 0.90:",
            table_of(("segment", *heads), covered),
            "Packs with a test on file whose records are cut down step by step, priced without re-anchoring:",
            table_of(("figure", *heads), masked),
        ]
    )


def read_figures(path: Path | None) -> dict[int, Run]:
    """Return the figures that a file holds by seed; none where there is no file."""
    if path is None or not path.exists():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {int(seed): tuple(parts) for seed, parts in kept.items()}


def _keep_figures(kept: Mapping[int, Run], path: Path) -> None:
    """Write the figures by seed."""
    path.write_text(json.dumps(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
