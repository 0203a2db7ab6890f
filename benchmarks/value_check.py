"""Put published figures of the trade beside the values and constants of canzhi.

Run: ``.venv/bin/python -m benchmarks.value_check [--write]``

With ``--write`` the tables go into docs/explanation/value-check.md.
"""

from __future__ import annotations

import argparse
import csv
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.report import replace_section, table_of
from valuation.dossier import Dossier, build_dossier
from valuation.ingest import read_market
from valuation.market.instruments import VAT_RATE
from valuation.market.payables import estimated_payable, rule_for
from valuation.market.snapshot import MarketHistory
from valuation.numeric.asinh_scale import from_scale, to_scale
from valuation.pack.chemistry import BY_NAME
from valuation.record.cases import cut
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.assumptions import assumptions_for
from valuation.routes.second_life import new_pack_price, price_second_life

HERE = Path(__file__).parent
PUBLISHED = HERE / "data" / "published_values.csv"
PAGE = HERE.parent / "docs" / "explanation" / "value-check.md"
DAY = date(2026, 9, 1)
USD_CNY, EUR_CNY = 7.1, 8.0
"""Round exchange rates, far finer than any figure here. [CNY]"""
USUAL_LITHIUM = 150_000.0
QUOTES = {
    "nickel_sulphate": "31000,CNY/t,true",
    "cobalt_sulphate": "76000,CNY/t,true",
    "copper": "108000,CNY/t,true",
    "aluminium": "24000,CNY/t,true",
    "new_pack_lfp": "500,CNY/kWh,true",
    "new_pack_ternary": "720,CNY/kWh,true",
}
"""Round quotes of 2026; the prices of new packs are judged. Lithium is that of each published figure."""
HEADS = (
    "fact",
    "day",
    "what",
    "published",
    "unit",
    "ours",
    "outside",
    "sets a constant",
    "reason",
    "source",
    "reliability",
)
CURVE_HEADS = (
    "health",
    "value [CNY/kWh]",
    "share of a new pack",
    "band, share of a new pack",
    "per remaining kWh [CNY]",
    "recycling",
    "second life",
    "reuse",
)
CURVE = (0.60, 0.65, 0.70, 0.75, 0.80, 0.85, 0.90, 0.95)
SCORE_95 = 1.6448536269514722
Fact = dict[str, str]


