"""Measure evaluation and explanation of a forest: compiled kernel at each level, numpy, LightGBM and lleaves.

Run: ``.venv/bin/python -m benchmarks.forest_evaluation --write``

One thread, CPU time, engines in turn in every round; ratios are taken within a round. LightGBM trains the forest on
synthetic rows of 40 columns with a tenth of the cells missing. The forest and its lleaves compilation are cached under
``build/``, because compiling takes minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np

from benchmarks.report import replace_section, table_of
from models.booster.forest_text import forest_from_text
from models.inference.explanation.tree_shap import Attribution
from models.inference.forest import Forest
from models.kernel.library import LEVELS, open_kernel
from models.kernel.native_forest import NativeForest, prepare
from valuation.errors import SettingError

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "explanation" / "how-fast.md"
SECTION = "evaluating a forest"
COLUMNS, MISSING = 40, 0.1
LIGHTGBM, LLEAVES, NUMPY = "LightGBM Booster.predict", "lleaves", "numpy"

Answer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Microseconds per row of each round, and the largest difference from LightGBM."""

    spent: list[float]
    difference: float


def synthetic(rows: int, seed: int) -> np.ndarray:
    """Return synthetic rows with missing cells."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(rows, COLUMNS))
    matrix[generator.random(matrix.shape) < MISSING] = np.nan
    return matrix


def grown(trees: int, leaves: int) -> Path:
    """Return the file of a forest of this size, trained on first use."""
    path = ROOT / "build" / f"forest_evaluation.{trees}x{leaves}.txt"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        matrix = synthetic(30_000, 1)
        known = np.nan_to_num(matrix)
        target = known[:, 0] + np.sin(2.0 * known[:, 1]) * known[:, 2] + (known[:, 3] > 0.0) * known[:, 4]
        target += 0.3 * known[:, 5:15].sum(axis=1) + np.random.default_rng(2).normal(size=len(matrix))
        parameters = {"objective": "regression", "num_leaves": leaves, "learning_rate": 0.05, "verbosity": -1}
        lightgbm.train(parameters, lightgbm.Dataset(matrix, target), trees).save_model(path)
    return path


def levels_here(forest: Forest) -> dict[str, NativeForest]:
    """Return the forest prepared for every level of this processor, the highest last."""
    programs = {}
    for level in LEVELS.values():
        with contextlib.suppress(SettingError):
            kernel = open_kernel(level)
            program = None if kernel is None else prepare(forest, kernel)
            if program is not None:
                programs[f"kernel, {level}"] = program
    return programs


def answers_of(path: Path, booster: Any, forest: Forest) -> dict[str, Answer]:  # noqa: ANN401 - untyped library
    """Return the engines: LightGBM first, the best level of the kernel last."""
    found: dict[str, Answer] = {LIGHTGBM: lambda rows: booster.predict(rows, num_threads=1)}
    try:
        import lleaves  # noqa: PLC0415 - a rival, where it is installed
    except ImportError:
        print("lleaves is not installed: see requirements/benchmarks.in")
    else:
        compiled = lleaves.Model(model_file=str(path))
        compiled.compile(cache=str(path.with_suffix(".lleaves")))
        found[LLEAVES] = lambda rows: compiled.predict(rows, n_jobs=1)
    found[NUMPY] = forest.predict_numpy
    return found | {name: program.predict for name, program in levels_here(forest).items()}


def spend(ask: Answer, parts: list[np.ndarray]) -> float:
    """Return the microseconds per row of predicting part after part."""
    begun = time.process_time()
    for part in parts:
        ask(part)
    return (time.process_time() - begun) / sum(map(len, parts)) * 1e6


def alone(rows: np.ndarray) -> list[np.ndarray]:
    """Split rows into parts of one row."""
    return [rows[i : i + 1] for i in range(len(rows))]


def race(engines: dict[str, Answer], parts: list[np.ndarray], rounds: int) -> dict[str, Timed]:
    """Measure each engine on the parts, in alternating rounds; numpy gets an eighth of them."""
    spent: dict[str, list[float]] = {name: [] for name in engines}
    fewer = parts[: max(len(parts) // 8, 1)] if len(parts) > 1 else [parts[0][: len(parts[0]) // 8]]
    for _ in range(rounds):
        for name, ask in engines.items():
            spent[name].append(spend(ask, fewer if name == NUMPY else parts))
    expected = [engines[LIGHTGBM](part) for part in parts]
    apart = {
        name: max(float(np.max(np.abs(ask(part) - right))) for part, right in zip(parts, expected, strict=True))
        for name, ask in engines.items()
    }
    return {name: Timed(spent=spent[name], difference=apart[name]) for name in engines}


def ratio(slower: Timed, quicker: Timed) -> str:
    """Return the median ratio over the rounds, with its range."""
    ratios = np.array(slower.spent) / np.array(quicker.spent)
    return f"{np.median(ratios):.1f} ({ratios.min():.1f} - {ratios.max():.1f})"


def comparison(timed: dict[str, Timed]) -> str:
    """Return the table of one race."""
    rivals = [name for name in (LIGHTGBM, LLEAVES) if name in timed]
    heads = ("evaluated by", "us per row", *(f"times {name.split()[0]}" for name in rivals), "furthest from LightGBM")
    rows = []
    for name, one in timed.items():
        times = [ratio(timed[rival], one) for rival in rivals]
        rows.append((name, f"{np.median(one.spent):.1f}", *times, f"{one.difference:.1g}" if one.difference else "0"))
    return table_of(heads, rows)


def _lightgbm_effects(booster: lightgbm.Booster, rows: np.ndarray) -> np.ndarray:
    effects = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1))
    return effects[:, :-1]  # the last column is the constant


def drivers(sizes: Iterable[tuple[int, int]], rounds: int) -> str:
    """Return the table of additive effects, one row per call, as in a valuation."""
    lines = []
    for trees, leaves in sizes:
        booster = lightgbm.Booster(model_file=grown(trees, leaves))
        attribution = Attribution(forest_from_text(booster.model_to_string()))
        few = synthetic(40, 5)
        contributions = _lightgbm_effects(booster, few)
        engines: dict[str, Answer] = {
            LIGHTGBM: partial(_lightgbm_effects, booster),
            "kernel": attribution.effects,
        }
        timed = race(engines, alone(few), rounds)
        size = float(np.max(np.abs(contributions)))
        theirs, ours = (float(np.median(timed[name].spent)) for name in (LIGHTGBM, "kernel"))
        apart = f"{timed['kernel'].difference / size:.0e}"
        forest = f"{trees:,} trees of {leaves} leaves"
        lines.append((forest, f"{theirs:,.0f}", f"{ours:,.0f}", ratio(timed[LIGHTGBM], timed["kernel"]), apart))
    return table_of(("forest", "pred_contrib, us", "kernel, us", "times", "furthest, of the largest effect"), lines)


def growth(path: Path, rounds: int) -> str:
    """Return what more trees cost, of the kernel's best level."""
    booster = lightgbm.Booster(model_file=path)
    lines = []
    for trees in (100, 300, 1_000, booster.num_trees()):
        forest = forest_from_text(booster.model_to_string(num_iteration=trees))
        many, few = [synthetic(8_192, 6)], alone(synthetic(500, 7))
        batch, single = (
            float(np.median([spend(forest.predict, parts) for _ in range(rounds)])) for parts in (many, few)
        )
        lines.append((f"{trees:,}", f"{batch:.2f}", f"{single:.1f}"))
    return table_of(("trees", "us a row, batch", "us, one row"), lines)


