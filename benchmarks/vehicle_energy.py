"""Measure how often the energy of a vehicle's pack lies in the stated 90 % range, on a catalogue that is not ours.

`python -m benchmarks.vehicle_energy --data CATALOGUE.csv` reads a catalogue as `canzhi catalogue import` does and asks
the built-in table for make, model and year of each row. `--write` writes the table into docs/reference/vehicles.md.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.report import replace_section, table_of
from valuation.ingest.tables.vehicle_catalogue import read_catalogue
from valuation.vehicle.catalogue import Variant, built_in

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "vehicles.md"
KINDS = {
    "model": "model in the table",
    "make": "model not in the table, make is",
    "year": "make not in the table",
}


def measure(rows: Iterable[Variant]) -> dict[str, tuple[int, float, float]]:
    """Return rows, share inside the 90 % range and median ratio of its ends, by how well the vehicle is known."""
    inside: defaultdict[str, list[bool]] = defaultdict(list)
    ratio: defaultdict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.from_year != row.to_year:
            continue  # no model year
        vehicle = built_in().find(row.model, row.make, row.from_year)
        if vehicle is None:
            continue
        lower, upper = vehicle.energy_range_kwh()
        for kind in (vehicle.match, *(["not in the table"] if vehicle.match != "model" else [])):
            inside[kind].append(lower <= row.energy_kwh <= upper)
            ratio[kind].append(upper / lower)
    return {kind: (len(hits), float(np.mean(hits)), float(np.median(ratio[kind]))) for kind, hits in inside.items()}


def first_of_rows(variants: Iterable[Variant]) -> Iterator[Variant]:
    """Yield one variant for each row of the catalogue: a row without a chemistry is read as several that share it."""
    share = 0.0
    for one in variants:
        if share == 0.0:
            yield one
        share = 0.0 if share + one.share > 0.99 else share + one.share


def table(found: dict[str, tuple[int, float, float]]) -> str:
    """Return the figures as a Markdown table."""
    kinds = {**KINDS, "not in the table": "all models not in the table"}
    rows = [
        (kinds[kind], f"{found[kind][0]:,}", f"{found[kind][1]:.1%}", f"{found[kind][2]:.1f}")
        for kind in kinds
        if kind in found
    ]
    return table_of(("vehicle", "rows", "inside the 90 % range", "upper over lower end, median"), rows)


def main() -> None:
    """Measure, print, and write on request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vehicle_energy")
    parser.add_argument("--data", type=Path, required=True, help="a catalogue of vehicles, CSV")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    chosen = parser.parse_args()
    if not chosen.data.is_file():
        print(f"{chosen.data} is not there: nothing is measured")
        return
    variants = read_catalogue(chosen.data, chosen.data.name).variants
    text = table(measure(first_of_rows(variants)))
    print(text)
    if chosen.write:
        replace_section(PAGE, "vehicle_energy", text)


if __name__ == "__main__":
    main()
