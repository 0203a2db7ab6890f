"""Write the synthetic quotes that come with the package: the market the demonstration model is trained on, thinned.

Month ends since 2021 and week ends of the last 13 months are enough for a first valuation; the file stays small.
"""

from __future__ import annotations

import csv
import sys
from datetime import date
from itertools import groupby
from pathlib import Path

from training.simulation.plan import SimulationPlan, day_of
from training.simulation.quotes import publication_of, simulate_quotes

SEED = 7
MONTHLY_FROM, WEEKLY_FROM = date(2021, 1, 1), date(2025, 10, 20)
TARGET = Path(__file__).resolve().parent.parent / "service" / "demonstration_quotes.csv"


def main() -> int:
    """Write the file and say how many quotes it holds."""
    quotes = simulate_quotes(SimulationPlan(packs=1, seed=SEED))
    rows = []
    for index, name in enumerate(quotes.instruments):
        mine = quotes.instrument == index
        days = [day_of(number) for number in quotes.quoted_on[mine]]
        pairs = [pair for pair in zip(days, quotes.price[mine], strict=True) if pair[0] >= MONTHLY_FROM]
        rows += [(name, *list(group)[-1]) for _, group in groupby(pairs, key=lambda pair: _period(pair[0]))]
    rows.sort(key=lambda row: (row[1], row[0]))
    with TARGET.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("quoted_on", "instrument", "price", "unit", "vat_included", "region", "source"))
        for name, day, price in rows:
            unit, vat_included = publication_of(name)
            writer.writerow(
                (
                    day,
                    name,
                    f"{price:g}" if price < 1e5 else f"{price:.0f}",
                    unit,
                    str(vat_included).lower(),
                    "CN",
                    "synthetic",
                )
            )
    sys.stdout.write(f"{len(rows)} quotes in {TARGET}\n")
    return 0


def _period(day: date) -> tuple[int, ...]:
    """Return the week or month a day falls into; of each only the last quote is kept."""
    return tuple(day.isocalendar())[:2] if day >= WEEKLY_FROM else (day.year, -day.month)


if __name__ == "__main__":
    sys.exit(main())
