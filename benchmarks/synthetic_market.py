"""Compare value and band with the known noise floor on held-out synthetic sales.

Run: ``.venv/bin/python -m benchmarks.synthetic_market [--packs 20000] [--seeds 101,102] [--refit-days 0] [--write]``

``--markets DIR`` stores the files of the markets and reuses them; ``--figures FILE`` stores the figures of every seed
and does not measure a seed again (:mod:`benchmarks.before_after`).

Each seed is a market. The model is fitted on the sales known on a day and predicts the sales of the last two years
month by month, recentred monthly on the reported sales and never refitted; with ``--refit-days`` a second model is
refitted regularly. The simulator gives the expected price of every sale and the band of its noise, which are the best
possible. Then the records of well-documented packs are degraded step by step: bands must become wider and keep their
coverage. With ``--write`` the tables go into docs/explanation/how-good.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE, SyntheticMarket, bare, compare_with_truth, fit_on, market_of, medians
from training.configuration import TrainingConfig
from training.dataset.degraded_records import DEGRADATIONS
from training.dataset.training_set import TrainingSet
from training.evaluation.replay import replay
from training.evaluation.segments import score_segments
from training.fit_model import MarketRegressor, forecast
from training.metrics import Forecast, Scores, score_forecast
from training.simulation.plan import SimulationPlan
from valuation import features

LEAST = 100
"""Fewest sales of a segment; with fewer its coverage is uncertain by more than 6 points."""
WELL_DOCUMENTED = 3.0
"""Lowest tier whose records are degraded: a capacity test is on record."""
MASKS = ("T0, code only", "T0, code and nameplate", "T1, events", "T2, readings", "full record, T3 or T4")

Figures = dict[str, float]
Run = tuple[Figures, Figures, Figures, Figures]
"""Of one seed: overall figures, coverage by segment, worst segments, and figures of degraded records."""


def one_seed(plan: SimulationPlan, config: TrainingConfig, refit_days: float = 0.0, folder: Path | None = None) -> Run:
    """Return overall figures, coverage by segment, worst segments, and figures of degraded records."""
    market = market_of(plan, config, folder)
    start = market.start_day
    estimator = fit_on(market, market.known_by(start, config), config)
    masked = _masked(estimator, market, start, config)  # without recentring
    predicted = replay((estimator.fitted_, estimator.calibration_), market.sales, start, config)
    tested = market.sales.sold_day > start
    evaluated = market.sales.where(tested)
    overall = compare_with_truth(predicted, market.truth.where(tested), config.level)
    overall["MAPE of the structural value"] = score_forecast(bare(evaluated), config.level).mape
    overall |= _of_closed(predicted, evaluated, config.level)
    overall["training sales"] = float(market.known_by(start, config).sum())
    by_kind = score_segments(predicted, evaluated, config.level)
    covered = {
        f"{kind} {name}": scores.coverage
        for kind in ("chemistry", "tier", "region")
        for name, scores in by_kind[kind].items()
        if scores.sales >= LEAST
    }
    of_truth = score_segments(market.truth.where(tested), evaluated, config.level)
    worst = {}
    for kind, by_name in by_kind.items():
        if _worst(by_name) < 2.0:
            worst[f"worst {kind}"] = _worst(by_name)
            worst[f"worst {kind}, the truth's own band"] = _worst(of_truth[kind])
    if refit_days:
        overall |= _refitted(market, refit_days, config)
    return overall, covered, worst, masked


def _refitted(market: SyntheticMarket, every_days: float, config: TrainingConfig) -> Figures:
    """Return the figures of a model that is refitted regularly on all sales known by then."""
    parts, rows = [], []
    for start in np.arange(market.start_day, float(market.sales.sold_day.max()), every_days):
        estimator = fit_on(market, market.known_by(start, config), config)
        until = market.sales.sold_day <= start + every_days
        model = (estimator.fitted_, estimator.calibration_)
        parts.append(replay(model, market.sales.where(until), start, config))
        rows.append(np.flatnonzero(until & (market.sales.sold_day > start)))
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Forecast.__slots__}
    here = np.concatenate(rows)
    truth = Forecast(**{name: getattr(market.truth, name)[here] for name in Forecast.__slots__})
    noted = compare_with_truth(Forecast(**columns), truth, config.level)
    wanted = ("MAPE over floor", "coverage at 0.90", "width over the truth's band", "interval score over the truth's")
    return {f"refitted every {every_days:.0f} days: {name}": noted[name] for name in wanted}


def _of_closed(predicted: Forecast, evaluated: TrainingSet, level: float) -> Figures:
    """Return the figures of packs with a closed route; none if there are few."""
    closed = evaluated.matrix[:, features.NAMES.index("closures")] > 0.0
    if int(closed.sum()) < LEAST:
        return {}
    scores = score_forecast(predicted.where(closed), level)
    named = {"sales": float(scores.sales), "MAPE": scores.mape, "coverage": scores.coverage, "bias": scores.bias}
    return {f"packs with a closed route: {name}": value for name, value in named.items()}


def _worst(by_name: Mapping[str, Scores]) -> float:
    """Return the lowest coverage of the segments with enough sales; 2 if there are none."""
    return min((scores.coverage for scores in by_name.values() if scores.sales >= LEAST), default=2.0)


def _masked(estimator: MarketRegressor, market: SyntheticMarket, start: float, config: TrainingConfig) -> Figures:
    """Return width and coverage on well-documented packs whose records are degraded step by step."""
    sales = market.sales.where((market.sales.sold_day > start) & (market.sales.tier >= WELL_DOCUMENTED))
    if sales.archive is None:
        return {}
    archive = sales.archive
    figures: Figures = {}
    for kind, name in enumerate(MASKS):
        cut_down = np.full(len(sales), float(kind) if kind < len(DEGRADATIONS) else np.nan)
        seen = archive.recompute(sales, cut_down)
        scores = score_forecast(forecast(estimator, seen, config.level), config.level)
        figures[f"width over price: {name}"] = scores.relative_width
        figures[f"coverage: {name}"] = scores.coverage
    return figures


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--packs", type=int, default=20_000)
    parser.add_argument("--seeds", default="101,102,103")
    parser.add_argument(
        "--refit-days", type=float, default=0.0, help="also measure a model that is refitted at this interval"
    )
    parser.add_argument("--markets", type=Path, help="folder of the files of the markets")
    parser.add_argument("--figures", type=Path, help="file of the figures of every seed")
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
            f"Lowest coverage of the segments with at least {LEAST} sales in a market, at nominal 0.90:",
            table_of(("kind", *heads), worst),
            "Coverage by segment at nominal 0.90:",
            table_of(("segment", *heads), covered),
            "Packs with a capacity test whose records are degraded step by step, without recentring:",
            table_of(("figure", *heads), masked),
        ]
    )


def read_figures(path: Path | None) -> dict[int, Run]:
    """Read the figures by seed from a file; empty if there is no file."""
    if path is None or not path.exists():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {int(seed): tuple(parts) for seed, parts in kept.items()}


def _keep_figures(kept: Mapping[int, Run], path: Path) -> None:
    """Write the figures by seed."""
    path.write_text(json.dumps(kept), encoding="utf-8")


if __name__ == "__main__":
    main()
