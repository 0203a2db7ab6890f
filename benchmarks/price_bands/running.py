"""Run the cells of the benchmark (set, number of sales, seed, method); each result is stored when it is complete."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.price_bands import ours
from benchmarks.price_bands.borrowed import present
from benchmarks.price_bands.calibration import Band, Tuned
from benchmarks.price_bands.datasets import Sales
from benchmarks.price_bands.matrices import Reader, View
from benchmarks.price_bands.rivals import RIVALS
from benchmarks.price_bands.scores import scores
from benchmarks.price_bands.splits import in_time, random_split, unseen_split
from benchmarks.price_bands.walking import FixedModel, MapieWalking, OursWalking, Start, walked

ENBPI, ACI = "MAPIE EnbPI", "MAPIE ACI"
AT_ONCE = {"random": random_split, "unseen": unseen_split}
Fit = Callable[[View, Tuned, int], Band]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Cells to run.

    Attributes
    ----------
    split
        "random", "unseen", "time" or "time-refit".
    rows
        Numbers of training sales, one cell for each.
    seeds
        The seeds; engines are tuned on the first.
    methods
        Names of methods; empty for all.
    results
        File of the results, one JSON object per line.

    """

    split: str
    rows: tuple[int, ...]
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    results: Path


def run(plan: Plan, sets: list[Sales]) -> list[dict[str, object]]:
    """Run the missing cells of a plan and return all results."""
    kept = read_results(plan.results)
    done = {key_of(result) for result in kept}
    for sales in sets:
        if plan.split.startswith("time") and np.all(np.isnan(sales.day)):
            continue
        for rows in plan.rows if plan.split in AT_ONCE else (0,):
            for result in _cell(plan, sales, rows, done):
                kept.append(result)
                _keep(plan.results, result)
    return [result for result in kept if result["split"] == plan.split]


def key_of(result: dict[str, object]) -> tuple[object, ...]:
    """Return the cell and method of a result."""
    return tuple(result[name] for name in ("split", "set", "rows", "seed", "method"))


def read_results(path: Path) -> list[dict[str, object]]:
    """Read the results from a file; empty if there is no file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []


def methods(plan: Plan) -> list[str]:
    """Return the methods of a plan that are installed, and print which are not."""
    names = [ours.OURS, *((ours.PLAIN,) if plan.split in AT_ONCE else (ENBPI, ACI)), *RIVALS]
    absent = [name for name in names if not present(name)]
    if absent:
        sys.stderr.write(f"not installed, see benchmarks/price_bands/__init__.py: {', '.join(absent)}\n")
    return [name for name in names if name not in absent and (not plan.methods or name in plan.methods)]


def _cell(plan: Plan, sales: Sales, rows: int, done: set[tuple[object, ...]]) -> Iterator[dict[str, object]]:
    tuned = Tuned(plan.results.with_suffix(".tuned.json"), f"{plan.split} {sales.name} {rows}")
    if plan.split in AT_ONCE and rows >= len(sales):
        return
    for seed in plan.seeds:
        todo = [name for name in methods(plan) if (plan.split, sales.name, rows, seed, name) not in done]
        if not todo:
            continue
        judge = _at_once(plan, sales, rows, seed) if plan.split in AT_ONCE else _in_time(plan, sales, seed)
        for name in todo:
            begun = time.perf_counter()
            try:
                figures = judge(name, tuned)
            except Exception as reason:  # noqa: BLE001 - one rival that fails must not stop the others
                sys.stderr.write(f"{name} on {sales.name}, {rows} sales, seed {seed}: {reason!r}\n")
                continue
            key = {"split": plan.split, "set": sales.name, "rows": rows, "seed": seed, "method": name}
            yield key | {"seconds": time.perf_counter() - begun, "figures": figures}


def _at_once(plan: Plan, sales: Sales, rows: int, seed: int) -> Callable[[str, Tuned], dict[str, float]]:
    train, test = AT_ONCE[plan.split](sales, rows, seed)
    reader = Reader(train, seed, whole=plan.split == "unseen")
    asked = reader.read(test)

    def judge(name: str, tuned: Tuned) -> dict[str, float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return scores(_fit(name)(reader.training, tuned, seed)(asked), asked.target, test.group)

    return judge


def _fit(name: str) -> Fit:
    if name == ours.OURS:
        return lambda view, _tuned, seed: ours.with_groups(view, seed)
    if name == ours.PLAIN:
        return lambda view, _tuned, seed: ours.columns_alone(view, seed)
    return RIVALS[name]


def _in_time(plan: Plan, sales: Sales, seed: int) -> Callable[[str, Tuned], dict[str, float]]:
    kept = in_time(sales, seed)

    def judge(name: str, tuned: Tuned) -> dict[str, float]:
        return walked(kept, _start(name), tuned, seed, refit=plan.split == "time-refit")

    return judge


def _start(name: str) -> Start:
    if name == ours.OURS:
        return OursWalking
    if name in {ENBPI, ACI}:
        return partial(MapieWalking, {ENBPI: "enbpi", ACI: "aci"}[name])
    return partial(FixedModel, RIVALS[name])


def _keep(path: Path, result: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result) + "\n")
    figures = result["figures"]
    if isinstance(figures, dict):
        print(*key_of(result), *(f"{name}={value:.3f}" for name, value in figures.items()), flush=True)