def main() -> None:
    """Print the tables and, if asked, write them to the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables to docs/explanation/value-check.md")
    write = parser.parse_args().write
    for name, text in tables().items():
        print(f"\n{name}\n\n{text}")
        if write:
            replace_section(PAGE, name, text)


def tables() -> dict[str, str]:
    """Return the tables of the page by name."""
    return {
        "published figures": table_of(HEADS, [compared(fact) for fact in facts()]),
        "retired LFP packs": table_of(CURVE_HEADS, curve_rows("LFP")),
        "retired NMC622 packs": table_of(CURVE_HEADS, curve_rows("NMC622")),
    }


def facts() -> list[Fact]:
    """Return the published figures."""
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def compared(fact: Fact) -> tuple[str, ...]:
    """Return one published figure and ours, with the distance to the published range."""
    low, high = bounds(fact)
    ours = ours_of(fact)
    published = f"{_spelled(low)} to {_spelled(high)}" if high > low else _spelled(low)
    return (
        fact["fact"],
        fact["day"],
        fact["what"],
        published if np.isfinite(high) else f"from {_spelled(low)}",
        fact["unit"],
        _spelled(ours),
        outside(ours, low, high),
        fact["used"],
        fact["reason"] or "-",
        fact["source"],
        fact["reliability"],
    )


def bounds(fact: Fact) -> tuple[float, float]:
    """Return the published range; without an upper figure it is open."""
    return float(fact["low"]), float(fact["high"]) if fact["high"] else np.inf


def outside(ours: float, low: float, high: float) -> str:
    """Return the distance to the published range, in per cent of its nearer end where that is not zero."""
    if low <= ours <= high:
        return "-"
    near = low if ours < low else high
    return f"{ours - near:+.2f}" if near == 0.0 else f"{(ours - near) / abs(near):+.0%}"


def ours_of(fact: Fact) -> float:
    """Return the figure of canzhi that answers to a published one."""
    measure, *of_what = fact["measure"].split(":")
    if measure == "assumption":
        name, per_unit = of_what
        return float(getattr(assumptions_for(fact["region"]), name)) / float(per_unit)
    if measure == "payable":
        element, family = of_what
        lithium = np.array([float(fact["lithium_carbonate_cny_per_t"]) / (1.0 + VAT_RATE)])
        return float(estimated_payable(rule_for(element, family, "CN"), lithium)[0])
    if measure == "end_of_use":
        return BY_NAME[fact["chemistry"]].second_life_end_soh
    lithium_cny_per_t = float(fact["lithium_carbonate_cny_per_t"])
    return _priced(measure, fact["chemistry"], float(fact["soh"]), fact["region"], lithium_cny_per_t)


def _priced(measure: str, chemistry: str, soh: float, region: str, lithium_cny_per_t: float) -> float:
    """Return a value of a pack of this health, in the unit of the measure."""
    dossier = dossier_of(chemistry, (soh,), region, lithium_cny_per_t)
    value, new = float(dossier.routes.structural_per_kwh[0]), float(new_lfp(dossier)[0])
    sale = float(sale_price(dossier)[0])
    kg_per_kwh = float(dossier.metals.pack_mass_kg[0] / dossier.nameplate.energy_kwh[0])
    return {
        "purchase": value / new,
        "purchase_usd": value / USD_CNY,
        "purchase_eur": value / EUR_CNY,
        "sale_per_remaining": sale / soh / new,
        "sale_usd": sale / USD_CNY,
        "second_life_probability": float(dossier.routes.probability["second_life"][0]),
        "recycling_usd_per_kg": float(dossier.routes.value_per_kwh["recycling"][0]) / kg_per_kwh / USD_CNY,
    }[measure]


def curve_rows(chemistry: str) -> list[tuple[str, ...]]:
    """Return the value of packs of one chemistry by health, at the round quotes."""
    dossier = dossier_of(chemistry, CURVE, "CN", USUAL_LITHIUM)
    routes, new = dossier.routes, new_lfp(dossier)
    middle, reach = to_scale(routes.structural_per_kwh), SCORE_95 * routes.scale_sd
    low, high = (from_scale(edge) / new for edge in (middle - reach, middle + reach))
    rows = []
    for place, soh in enumerate(CURVE):
        value = routes.structural_per_kwh[place]
        by_route = (f"{values[place]:.0f}" for values in routes.value_per_kwh.values())
        band = f"{low[place]:.0%} to {high[place]:.0%}"
        share = f"{value / new[place]:.0%}"
        rows.append((f"{soh:.2f}", f"{value:.0f}", share, band, f"{value / soh:.0f}", *by_route))
    return rows


def dossier_of(chemistry: str, healths: tuple[float, ...], region: str, lithium_cny_per_t: float) -> Dossier:
    """Return five-year-old packs of these healths by a laboratory test."""
    packs = []
    for soh in healths:
        tested = TraceEvent(type="tested", on=date(2026, 8, 20), facts={"method": "lab", "soh": soh})
        packs.append(
            PackHistory(
                chemistry=chemistry, rated_energy_kwh=60.0, made_on=date(2021, 6, 1), duty="private", events=(tested,)
            )
        )
    table = tabulate(packs)
    market = market_of({"lithium_carbonate": f"{lithium_cny_per_t},CNY/t,true", **QUOTES})
    return build_dossier(cut(table, np.full(table.rows, day_number(DAY))), market, region=region)


def new_lfp(dossier: Dossier) -> np.ndarray:
    """Return the price of the new LFP pack that a storage buyer compares with. [CNY/kWh]"""
    return np.fmin(new_pack_price(dossier.nameplate, dossier.market), dossier.market.price["new_pack_lfp"])


def sale_price(dossier: Dossier) -> np.ndarray:
    """Return the price of the repurposed pack per rated kWh. [CNY/kWh]"""
    sound = np.zeros(dossier.rows)
    terms = price_second_life(
        dossier.nameplate, dossier.health, dossier.market, dossier.metals, sound, dossier.assumptions
    )
    return terms.revenue(dossier.health.soh)


def market_of(quotes: dict[str, str]) -> MarketHistory:
    """Return a market in which everything is quoted on one day."""
    head = "quoted_on,instrument,price,unit,vat_included,region,source\n"
    return read_market((head + "\n".join(f"2026-08-20,{name},{quote},CN,x" for name, quote in quotes.items())).encode())


def _spelled(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100.0 else f"{number:.2f}"


if __name__ == "__main__":
    main()
