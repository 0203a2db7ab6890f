"""Measure how far false sales move the values, and how fast honest turns are followed, on synthetic markets.

Run: ``.venv/bin/python -m benchmarks.false_sales [--packs 8000] [--seeds 601,602,603] [--processes 1] [--write]``

Each seed is a synthetic market. A model of the size of the demonstration model is trained on the sales known a year
before the end of the market. The sales of the last months are then reported by seven reporters of unequal size,
together with false ones: real packs with their price times a factor, from one additional reporter or from all, for any
pack or for one group. As in the service, prices far outside their band are held, and the other sales recentre the
model. The values of 200 packs on the last day are compared with those without false sales. Largest moves are those of
packs worth at least 20 CNY/kWh.

A turn multiplies the prices by a factor that changes to 1.4 or 0.6 within 60 days and then stays; the quotes do not
change. Each sale is compared with the model of the day before. With ``--write`` the tables go into
docs/explanation/how-good.md.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from multiprocessing import get_context

import numpy as np

from benchmarks.report import replace_section, table_of
from benchmarks.synthetic.markets import PAGE
from benchmarks.synthetic.reported import (
    HONEST_SALES,
    VALUED_PACKS,
    Scene,
    joined,
    lived_through,
    reporters,
    scene_of,
    values_of,
)
from models.calibration.reported_sales import ReportedSales
from valuation.numeric.columns import FloatArray, IntArray

WORTH_CNY_PER_KWH = 20.0
STEP_DAYS = 14.0
"""Time between two recentrings while false sales are reported. [d]"""
TURN_DAYS, AFTER_DAYS, BEFORE_DAYS = 60.0, 30.0, 150.0
BURST_DAYS = 7.0
SHARES = (0.01, 0.10, 0.30)
FACTORS = (0.1, 0.7, 1.5, 10.0, 1e6)
UNNOTICED = (0.7, 1.5)
"""Factors whose sales pass as honest; for attacks on one group or within one week only these are used."""
LIMITS = ((0.03, 0.06), (0.08, 0.16), (0.20, 0.40))
Turned = tuple[int, float, dict[str, float]]
"""Seed, factor and figures of a market that turned."""
ONE, MANY = "one more", "all"
ANY, CHEMISTRY, GROUP, WEEK = "any pack", "one chemistry", "one model", "any pack, within a week"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """An attack by false sales: their share of all sales, price factor, reporters and target."""

    share: float
    factor: float
    reporter: str
    aim: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Effect of false sales: share of values moved, width relative to honest sales, share of sales held."""

    median: float
    largest: float
    width: float
    held: float
    honest_held: float


def false_sales(scene: Scene, attack: Attack, chance: np.random.Generator) -> ReportedSales:
    """Return the false sales of an attack."""
    honest = scene.honest
    count = max(round(attack.share / (1.0 - attack.share) * len(honest.day)), 1)
    sales = scene.later.take(chance.choice(_aimed_at(scene, attack.aim), count))
    newest = float(honest.day.max())
    day = (
        newest - chance.integers(0, int(BURST_DAYS), count) if attack.aim == WEEK else chance.choice(honest.day, count)
    )
    return replace(
        sales,
        price=sales.price * attack.factor,
        day=day.astype(np.float64),
        reporter=("false",) * count if attack.reporter == ONE else reporters(chance, count),
        pack=tuple(f"false-{number}" for number in range(count)),
    )


