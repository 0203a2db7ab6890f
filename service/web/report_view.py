"""View of the report: identity of the pack, quotes used, terms and digests, in addition to the answer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import msgspec
import numpy as np

from service.store import valuations
from service.store.valuations import StoredValuation
from service.valuation_service import RequestTerms, ValuationService
from service.web.formatting import Formatter
from valuation.ingest import read_market
from valuation.market.instruments import INSTRUMENTS
from valuation.market.snapshot import Market, MarketHistory
from valuation.record.to_columns import calendar_day, day_number

_PLAIN: Final = (
    ("report.maker", "maker"),
    ("report.vehicle", "vehicle_model"),
    ("report.duty", "duty"),
)
_QUANTITIES: Final = (
    ("report.energy", "rated_energy_kwh", "kWh"),
    ("report.capacity", "rated_capacity_ah", "Ah"),
    ("report.mass", "mass_kg", "kg"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteLine:
    """One quote that the valuation used."""

    label: str
    price: str
    unit: str
    quoted_on: date
    age_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """The contents of a report in addition to the answer."""

    kept: StoredValuation
    terms: RequestTerms
    identity: tuple[tuple[str, str], ...]
    quotes: tuple[QuoteLine, ...]
    scenario: str


def find_valuation(service: ValuationService, valuation_id: str) -> StoredValuation:
    """Return a stored valuation.

    Raises
    ------
    UnknownValuation
        If no valuation is stored under the id.
    """
    with service.database.reading() as connection:
        return valuations.find(connection, valuation_id)


def view_report(
    service: ValuationService, kept: StoredValuation, quoted: Mapping[str, str], formatter: Formatter
) -> ReportView:
    """Return the report view of a stored valuation.

    Parameters
    ----------
    quoted : mapping of instrument to ISO day
        The quotes named in the answer.
    """
    terms = msgspec.json.decode(kept.request, type=RequestTerms)
    market = _history(service, kept.market_digest).on(np.array([day_number(terms.as_of)]), region=terms.region)
    record = msgspec.json.decode(kept.record, type=dict[str, object])
    if terms.market_shift:
        market = market.shifted(terms.market_shift)
    return ReportView(
        kept=kept,
        terms=terms,
        identity=_identity(record, formatter),
        quotes=_quotes(market, quoted, formatter),
        scenario=", ".join(f"{_label(name, formatter)} × {factor:g}" for name, factor in terms.market_shift.items()),
    )


def _history(service: ValuationService, digest: str) -> MarketHistory:
    """Return the quotes of a valuation, from memory if unchanged, else from the store."""
    if digest == service.market.digest:
        return service.market.history
    with service.database.reading() as connection:
        return read_market(valuations.market_content(connection, digest))


def _identity(record: Mapping[str, object], formatter: Formatter) -> tuple[tuple[str, str], ...]:
    """Return label and text of what the record states about the pack."""
    chemistry, made_on, events = record.get("chemistry"), record.get("made_on"), record.get("events")
    lines = [("report.chemistry", formatter.name("chemistry", chemistry) if isinstance(chemistry, str) else "")]
    for key, name, unit in _QUANTITIES:
        quantity = record.get(name)
        shown = f"{formatter.number(quantity, 1)} {unit}" if isinstance(quantity, int | float) else ""
        lines.append((key, shown))
    lines.append(("report.made_on", formatter.day(made_on) if isinstance(made_on, str) else ""))
    lines += [(key, str(record.get(name) or "")) for key, name in _PLAIN]
    lines.append(("report.events", str(len(events)) if isinstance(events, list) else "0"))
    undeclared = formatter.say("report.undeclared")
    return tuple((formatter.say(key), text or undeclared) for key, text in lines)


def _quotes(market: Market, quoted: Iterable[str], formatter: Formatter) -> tuple[QuoteLine, ...]:
    """Return the quotes named in the answer with their prices, payables last."""
    as_of, lines = calendar_day(float(market.as_of_day[0])), []
    for name in sorted(quoted, key=lambda one: (one.startswith("payable_"), one)):
        instrument = INSTRUMENTS.get(name)
        price = float(market.price[name][0]) if instrument else math.nan
        day = calendar_day(float(market.quoted_day[name][0])) if instrument else None
        if instrument is None or math.isnan(price) or day is None or as_of is None:
            continue
        fine = 3 if instrument.unit == "fraction" else 2 if price < 1000.0 else 0
        lines.append(
            QuoteLine(
                label=_label(name, formatter),
                price=formatter.number(price, fine),
                unit=formatter.name("unit", instrument.unit),
                quoted_on=day,
                age_days=(as_of - day).days,
            )
        )
    return tuple(lines)


def _label(name: str, formatter: Formatter) -> str:
    """Return the display name of an instrument."""
    instrument = INSTRUMENTS.get(name)
    if instrument is None:
        return name
    return instrument.label[formatter.language == "zh"]