def main() -> None:
    """Measure, print, and on request write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forest_evaluation")
    parser.add_argument("--trees", type=int, default=1500)
    parser.add_argument("--leaves", type=int, default=63)
    parser.add_argument("--rows", type=int, default=8_192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rivals", type=Path, default=ROOT / ".venv-benchmarks")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    from benchmarks.price_bands.borrowed import borrow  # noqa: PLC0415 - before lleaves is looked for

    borrow(chosen.rivals)
    path = grown(chosen.trees, chosen.leaves)
    booster = lightgbm.Booster(model_file=path)
    engines = answers_of(path, booster, forest_from_text(booster.model_to_string()))
    batch = race(engines, [synthetic(chosen.rows, 3)], chosen.rounds)
    single = race(engines, alone(synthetic(400, 4)), chosen.rounds)
    size = f"{chosen.trees:,} trees of {chosen.leaves} leaves, {COLUMNS} columns"
    text = "\n\n".join(
        [
            f"{size}, {chosen.rows:,} rows in one call:",
            comparison(batch),
            "One row a call:",
            comparison(single),
            "Additive effects of one row:",
            drivers([(chosen.trees, chosen.leaves), (300, 31), (100, 15)], chosen.rounds),
            "More trees, the kernel's highest level here:",
            growth(path, chosen.rounds),
        ]
    )
    print(text)
    if chosen.write:
        replace_section(PAGE, SECTION, text)


if __name__ == "__main__":
    main()
