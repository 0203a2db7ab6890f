"""Check a ledger against traces and quotes (交叉核对): convert prices to CNY and reject implausible sales."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from training.sales_ledger.sales_table import SalesLedger
from valuation.dossier import Dossier
from valuation.errors import UnreadableLedger
from valuation.market.snapshot import FRESH_DAYS, MarketHistory
from valuation.numeric.columns import BoolArray, FloatArray, IntArray, coalesce
from valuation.record.cases import TraceTable
from valuation.record.to_columns import calendar_day
from valuation.routes.closed_sales import closing_findings, find_closed_sales

LOWEST_CNY_PER_KWH: Final = -1_000.0
HIGHEST_CNY_PER_KWH: Final = 5_000.0
"""Plausible price range of a used pack; a new pack cost at most 2,500 CNY/kWh (expert judgement, 2026). [CNY/kWh]"""

_LEAST_ROWS, _LEAST_STRUCTURAL = 5, 20.0
"""Fewest sales, and their lowest structural value [CNY/kWh], from which a column's median indicates its unit."""

_FAR_TOO_LOW, _FITS = 0.125, 3.0
"""Middle of price over structural value below which the unit is doubted, and factor within which another unit fits."""

_ROW_FAR_TOO_LOW, _ROW_FITS = 0.05, 2.0
"""The same for one row against the middle of all rows: a badly damaged pack fetches less than others, not a 20th."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleFacts:
    """Facts for plausibility checks, one row per sale: refused packs, day of production, energy [kWh], mass [kg].

    `closed` and `maybe_closed` mark sales into a route that findings close or may close
    (:mod:`valuation.routes.closed_sales`); `closing` lists the findings and the routes they close.
    """

    refused: BoolArray
    made_day: FloatArray
    energy_kwh: FloatArray
    mass_kg: FloatArray
    closed: BoolArray
    maybe_closed: BoolArray
    closing: tuple[str, ...]

    @classmethod
    def of(cls, dossier: Dossier, stated: Sequence[str | None]) -> SaleFacts:
        """Collect the facts of the packs of a dossier; `stated` are the routes of their sales."""
        found = find_closed_sales(dossier.routes, stated)
        kept_out = found.kept_out.tolist()
        return cls(
            refused=dossier.findings.refused,
            made_day=dossier.nameplate.made_day,
            energy_kwh=dossier.nameplate.energy_kwh,
            mass_kg=dossier.nameplate.mass_kg,
            closed=found.certain,
            maybe_closed=found.ambiguous,
            closing=tuple(closing_findings(dossier.routes, row) if out else "" for row, out in enumerate(kept_out)),
        )

    @classmethod
    def join(cls, parts: Sequence[SaleFacts]) -> SaleFacts:
        """Concatenate facts."""
        return cls(
            refused=np.concatenate([part.refused for part in parts]),
            made_day=np.concatenate([part.made_day for part in parts]),
            energy_kwh=np.concatenate([part.energy_kwh for part in parts]),
            mass_kg=np.concatenate([part.mass_kg for part in parts]),
            closed=np.concatenate([part.closed for part in parts]),
            maybe_closed=np.concatenate([part.maybe_closed for part in parts]),
            closing=tuple(one for part in parts for one in part.closing),
        )


def match_traces(
    ledger: SalesLedger, table: TraceTable, market: MarketHistory, unread: Collection[str] = ()
) -> tuple[SalesLedger, IntArray]:
    """Match sales to traces and quotes; return the sales with prices in CNY and the trace row of each pack.

    Parameters
    ----------
    ledger : Ledger
        As read.
    table : TraceTable
        Trace records; other packs are ignored.
    market : MarketHistory
        Quotes over the time of the sales.
    unread : collection of str
        Codes of packs whose trace records were rejected.
    """
    ledger = convert_to_cny(ledger, market)
    position = {code: row for row, code in enumerate(table.texts["battery_code"])}
    aside = set(unread)
    ledger = ledger.where(
        np.array([code in position or code not in aside for code in ledger.battery_code], dtype=np.bool_),
        "trace aside",
        "battery_code",
    )
    ledger = ledger.where(
        np.array([code in position for code in ledger.battery_code], dtype=np.bool_), "no trace", "battery_code"
    )
    ledger = ledger.where(ledger.sold_day >= market.complete_from, "before quotes", "sold_on", _dates(ledger.sold_day))
    newest = market.last_day + FRESH_DAYS
    ledger = ledger.where(ledger.sold_day <= newest, "after quotes", "sold_on", _dates(ledger.sold_day))
    ledger = _per_pack(ledger, table.take(_rows(ledger, position)))
    return ledger, _rows(ledger, position)


def _per_pack(ledger: SalesLedger, packs: TraceTable) -> SalesLedger:
    """Return prices per kWh or kg as prices of packs; a pack whose record states no energy or mass is rejected."""
    if not ledger.price_per:
        return ledger
    rated_kwh = packs.packs["rated_capacity_ah"] * packs.packs["nominal_voltage_v"] / 1000.0
    quantity = (
        packs.packs["mass_kg"] if ledger.price_per == "kg" else coalesce(packs.packs["rated_energy_kwh"], rated_kwh)
    )
    known = np.isfinite(quantity)
    converted = replace(
        ledger,
        price_cny=ledger.price_cny * quantity,
        price_per="",
        notes={**ledger.notes, "per unit": int(known.sum())},
    )
    return converted.where(known, "no quantity", "price_cny", [f"{one:g}" for one in ledger.price_cny.tolist()])


def check_price_unit(ledger: SalesLedger, facts: SaleFacts, structural_per_kwh: FloatArray) -> None:
    """Check the unit of a column of prices against the values of its packs, by the middle of all rows.

    Parameters
    ----------
    ledger : Ledger
        Sales with prices of packs.
    facts : SaleFacts
        Facts of the same sales.
    structural_per_kwh : array of shape (sales,)
        Structural value. [CNY/kWh]

    Raises
    ------
    UnreadableLedger
        If the prices are far too low, and fit if they are read as prices per kWh or kg, or in thousands.
    """
    worth = structural_per_kwh * facts.energy_kwh
    clear = (structural_per_kwh > _LEAST_STRUCTURAL) & (ledger.price_cny > 0.0)
    if int(clear.sum()) < _LEAST_ROWS:
        return
    ratio = (ledger.price_cny / worth)[clear]
    if float(np.median(ratio)) > _FAR_TOO_LOW:
        return
    units = _other_units(facts)
    apart = {unit: abs(float(np.log(np.median(ratio * factor[clear])))) for unit, factor in units.items()}
    unit = min(apart, key=lambda one: apart[one])
    if apart[unit] < np.log(_FITS):
        raise UnreadableLedger(
            "ledger.price_unit", field="price_cny", value=ledger.price_heading, name=ledger.name, unit=unit
        )


def _other_units(facts: SaleFacts) -> dict[str, FloatArray]:
    """Return the units in which people state prices, each with its factor to the price of the pack."""
    rows = len(facts.energy_kwh)
    thousands = {"千元": np.full(rows, 1000.0), "万元": np.full(rows, 10_000.0)}
    return {"CNY/kWh": facts.energy_kwh, "CNY/kg": facts.mass_kg, **thousands}


def units_of_rows(ledger: SalesLedger, facts: SaleFacts, structural_per_kwh: FloatArray) -> list[str]:
    """Return the unit in which a price fits the other sales, empty if it is not far below them in its own.

    Parameters as in :func:`check_price_unit`.
    """
    worth = structural_per_kwh * facts.energy_kwh
    clear = (structural_per_kwh > _LEAST_STRUCTURAL) & (ledger.price_cny > 0.0)
    fitting = [""] * len(ledger)
    if int(clear.sum()) < _LEAST_ROWS:
        return fitting
    ratio = np.where(clear, ledger.price_cny, np.nan) / np.where(clear, worth, np.nan)
    ratio /= float(np.nanmedian(ratio))
    units = _other_units(facts)
    for row in np.flatnonzero(ratio < _ROW_FAR_TOO_LOW).tolist():
        apart = {unit: abs(float(np.log(ratio[row] * factor[row]))) for unit, factor in units.items()}
        unit = min(apart, key=lambda one: apart[one])
        fitting[row] = unit if apart[unit] < np.log(_ROW_FITS) else ""
    return fitting


def plausible(ledger: SalesLedger, facts: SaleFacts, structural_per_kwh: FloatArray) -> SalesLedger:
    """Return the plausible sales: made before the sale, not refused, route open, price in range and in its unit.

    Parameters
    ----------
    ledger : Ledger
        Sales with traces and quotes, from :func:`match_traces`.
    facts : SaleFacts
        Facts of the same sales.
    structural_per_kwh : array of shape (sales,)
        Structural value. [CNY/kWh]
    """
    units = units_of_rows(ledger, facts, structural_per_kwh)
    prices = [f"{value:.2f}" for value in ledger.price_cny.tolist()]
    per_kwh = ledger.price_cny / facts.energy_kwh
    absurd = (per_kwh < LOWEST_CNY_PER_KWH) | (per_kwh > HIGHEST_CNY_PER_KWH)
    doubts = (
        (ledger.sold_day < facts.made_day, "before made", "sold_on", _dates(ledger.sold_day)),
        (facts.refused, "refused", "battery_code", ledger.battery_code),
        (facts.closed, "closed route", "route", _into(ledger.route, facts.closing)),
        (facts.maybe_closed, "route not stated", "route", _into(ledger.route, facts.closing)),
        (absurd, "absurd", "price_cny", prices),
        (
            np.array([unit != "" for unit in units], dtype=np.bool_),
            "other unit",
            "price_cny",
            [f"{price} ({unit}?)" for price, unit in zip(prices, units, strict=True)],
        ),
    )
    kept = ledger
    for doubt, reason, name, values in doubts:
        at = np.flatnonzero(np.isin(ledger.row, kept.row))
        kept = kept.where(~doubt[at], reason, name, [values[place] for place in at.tolist()])
    return kept


def _into(stated: Sequence[str | None], closing: Sequence[str]) -> list[str]:
    """Format the stated route of each sale and the routes closed by findings."""
    return [f"{route or 'not stated'} (closed: {one})" for route, one in zip(stated, closing, strict=True)]


def _rows(ledger: SalesLedger, position: dict[str | None, int]) -> IntArray:
    return np.array([position[code] for code in ledger.battery_code], dtype=np.int64)


def _dates(days: FloatArray) -> list[str]:
    return [str(calendar_day(day) or "") for day in days.tolist()]


def convert_to_cny(ledger: SalesLedger, market: MarketHistory) -> SalesLedger:
    """Convert foreign prices at the last rate quoted by their day; sales without a rate are rejected."""
    foreign = np.array([one is not None for one in ledger.currency], dtype=np.bool_)
    if not foreign.any():
        return ledger
    rates = market.on(ledger.sold_day)
    factor = np.ones(len(ledger))
    for name in sorted({one for one in ledger.currency if one is not None}):
        rows = np.array([one == name for one in ledger.currency], dtype=np.bool_)
        fresh = rates.age_days[name] <= FRESH_DAYS
        factor[rows] = np.where(fresh, rates.price[name], np.nan)[rows]
    ledger = replace(
        ledger,
        price_cny=ledger.price_cny * factor,
        lot_price_cny=ledger.lot_price_cny * factor,
        notes={**ledger.notes, "converted": int(np.isfinite(factor[foreign]).sum())},
    )
    quoted = ledger.where(np.isfinite(factor), "no exchange rate", "currency")
    return replace(quoted, currency=(None,) * len(quoted))
