"""Spelling one row of a valued batch as the public answer: money to the fen, cautions in two languages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from valuation.cautions import price_cautions
from valuation.condition.health import SOURCES
from valuation.dossier import Dossier
from valuation.drivers import spell
from valuation.market.snapshot import Market
from valuation.pathways.routes import ROUTES
from valuation.pricing import QUANTILE_LEVELS, STRUCTURE_ONLY
from valuation.record.tabulation import calendar_day
from valuation.result import (
    Band,
    Caution,
    Evidence,
    HealthEstimate,
    MarketCard,
    MetalValue,
    ModelCard,
    NextEvidence,
    PackState,
    RouteValue,
    Valuation,
)
from valuation.valued import Valued
from valuation.version import __version__

GRADES = "ABCD"


def money(amount_cny: float) -> float:
    """Return an amount rounded to the fen, minus zero as zero.

    >>> money(12.3456), money(-0.001)
    (12.35, 0.0)
    """
    return round(amount_cny, 2) + 0.0


def known(value: float, digits: int) -> float | None:
    """Return a rounded number, or nothing where it is not known.

    >>> known(float("nan"), 2), known(0.12345, 3)
    (None, 0.123)
    """
    return None if np.isnan(value) else round(float(value), digits) + 0.0


def spell_valuation(valued: Valued, row: int, notes: Sequence[Caution], input_digest: str) -> Valuation:
    """Return the answer for one pack of the batch."""
    dossier = valued.dossier
    band = _band(valued, row)
    base_cny, drivers = spell(valued.reasons, row, band.point) if valued.reasons else (band.point, ())
    tier, grade = int(dossier.findings.tier[row]), int(dossier.findings.grade[row])
    return Valuation(
        battery_code=dossier.cases.texts["battery_code"][row],
        as_of=valued.as_of,
        currency="CNY",
        vat_included=False,
        region=valued.region,
        residual_value=band,
        routes=_routes(dossier, row),
        best_route=ROUTES[int(dossier.routes.best[row])],
        state=_state(dossier, row),
        metals=_metals(dossier, row),
        drivers=drivers,
        base_cny=base_cny,
        evidence=Evidence(tier=f"T{tier}", grade=GRADES[grade], next_best=_next_best(valued, row, band)),
        cautions=(*notes, *dossier.findings.cautions(row), *price_cautions(valued, row)),
        model=_model_card(valued, row),
        market=dossier.market.once("card", row, _market_card),
        input_digest=input_digest,
    )


def _band(valued: Valued, row: int) -> Band:
    """Return the residual value of one pack in CNY."""
    prices, energy = valued.prices, float(valued.dossier.nameplate.energy_kwh[row])
    return Band(
        point=money(float(prices.point[row]) * energy),
        lower=money(float(prices.lower[row]) * energy),
        upper=money(float(prices.upper[row]) * energy),
        level=valued.level,
        per_kwh=money(float(prices.point[row])),
        quantiles={
            str(share): money(float(prices.quantiles[row, position]) * energy)
            for position, share in enumerate(QUANTILE_LEVELS)
        },
    )


def _routes(dossier: Dossier, row: int) -> tuple[RouteValue, ...]:
    """Return what each route would fetch, and what closes it."""
    energy = float(dossier.nameplate.energy_kwh[row])
    return tuple(
        RouteValue(
            route=route,
            value=money(float(dossier.routes.value_per_kwh[route][row]) * energy),
            probability=round(float(dossier.routes.probability[route][row]), 6),
            open=bool(dossier.routes.open[route][row]),
            blocked_by=tuple(dossier.routes.blocked_by(route, row)),
        )
        for route in ROUTES
    )


def _state(dossier: Dossier, row: int) -> PackState:
    """Return the condition of one pack on the day."""
    health = dossier.health
    return PackState(
        soh=HealthEstimate(
            value=round(float(health.soh[row]), 6),
            sd=round(float(health.soh_sd[row]), 6),
            source=SOURCES[int(health.source[row])],
        ),
        full_cycles=known(health.full_cycles[row], 2),
        calendar_age_a=known(health.calendar_age_a[row], 3),
    )


def _metals(dossier: Dossier, row: int) -> tuple[MetalValue, ...]:
    """Return mass and worth of each metal, and what a 1 % move of its price changes, the payable standing still.

    Of a metal's move only the share that rests on recycling, now or at the end of a second life, reaches the value,
    less what condition and trade take of the metals' worth.
    """
    energy = float(dossier.nameplate.energy_kwh[row])
    routes = dossier.routes
    gross = sum(float(paid[row]) for paid in routes.metal_value_per_kwh.values())
    taken = float(routes.terms["haircut:recycling"][row]) + float(routes.terms["cost:trade"][row])
    share = float(routes.recycling_weight[row]) * (1.0 + taken / gross if gross > 0.0 else 1.0)
    spelled = []
    for element, mass_kg in dossier.metals.mass_kg.items():
        per_kwh = dossier.routes.metal_value_per_kwh.get(element)
        value_cny = 0.0 if per_kwh is None else float(per_kwh[row]) * energy
        if float(mass_kg[row]) > 0.0:
            spelled.append(
                MetalValue(
                    element=element,
                    mass_kg=round(float(mass_kg[row]), 4),
                    value_cny=money(value_cny),
                    value_change_per_pct_cny=money(value_cny * share / 100.0),
                )
            )
    return tuple(spelled)


def _next_best(valued: Valued, row: int, band: Band) -> tuple[NextEvidence, ...]:
    """Return what would narrow the band, the most telling action first."""
    width = band.upper - band.lower
    actions = [
        NextEvidence(
            action=action, band_width_now_cny=money(width), band_width_after_cny=money(width * float(ratio[row]))
        )
        for action, ratio in valued.evidence_ratio.items()
        if float(ratio[row]) < 0.995
    ]
    return tuple(sorted(actions, key=lambda item: (item.band_width_after_cny, item.action)))


def _model_card(valued: Valued, row: int) -> ModelCard:
    """Return which model answered for this pack."""
    model = valued.model
    return ModelCard(
        name="structural" if model is None else model.name,
        version=__version__ if model is None else model.version,
        digest=f"structural:{__version__}" if model is None else model.digest,
        trained_through=None if model is None else model.trained_through,
        demonstration=model is not None and model.demonstration,
        group_used=STRUCTURE_ONLY if model is None else valued.prices.group_used[row],
        effective_sales=round(float(valued.prices.effective_sales[row]), 1),
    )


def _market_card(market: Market, row: int) -> MarketCard:
    """Return which quotes the value rests on, each with its day."""
    used = sorted(name for name, where in market.used.items() if where[row])
    days = {name: calendar_day(float(market.quoted_day[name][row])) for name in used}
    return MarketCard(
        digest=market.digest,
        oldest_quote_days=known(market.oldest_quote_days[row], 0),
        quotes={name: day.isoformat() for name, day in days.items() if day is not None},
        synthetic=market.synthetic,
    )
