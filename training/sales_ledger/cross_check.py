"""Check a ledger against traces and quotes (交叉核对): convert prices to CNY and reject implausible sales."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from training.sales_ledger.sales_table import Ledger
from valuation.dossier import Dossier
from valuation.market.snapshot import FRESH_DAYS, MarketHistory
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.record.cases import TraceTable
from valuation.record.to_columns import calendar_day
from valuation.routes.closed_sales import closing_findings, find_closed_sales

LOWEST_CNY_PER_KWH: Final = -1_000.0
HIGHEST_CNY_PER_KWH: Final = 5_000.0
"""Plausible price range of a used pack; a new pack cost at most 2,500 CNY/kWh (expert judgement, 2026). [CNY/kWh]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleFacts:
    """Facts for plausibility checks, one row per sale: refused packs, day of production, rated energy [kWh].

    `closed` and `maybe_closed` mark sales into a route that findings close or may close
    (:mod:`valuation.routes.closed_sales`); `closing` lists the findings and the routes they close.
    """

    refused: BoolArray
    made_day: FloatArray
    energy_kwh: FloatArray
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
            closed=np.concatenate([part.closed for part in parts]),
            maybe_closed=np.concatenate([part.maybe_closed for part in parts]),
            closing=tuple(one for part in parts for one in part.closing),
        )


def match_traces(
    ledger: Ledger, table: TraceTable, market: MarketHistory, unread: Collection[str] = ()
) -> tuple[Ledger, IntArray]:
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
    return ledger, _rows(ledger, position)


def plausible(ledger: Ledger, facts: SaleFacts) -> Ledger:
    """Return the plausible sales: made before the sale, not refused, route open, price in range.

    Parameters
    ----------
    ledger : Ledger
        Sales with traces and quotes, from :func:`match_traces`.
    facts : SaleFacts
        Facts of the same sales.
    """
    per_kwh = ledger.price_cny / facts.energy_kwh
    absurd = (per_kwh < LOWEST_CNY_PER_KWH) | (per_kwh > HIGHEST_CNY_PER_KWH)
    doubts = (
        (ledger.sold_day < facts.made_day, "before made", "sold_on", _dates(ledger.sold_day)),
        (facts.refused, "refused", "battery_code", ledger.battery_code),
        (facts.closed, "closed route", "route", _into(ledger.route, facts.closing)),
        (facts.maybe_closed, "route not stated", "route", _into(ledger.route, facts.closing)),
        (absurd, "absurd", "price_cny", [f"{value:.2f}" for value in ledger.price_cny.tolist()]),
    )
    kept = ledger
    for doubt, reason, name, values in doubts:
        at = np.flatnonzero(np.isin(ledger.row, kept.row))
        kept = kept.where(~doubt[at], reason, name, [values[place] for place in at.tolist()])
    return kept


def _into(stated: Sequence[str | None], closing: Sequence[str]) -> list[str]:
    """Format the stated route of each sale and the routes closed by findings."""
    return [f"{route or 'not stated'} (closed: {one})" for route, one in zip(stated, closing, strict=True)]


def _rows(ledger: Ledger, position: dict[str | None, int]) -> IntArray:
    return np.array([position[code] for code in ledger.battery_code], dtype=np.int64)


def _dates(days: FloatArray) -> list[str]:
    return [str(calendar_day(day) or "") for day in days.tolist()]


def convert_to_cny(ledger: Ledger, market: MarketHistory) -> Ledger:
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
