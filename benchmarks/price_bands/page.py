"""Format the tables of docs/explanation/how-good.md."""

from __future__ import annotations

import math
from collections import defaultdict
from statistics import median

from benchmarks.price_bands.ours import OURS, PLAIN
from benchmarks.report import table_of

Results = list[dict[str, object]]
Cell = tuple[str, int]
FIGURES = {
    "interval_score": "interval score (log scale)",
    "coverage": "coverage",
    "worst_group": "worst group",
    "worst_quarter": "worst quarter",
    "mape": "MAPE",
    "relative_width": "relative width",
    "width_over_constant": "width over constant",
}


def text_of(results: Results) -> str:
    """Return the section of one split: comparison with the best other method, with each method, and all figures."""
    middle = medians(results)
    cells = sorted({cell for cell, _ in middle})
    seeds = seeds_of(results)
    intro = (
        f"Medians over {_range(seeds)}. A ratio below 1 is in favour of {OURS}; the best rival of a set is selected in "
        "hindsight, for each metric separately."
    )
    parts = [
        intro,
        table_of(*_against_best(middle, cells)),
        f"Against each rival, geometric mean over {len(cells)} cells of the ratio of interval scores, and its range:",
        table_of(*_against_each(middle, cells)),
    ]
    for cell in cells:
        parts += [f"{_title(cell)} (seeds: {seeds[cell]}):", table_of(*_every_figure(middle, cell))]
    return "\n\n".join(parts)


def seeds_of(results: Results) -> dict[Cell, int]:
    """Return the number of seeds of each cell."""
    seen: dict[Cell, set[object]] = defaultdict(set)
    for result in results:
        seen[str(result["set"]), int(str(result["rows"]))].add(result["seed"])
    return {cell: len(seeds) for cell, seeds in seen.items()}


def _range(seeds: dict[Cell, int]) -> str:
    fewest, most = min(seeds.values()), max(seeds.values())
    number = str(most) if fewest == most else f"{fewest} to {most}"
    return f"{number} seed" if most == 1 else f"{number} seeds"


def medians(results: Results) -> dict[tuple[Cell, str], dict[str, float]]:
    """Return the median of each figure over the seeds, by cell and method."""
    values: dict[tuple[Cell, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        cell = (str(result["set"]), int(str(result["rows"])))
        figures = result["figures"]
        if isinstance(figures, dict):
            for name, value in figures.items():
                if not math.isnan(value):
                    values[cell, str(result["method"])][name].append(float(value))
    return {key: {name: median(many) for name, many in named.items()} for key, named in values.items()}


def best_rival(middle: dict[tuple[Cell, str], dict[str, float]], cell: Cell, figure: str) -> tuple[str, float]:
    """Return the other method with the smallest value of a figure in a cell."""
    rivals = {name: named[figure] for (at, name), named in middle.items() if at == cell and name not in {OURS, PLAIN}}
    name = min(rivals, key=lambda rival: rivals[rival])
    return name, rivals[name]


def geometric(ratios: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))


def _title(cell: Cell) -> str:
    return f"{cell[0]}, {cell[1]:,} training sales" if cell[1] else cell[0]


def _against_best(
    middle: dict[tuple[Cell, str], dict[str, float]], cells: list[Cell]
) -> tuple[list[str], list[list[str]]]:
    rows, scores, errors = [], [], []
    for cell in cells:
        mine = middle.get((cell, OURS))
        if mine is None:
            continue
        rival, score = best_rival(middle, cell, "interval_score")
        pointer, error = best_rival(middle, cell, "mape")
        scores.append(mine["interval_score"] / score)
        errors.append(mine["mape"] / error)
        lowest = mine.get("worst_quarter", mine.get("worst_group", float("nan")))
        ratios = [f"{scores[-1]:.3f}", rival, f"{errors[-1]:.3f}", pointer]
        rows.append([_title(cell), *ratios, f"{mine['coverage']:.3f}", f"{lowest:.3f}"])
    rows.append(["geometric mean", f"{geometric(scores):.3f}", "", f"{geometric(errors):.3f}", "", "", ""])
    heads = ["set", "interval score", "best rival", "MAPE", "best rival", "coverage", "worst group or quarter"]
    return heads, rows


def _against_each(
    middle: dict[tuple[Cell, str], dict[str, float]], cells: list[Cell]
) -> tuple[list[str], list[list[str]]]:
    rows = []
    for name in sorted({name for _, name in middle} - {OURS}):
        both = [cell for cell in cells if (cell, name) in middle and (cell, OURS) in middle]
        ratios = [middle[cell, OURS]["interval_score"] / middle[cell, name]["interval_score"] for cell in both]
        if ratios:
            rows.append([name, f"{geometric(ratios):.3f}", f"{min(ratios):.3f}", f"{max(ratios):.3f}"])
    rows.sort(key=lambda row: float(row[1]), reverse=True)
    return ["rival", "ratio", "lowest", "highest"], rows


def _every_figure(middle: dict[tuple[Cell, str], dict[str, float]], cell: Cell) -> tuple[list[str], list[list[str]]]:
    named = {name: figures for (at, name), figures in middle.items() if at == cell}
    shown = [figure for figure in FIGURES if any(figure in figures for figures in named.values())]
    order = sorted(named, key=lambda name: named[name]["interval_score"])
    rows = [[name] + [f"{named[name].get(figure, float('nan')):.3f}" for figure in shown] for name in order]
    return ["method", *(FIGURES[figure] for figure in shown)], rows
