"""Compare the recycling value with published prices.

Run: ``.venv/bin/python -m benchmarks.recycling_against_published [--write]``

With ``--write`` the tables go into docs/reference/recycling-check.md.
"""

from __future__ import annotations

import argparse
import csv
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.report import replace_section, table_of
from valuation.ingest import read_market
from valuation.market.instruments import VAT_RATE
from valuation.market.payables import LCE_PER_LITHIUM
from valuation.market.snapshot import MarketHistory
from valuation.pack.materials import metal_content
from valuation.pack.nameplate import read_nameplate
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.assumptions import CHINA
from valuation.routes.recycling import Recycling, price_recycling

HERE = Path(__file__).parent
PUBLISHED = HERE / "data" / "published_recycling.csv"
PAGE = HERE.parent / "docs" / "reference" / "recycling-check.md"
HEADS = (
    "check",
    "day",
    "what",
    "published [CNY/t]",
    "ours with tax",
    "ratio",
    "ours without tax",
    "ratio without",
    "reliability",
)
PACK_HEADS = ("chemistry", "Li", "Ni", "Co", "Cu", "Al", "other metals", "costs", "recycling", "recycling with tax")
CELL_CODES = {"LFP": "T01CB010000001B650000001", "NMC523": "T01CE010000001B650000001"}
ROUND_PRICES = {
    "lithium_carbonate": "150000,CNY/t,true",
    "nickel_sulphate": "31000,CNY/t,true",
    "cobalt_sulphate": "76000,CNY/t,true",
    "copper": "108000,CNY/t,true",
    "aluminium": "24000,CNY/t,true",
    "steel": "2700,CNY/t,true",
}
PACK_CHEMISTRIES = ("LFP", "NMC111", "NMC523", "NMC622", "NMC811", "NCA", "LMO", "LCO", "LTO", "NIMH", "NAION")
WORN = np.array([0.7])
"""State of health of packs sold for their material; only lithium depends on it, weakly. [1]"""
Check = dict[str, str]


def main() -> None:
    """Print both tables and, if asked, write them to the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables to docs/reference/recycling-check.md")
    write = parser.parse_args().write
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = [compared(check) for check in csv.DictReader(file)]
    tables = {"published prices": table_of(HEADS, rows), "packs": table_of(PACK_HEADS, pack_rows())}
    for name, text in tables.items():
        print(f"\n{name}\n\n{text}")
        if write:
            replace_section(PAGE, name, text)


def compared(check: Check) -> tuple[str, ...]:
    """Return one published price and the computed value, with and without tax."""
    published = float(check["published_cny_per_t"])
    ours = ours_per_t(check)
    with_tax = ours * (1.0 + VAT_RATE)
    return (
        check["check"],
        check["published_on"],
        check["what"],
        f"{published:,.0f}",
        f"{with_tax:,.0f}",
        f"{with_tax / published:.2f}",
        f"{ours:,.0f}",
        f"{ours / published:.2f}",
        check["reliability"],
    )


def ours_per_t(check: Check) -> float:
    """Return the computed recycling value of one tonne, without tax. [CNY/t]"""
    day = date.fromisoformat(check["published_on"])
    market = market_of(quotes_of(check), day)
    if check["form"] == "cell":
        energy_kwh = float(check["energy_wh_per_kg"])
        cells = PackHistory(
            battery_code=CELL_CODES[check["chemistry"]],
            chemistry=check["chemistry"],
            rated_energy_kwh=energy_kwh,
            mass_kg=1000.0,
        )
        return float(recycling_of(cells, market, day).value(WORN)[0]) * energy_kwh
    today = market.on(np.array([day_number(day)]))
    lithium_kg = 1000.0 * float(check["lithium_share"])
    price = today.price["lithium_carbonate"][0] * LCE_PER_LITHIUM / 1000.0
    paid = lithium_kg * price * float(today.price["payable_li_lfp"][0])
    if check["form"] == "point":
        return paid
    return paid - 1000.0 * (CHINA.transport_cny_per_kg + CHINA.treatment_cny_per_kg)


def quotes_of(check: Check) -> dict[str, str]:
    """Return the quotes of a check's day in the format of a quotes file; London prices contain no tax."""
    quotes = {"usd_cny": f"{check['usd_cny']},CNY/USD,false"}
    for name, unit in (
        ("lithium_carbonate", "CNY/t,true"),
        ("cobalt_sulphate", "CNY/t,true"),
        ("nickel", "USD/t,false"),
        ("copper", "USD/t,false"),
        ("aluminium", "USD/t,false"),
    ):
        price = check[f"{name}_{unit[:3].lower()}_per_t"]
        if price:
            quotes[name] = f"{price},{unit}"
    return quotes


def market_of(quotes: dict[str, str], day: date) -> MarketHistory:
    """Return a market in which everything is quoted on one day."""
    head = "quoted_on,instrument,price,unit,vat_included,region,source\n"
    return read_market(
        (head + "\n".join(f"{day},{name},{quote},CN,benchmark" for name, quote in quotes.items())).encode()
    )


def recycling_of(history: PackHistory, market: MarketHistory, day: date) -> Recycling:
    """Return the recycling value of one pack without haircuts."""
    cases = cut(tabulate([history]), np.array([day_number(day)]))
    nameplate = read_nameplate(cases)
    today = market.on(cases.as_of_day).for_packs(nameplate.chemistry)
    return price_recycling(nameplate, today, metal_content(cases, nameplate), np.zeros(1), CHINA)


def pack_rows() -> list[tuple[str, ...]]:
    """Return the recycling value of a pack of each chemistry at round prices, by metal. [CNY/kWh without tax]"""
    day = date(2026, 9, 1)
    market = market_of(ROUND_PRICES, day)
    rows = []
    for chemistry in PACK_CHEMISTRIES:
        recycling = recycling_of(
            PackHistory(chemistry=chemistry, rated_energy_kwh=60.0, made_on=date(2023, 6, 1)), market, day
        )
        metals = {element: float(paid[0]) for element, paid in recycling.paid.items()}
        metals["Li"] *= float(recycling.lithium_left(WORN)[0])
        named = [metals.pop(element) for element in ("Li", "Ni", "Co", "Cu", "Al")]
        value = float(recycling.value(WORN)[0])
        cost = value - sum(named) - sum(metals.values())
        figures = (*named, sum(metals.values()), cost, value, value * (1.0 + VAT_RATE))
        rows.append((chemistry, *(f"{figure:.1f}" for figure in figures)))
    return rows


if __name__ == "__main__":
    main()