def _aimed_at(scene: Scene, aim: str) -> IntArray:
    """Return the sales that false ones are copied from: all, or those of one group among the valued packs."""
    depth = {CHEMISTRY: 1, GROUP: 3}.get(aim)
    if depth is None:
        return np.arange(len(scene.later.day))
    groups = ["/".join(label.split("/")[:depth]) for label in scene.valued.labels if not label.endswith("/-")]
    names, counts = np.unique(groups, return_counts=True)
    chosen = names[np.argmax(counts)] if aim == GROUP else names[np.argsort(counts, kind="stable")[len(names) // 2]]
    return np.flatnonzero([label.startswith(chosen) for label in scene.later.labels])


def outcome_of(scene: Scene, attack: Attack, seed: int, honest: tuple[FloatArray, FloatArray]) -> Outcome:
    """Return the effect of an attack on values and widths, relative to recentring with honest sales only."""
    false = false_sales(scene, attack, np.random.default_rng([seed, *attack.aim.encode()]))
    sales = joined(scene.honest, false)
    *_, (model, _, held) = lived_through(scene.model, sales, STEP_DAYS)
    point, width = values_of(model, scene.valued)
    moved = np.abs(point / honest[0] - 1.0)
    wrong = np.arange(len(sales.day)) >= len(scene.honest.day)
    return Outcome(
        median=float(np.median(moved)),
        largest=float(np.max(moved[honest[0] >= WORTH_CNY_PER_KWH])),
        width=float(np.median(width / honest[1])),
        held=float(np.mean(held[wrong])),
        honest_held=float(np.mean(held[~wrong])),
    )


def attacks() -> list[Attack]:
    """Return all attacks to measure."""
    tried = [(ANY, FACTORS), (CHEMISTRY, UNNOTICED), (GROUP, UNNOTICED), (WEEK, UNNOTICED)]
    return [
        Attack(share=share, factor=factor, reporter=reporter, aim=aim)
        for aim, factors in tried
        for reporter, factor, share in product((ONE, MANY), factors, SHARES)
    ]


def turned(scene: Scene, factor: float) -> dict[str, float]:
    """Return the coverage in a market that turns within two months, and the share of its honest sales that is held."""
    sales = scene.later
    end = float(sales.day.max())
    start = end - TURN_DAYS - AFTER_DAYS
    path = 1.0 + (factor - 1.0) * np.clip((sales.day - start) / TURN_DAYS, 0.0, 1.0)
    sales = replace(sales, price=sales.price * path).take(sales.day >= start - BEFORE_DAYS)
    inside, held = np.full(len(sales.day), np.nan), np.zeros(len(sales.day), dtype=np.bool_)
    for model, now, far in lived_through(scene.model, sales, 1.0):
        held = far
        if now.any():
            asked = sales.take(now)
            edges = model.state.price_of(asked.predicted, np.array([0.05, 0.95]))[1]
            inside[now] = (edges[:, 0] <= asked.price) & (asked.price <= edges[:, 1])
    later = sales.day >= start
    return {
        "sales": float(np.sum(later)),
        "coverage before": float(np.mean(inside[~later])),
        "coverage": float(np.mean(inside[later])),
        "accepted": 1.0 - float(np.mean(held)),
        "accepted in the turn": 1.0 - float(np.mean(held[later])),
    }


def attack_rows(found: dict[Attack, list[Outcome]]) -> list[tuple[str, ...]]:
    """Return one row per kind of attack, with the worst figures over all seeds."""
    rows = []
    kinds = dict.fromkeys((one.aim, one.reporter, one.factor) for one in found)
    for aim, reporter, factor in kinds:
        cells: list[str] = []
        held: list[float] = []
        width: list[float] = []
        for share, (most, largest) in zip(SHARES, LIMITS, strict=True):
            outcomes = found[Attack(share=share, factor=factor, reporter=reporter, aim=aim)]
            worst = max(one.median for one in outcomes), max(one.largest for one in outcomes)
            beyond = " (beyond)" if worst[0] > most or worst[1] > largest else ""
            cells.append(f"{100.0 * worst[0]:.1f} / {100.0 * worst[1]:.1f}{beyond}")
            held.append(float(np.mean([one.held for one in outcomes])))
            width.extend(one.width for one in outcomes)
        shown = f"{min(width):.2f} to {max(width):.2f}"
        rows.append((aim, reporter, f"x{factor:g}", f"{np.mean(held):.2f}", *cells, shown))
    return rows


def text_of(found: dict[Attack, list[Outcome]], turns: list[Turned], lead: str) -> str:
    """Return both tables and a description of the data."""
    moved = [f"{share:.0%} false: median / largest move, %" for share in SHARES]
    attacked = table_of(("aimed at", "reported by", "price", "held", *moved, "width"), attack_rows(found))
    names = list(turns[0][2])
    followed = table_of(
        ("market", "seed", *names),
        [
            (f"x{factor:g}", str(seed), f"{row['sales']:.0f}", *(f"{row[name]:.3f}" for name in names[1:]))
            for seed, factor, row in turns
        ],
    )
    limits = ", ".join(f"{100.0 * most:.0f} / {100.0 * largest:.0f}" for most, largest in LIMITS)
    accepted = 1.0 - max(one.honest_held for outcomes in found.values() for one in outcomes)
    return (
        f"{lead} Worst of all seeds; limits {limits} %. Of the honest sales at least {accepted:.3f} were accepted.\n\n"
        f"{attacked}\n\nMarkets whose level changes by the factor within 60 days, evaluated in the 30 days after; "
        f"nominal coverage 0.90, required 0.85, and 0.95 of the\nsales accepted:\n\n{followed}"
    )


def one_seed(seed: int, packs: int) -> tuple[dict[Attack, Outcome], list[Turned]]:
    """Return the results of all attacks and turns in one market."""
    scene = scene_of(seed, packs)
    turns = [(seed, factor, turned(scene, factor)) for factor in (1.0, 1.4, 0.6)]
    print(*turns, sep="\n", flush=True)
    *_, (model, _, _) = lived_through(scene.model, scene.honest, STEP_DAYS)
    honest = values_of(model, scene.valued)
    found = {}
    for attack in attacks():
        found[attack] = outcome_of(scene, attack, seed, honest)
        print(seed, attack, found[attack], flush=True)
    return found, turns


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--packs", type=int, default=8_000)
    parser.add_argument("--seeds", default="601,602,603")
    parser.add_argument("--processes", type=int, default=1, help="seeds measured at once")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    with ProcessPoolExecutor(chosen.processes, mp_context=get_context("spawn")) as pool:
        done = list(pool.map(one_seed, seeds, [chosen.packs] * len(seeds)))
    found = {attack: [of_seed[attack] for of_seed, _ in done] for attack in attacks()}
    turns = [turn for _, of_seed in done for turn in of_seed]
    lead = (
        f"Synthetic markets (seeds {chosen.seeds}) of {chosen.packs:,} packs, {HONEST_SALES} honest sales each, values "
        f"of {VALUED_PACKS} packs."
    )
    text = text_of(found, turns, lead)
    print(text)
    if chosen.write:
        replace_section(PAGE, "false sales", text)


if __name__ == "__main__":
    main()
