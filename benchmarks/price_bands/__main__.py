"""Run the benchmark and, on request, write its tables into the page."""

from __future__ import annotations

import argparse
from pathlib import Path

from threadpoolctl import threadpool_limits

from benchmarks.price_bands.borrowed import borrow
from benchmarks.price_bands.datasets import READERS, read_sets
from benchmarks.price_bands.page import text_of
from benchmarks.price_bands.running import Plan, run
from benchmarks.report import replace_section

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "explanation" / "how-good.md"
SECTIONS = {
    "random": "price bands at random",
    "unseen": "price bands of models never seen",
    "time": "price bands in time",
    "time-refit": "price bands in time, refitted",
}


def main() -> None:
    """Parse the command line and run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.price_bands")
    parser.add_argument("--data", type=Path, default=ROOT / "data", help="folder of the price sets")
    parser.add_argument("--split", choices=SECTIONS, default="random")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, nargs="+", default=[1000, 4000], help="training sales")
    parser.add_argument("--sets", nargs="*", choices=READERS, default=[], help="which sets; all by default")
    parser.add_argument("--methods", nargs="*", default=[], help="which methods; all by default")
    parser.add_argument("--rivals", type=Path, default=ROOT / ".venv-benchmarks", help="environment of the rivals")
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "price_bands.jsonl", help="kept; resumed from")
    parser.add_argument("--write", action="store_true", help="write the tables into the page")
    chosen = parser.parse_args()
    borrow(chosen.rivals)
    plan = Plan(
        split=chosen.split,
        rows=tuple(chosen.rows),
        seeds=tuple(range(chosen.seeds)),
        methods=tuple(chosen.methods),
        results=chosen.results,
    )
    with threadpool_limits(1):
        results = run(plan, read_sets(chosen.data, chosen.sets))
    text = text_of(results)
    print(text)
    if chosen.write and chosen.data.is_dir():
        replace_section(PAGE, SECTIONS[chosen.split], text)


if __name__ == "__main__":
    main()
