"""Spelling a valued batch as public answers: money to the fen, cautions in two languages.

Numbers are rounded column by column for the whole batch (:class:`RoundedBatch`); a pack's answer is then put
together of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from valuation.answer.band_drivers import band_driver_rows
from valuation.answer.cautions import price_cautions
from valuation.answer.drivers import tell
from valuation.answer.late_reports import not_used
from valuation.answer.priced_batch import PricedBatch
from valuation.condition.health import SOURCES
from valuation.dossier import Dossier
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray
from valuation.numeric.rounding import rounded
from valuation.ports import Predictor
from valuation.pricing import QUANTILE_LEVELS, STRUCTURE_ONLY
from valuation.record.not_used import NotUsed
from valuation.record.to_columns import calendar_day
from valuation.result import Caution, MarketCard, ValuationDict
from valuation.routes.structural_value import ROUTES
from valuation.version import __version__

GRADES = "ABCD"
_LEVELS = tuple(str(share) for share in QUANTILE_LEVELS)

Rows = Sequence[Sequence[float]]


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
    return None if value != value else round(float(value), digits) + 0.0  # noqa: PLR0124 - not-a-number differs from itself


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundedBatch:
    """A valued batch as plain numbers, rounded as they are told; one list a pack unless it says otherwise.

    Attributes
    ----------
    band : point, lower, upper, point per kWh, then the quantiles. [CNY]
    width : of the band. [CNY]
    route_value, route_probability, route_open : one number a route.
    closures : by route, one tuple of ids a pack.
    mass_kg, metal_value, metal_change : one number a metal.
    has_metal : whether there is any of a metal.
    health : soh and its standard deviation.
    life : cycles and age, not rounded, and effective sales.
    standing : evidence tier and trust grade.
    best_route, source : names of the likeliest open route, None where there is none, and of what health rests on most.
    evidence : by action, one ratio a pack.
    cautions : what weakens the price beyond the record, one list a pack.
    not_used : what was known only after the valuation day, one a pack.
    model : what is the same of the model's card for every pack.
    """

    valued: PricedBatch
    band: Rows
    width: Sequence[float]
    route_value: Rows
    route_probability: Rows
    route_open: Sequence[Sequence[bool]]
    closures: Mapping[str, Sequence[tuple[str, ...]]]
    mass_kg: Rows
    metal_value: Rows
    metal_change: Rows
    has_metal: Sequence[Sequence[bool]]
    health: Rows
    life: Rows
    standing: Sequence[Sequence[int]]
    best_route: Sequence[str | None]
    source: Sequence[str]
    evidence: Mapping[str, Sequence[float]]
    cautions: Sequence[Sequence[Caution]]
    not_used: Sequence[NotUsed]
    model: ValuationDict


def round_batch(valued: PricedBatch) -> RoundedBatch:
    """Return a valued batch as the numbers of its answers."""
    dossier, prices = valued.dossier, valued.prices
    routes, health, energy = dossier.routes, dossier.health, dossier.nameplate.energy_kwh
    masses = np.stack(list(dossier.metals.mass_kg.values()), axis=1)
    value, change = _metal_values(dossier)
    band = np.column_stack(
        [
            prices.point * energy,
            prices.lower * energy,
            prices.upper * energy,
            prices.point,
            prices.quantiles * energy[:, None],
        ]
    )
    by_route = np.stack([routes.value_per_kwh[route] for route in ROUTES], axis=1) * energy[:, None]
    ends = np.cumsum([band.shape[1], len(ROUTES), value.shape[1]])
    amounts = rounded(np.concatenate([band, by_route, value, change], axis=1), 2) + 0.0
    shares = np.column_stack([*(routes.probability[route] for route in ROUTES), health.soh, health.soh_sd])
    shares = rounded(shares, 6)
    left_out = not_used(dossier.cases)
    return RoundedBatch(
        valued=valued,
        band=amounts[:, : ends[0]].tolist(),
        width=(rounded(amounts[:, 2] - amounts[:, 1], 2) + 0.0).tolist(),
        route_value=amounts[:, ends[0] : ends[1]].tolist(),
        route_probability=shares[:, : len(ROUTES)].tolist(),
        route_open=np.stack([routes.open[route] for route in ROUTES], axis=1).tolist(),
        closures={route: routes.closed_by(route) for route in ROUTES},
        mass_kg=rounded(masses, 4).tolist(),
        metal_value=amounts[:, ends[1] : ends[2]].tolist(),
        metal_change=amounts[:, ends[2] :].tolist(),
        has_metal=(masses > 0.0).tolist(),
        health=shares[:, len(ROUTES) :].tolist(),
        life=np.column_stack([health.full_cycles, health.calendar_age_a, rounded(prices.effective_sales, 1)]).tolist(),
        standing=np.column_stack([dossier.findings.tier, dossier.findings.grade]).astype(np.int64).tolist(),
        best_route=[None if code != code else ROUTES[int(code)] for code in routes.best.tolist()],  # noqa: PLR0124 - as above
        source=[SOURCES[code] for code in health.source.astype(np.int64).tolist()],
        model=_model_card(valued.model),
        cautions=price_cautions(valued, left_out),
        not_used=left_out,
        evidence={action: ratio.tolist() for action, ratio in valued.evidence_ratio.items()},
    )


def _metal_values(dossier: Dossier) -> tuple[FloatArray, FloatArray]:
    """Return what each metal is worth, and what a 1 % move of its price changes, the payable standing still. [CNY]

    Of a metal's move only the share that rests on recycling, now or at the end of a second life, reaches the value,
    less what condition and trade take of the metals' worth.
    """
    routes, energy = dossier.routes, dossier.nameplate.energy_kwh
    gross = np.zeros(dossier.rows)
    for paid in routes.metal_value_per_kwh.values():
        gross = gross + paid
    taken = routes.terms["haircut:recycling"] + routes.terms["cost:trade"]
    left = np.where(gross > 0.0, 1.0 + taken / np.where(gross > 0.0, gross, 1.0), 1.0)
    nothing = np.zeros(dossier.rows)
    per_kwh = [routes.metal_value_per_kwh.get(element) for element in dossier.metals.mass_kg]
    value = np.stack([nothing if paid is None else paid * energy for paid in per_kwh], axis=1)
    return value, value * (routes.recycling_weight * left)[:, None] / 100.0


def to_valuation_dict(sheet: RoundedBatch, row: int, notes: Sequence[Caution], input_digest: str) -> ValuationDict:
    """Return the answer for one pack of the batch, as it is told."""
    valued, dossier = sheet.valued, sheet.valued.dossier
    point, lower, upper, per_kwh, *quantiles = sheet.band[row]
    base_cny, drivers = tell(valued.reasons, row, point) if valued.reasons else (point, [])
    width = sheet.width[row]
    base_width, width_drivers = (
        band_driver_rows(valued.explain_band, row, width) if valued.explain_band else (width, [])
    )
    tier, grade = sheet.standing[row]
    return {
        "battery_code": dossier.cases.texts["battery_code"][row],
        "as_of": valued.as_of,
        "currency": "CNY",
        "vat_included": False,
        "region": valued.region,
        "residual_value": {
            "point": point,
            "lower": lower,
            "upper": upper,
            "level": valued.level,
            "per_kwh": per_kwh,
            "quantiles": dict(zip(_LEVELS, quantiles, strict=True)),
        },
        "routes": _routes(sheet, row),
        "best_route": sheet.best_route[row],
        "disposal_cny": -point if sheet.best_route[row] is None else None,
        "state": _state(sheet, row),
        "metals": _metals(sheet, row),
        "drivers": drivers,
        "base_cny": base_cny,
        "width_drivers": width_drivers,
        "base_width_cny": base_width,
        "evidence": {
            "tier": f"T{tier}",
            "grade": GRADES[grade],
            "next_best": _next_best(sheet, row, upper - lower) if sheet.evidence else [],
        },
        "cautions": (*notes, *dossier.findings.cautions(row), *sheet.cautions[row]),
        "not_used": sheet.not_used[row],
        "model": {
            **sheet.model,
            "group_used": STRUCTURE_ONLY if valued.model is None else valued.prices.group_used[row],
            "effective_sales": sheet.life[row][2],
        },
        "market": dossier.market.once("card", row, _market_card),
        "input_digest": input_digest,
    }


def _routes(sheet: RoundedBatch, row: int) -> list[ValuationDict]:
    """Return what each route would fetch, and what closes it: findings first, then its own reasons."""
    told = zip(ROUTES, sheet.route_value[row], sheet.route_probability[row], sheet.route_open[row], strict=True)
    findings = sheet.valued.dossier.findings
    found = findings.found(row)
    return [
        {
            "route": route,
            "value": value,
            "probability": probability,
            "open": is_open,
            "blocked_by": (findings.blockers(route, row) if found else ()) + sheet.closures[route][row],
        }
        for route, value, probability, is_open in told
    ]


def _state(sheet: RoundedBatch, row: int) -> ValuationDict:
    """Return the condition of one pack on the day."""
    soh, sd = sheet.health[row]
    cycles, age, _ = sheet.life[row]
    return {
        "soh": {"value": soh, "sd": sd, "source": sheet.source[row]},
        "full_cycles": known(cycles, 2),
        "calendar_age_a": known(age, 3),
    }


def _metals(sheet: RoundedBatch, row: int) -> list[ValuationDict]:
    """Return mass and worth of each metal that there is, and what a 1 % move of its price changes."""
    numbers = (sheet.has_metal[row], sheet.mass_kg[row], sheet.metal_value[row], sheet.metal_change[row])
    return [
        {"element": element, "mass_kg": mass_kg, "value_cny": value, "value_change_per_pct_cny": change}
        for element, has, mass_kg, value, change in zip(sheet.valued.dossier.metals.mass_kg, *numbers, strict=True)
        if has
    ]


def _next_best(sheet: RoundedBatch, row: int, width_cny: float) -> list[ValuationDict]:
    """Return what would narrow the band, the most telling action first."""
    now = money(width_cny)
    actions = [
        {"action": action, "band_width_now_cny": now, "band_width_after_cny": money(width_cny * ratios[row])}
        for action, ratios in sheet.evidence.items()
        if ratios[row] < 0.995
    ]
    return sorted(actions, key=lambda item: (item["band_width_after_cny"], item["action"]))


def _model_card(model: Predictor | None) -> ValuationDict:
    """Return which model answered, as far as it is the same for every pack."""
    return {
        "name": "structural" if model is None else model.name,
        "version": __version__ if model is None else model.version,
        "digest": f"structural:{__version__}" if model is None else model.digest,
        "trained_through": None if model is None else model.trained_through,
        "demonstration": model is not None and model.demonstration,
    }


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
