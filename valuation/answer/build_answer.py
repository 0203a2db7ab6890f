"""Build the public answers of a priced batch, as dicts, with money rounded to the fen.

Numbers are rounded column by column for the whole batch (:class:`RoundedBatch`); each answer is assembled from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from valuation.answer.band_drivers import band_driver_rows
from valuation.answer.cautions import cautions_by_pack
from valuation.answer.drivers import driver_rows
from valuation.answer.priced_batch import PricedBatch
from valuation.condition.health import SOURCES
from valuation.dossier import Dossier
from valuation.market.invoice import cash_factor
from valuation.market.snapshot import Market
from valuation.numeric.columns import FloatArray
from valuation.numeric.rounding import money, money_column, rounded
from valuation.ports import Predictor
from valuation.pricing import QUANTILE_LEVELS, STRUCTURE_ONLY, Prices
from valuation.record.to_columns import calendar_day, day_number
from valuation.result import GRADES, TIERS, Caution, MarketCard, ValuationDict
from valuation.routes.limits_of_use import conditions_of
from valuation.routes.structural_value import ROUTES
from valuation.terms import ValuationTerms
from valuation.version import __version__

_LEVELS = tuple(str(share) for share in QUANTILE_LEVELS)

Rows = Sequence[Sequence[float]]


def known(value: float, digits: int) -> float | None:
    """Return a rounded number, or None for NaN.

    >>> known(float("nan"), 2), known(0.12345, 3)
    (None, 0.123)
    """
    return None if value != value else round(float(value), digits) + 0.0  # noqa: PLR0124 - NaN differs from itself


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundedBatch:
    """The numbers of a batch's answers, rounded; sequences have one entry per pack.

    Attributes
    ----------
    band : point, lower, upper; point per kWh, per kg, per remaining kWh, with VAT; then the quantiles. [CNY]
    width : width of the band. [CNY]
    route_value, route_probability, route_open : one number per route.
    closures : by route, a tuple of caution ids per pack.
    mass_kg, metal_value, metal_change : one number per metal.
    has_metal : whether the pack contains the metal.
    health : state of health and its standard deviation.
    life : cycles and age, not rounded, and effective sales.
    tier_and_grade : evidence tier and trust grade.
    best_route : likeliest open route, or None.
    source : main source of the state of health.
    evidence : by action, one ratio per pack.
    cautions : cautions beyond the findings.
    model : the fields of the model's card that are the same for every pack.
    """

    priced: PricedBatch
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
    tier_and_grade: Sequence[Sequence[int]]
    best_route: Sequence[str | None]
    source: Sequence[str]
    evidence: Mapping[str, Sequence[float]]
    cautions: Sequence[Sequence[Caution]]
    model: ValuationDict


def round_batch(priced: PricedBatch) -> RoundedBatch:
    """Return the rounded numbers of a priced batch."""
    dossier, prices = priced.dossier, priced.prices
    routes, health, energy = dossier.routes, dossier.health, dossier.nameplate.energy_kwh
    masses = np.stack(list(dossier.metals.mass_kg.values()), axis=1)
    value, change = _metal_values(dossier, prices)
    band = np.column_stack(
        [
            prices.point * energy,
            prices.lower * energy,
            prices.upper * energy,
            prices.point,
            prices.point * energy / dossier.metals.pack_mass_kg,
            prices.point / health.soh,
            prices.point * energy * _cash_factor(prices.point, priced.terms),
            prices.quantiles * energy[:, None],
        ]
    )
    by_route = np.stack([routes.value_per_kwh[route] for route in ROUTES], axis=1) * energy[:, None]
    ends = np.cumsum([band.shape[1], len(ROUTES), value.shape[1]])
    amounts = money_column(np.concatenate([band, by_route, value, change], axis=1))
    shares = np.column_stack([*(routes.probability[route] for route in ROUTES), health.soh, health.soh_sd])
    shares = rounded(shares, 6)
    return RoundedBatch(
        priced=priced,
        band=amounts[:, : ends[0]].tolist(),
        width=money_column(amounts[:, 2] - amounts[:, 1]).tolist(),
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
        tier_and_grade=np.column_stack([dossier.findings.tier, dossier.findings.grade]).astype(np.int64).tolist(),
        best_route=[None if code != code else ROUTES[int(code)] for code in routes.best.tolist()],  # noqa: PLR0124 - as above
        source=[SOURCES[code] for code in health.source.astype(np.int64).tolist()],
        model=_model_card(priced.model),
        cautions=cautions_by_pack(priced),
        evidence={action: ratio.tolist() for action, ratio in priced.evidence_ratio.items()},
    )


def _cash_factor(point: FloatArray, terms: ValuationTerms) -> FloatArray:
    """Return the cash price over the point; for a disposal the seller pays, with the general rate on top. [1]"""
    day = float(day_number(terms.as_of))
    return np.where(point < 0.0, cash_factor("general", day), cash_factor(terms.invoice, day))


def _metal_values(dossier: Dossier, prices: Prices) -> tuple[FloatArray, FloatArray]:
    """Return the value of each metal, and its change for a 1 % price change at constant payable. [CNY]

    Only the share of the value that comes from recycling, now or after a second life, follows the price of a metal,
    net of the haircut for condition and the trade margin.
    """
    routes, energy = dossier.routes, dossier.nameplate.energy_kwh
    gross = np.zeros(dossier.rows)
    for paid in routes.metal_value_per_kwh.values():
        gross = gross + paid
    deducted = routes.terms["haircut:recycling"] + routes.terms["cost:trade"]
    left = np.where(gross > 0.0, 1.0 + deducted / np.where(gross > 0.0, gross, 1.0), 1.0)
    zero = np.zeros(dossier.rows)
    per_kwh = [routes.metal_value_per_kwh.get(element) for element in dossier.metals.mass_kg]
    value = np.stack([zero if paid is None else paid * energy for paid in per_kwh], axis=1)
    weight = np.where(prices.uncapped > prices.point, routes.best_route_weight, routes.recycling_weight)
    return value, value * (weight * left)[:, None] / 100.0


def to_valuation_dict(batch: RoundedBatch, row: int, notes: Sequence[Caution], input_digest: str) -> ValuationDict:
    """Return the answer for one pack of the batch; `notes` are the cautions on how its record was read."""
    priced, dossier = batch.priced, batch.priced.dossier
    point, lower, upper, per_kwh, per_kg, per_remaining_kwh, with_vat, *quantiles = batch.band[row]
    base_cny, drivers = driver_rows(priced.value_drivers, row, point) if priced.value_drivers else (point, [])
    width = batch.width[row]
    base_width, width_drivers = (
        band_driver_rows(priced.band_drivers, row, width) if priced.band_drivers else (width, [])
    )
    tier, grade = batch.tier_and_grade[row]
    return {
        "battery_code": dossier.cases.texts["battery_code"][row],
        "as_of": priced.terms.as_of,
        "currency": "CNY",
        "vat_included": False,
        "region": priced.terms.region,
        "residual_value": {
            "point": point,
            "lower": lower,
            "upper": upper,
            "level": priced.terms.level,
            "per_kwh": per_kwh,
            "quantiles": dict(zip(_LEVELS, quantiles, strict=True)),
            "per_kg": per_kg,
            "per_remaining_kwh": per_remaining_kwh,
            "with_vat": with_vat,
            "invoice": priced.terms.invoice,
        },
        "routes": _routes(batch, row),
        "best_route": batch.best_route[row],
        "disposal_cny": -point if batch.best_route[row] is None else None,
        "state": _state(batch, row),
        "metals": _metals(batch, row),
        "drivers": drivers,
        "base_cny": base_cny,
        "width_drivers": width_drivers,
        "base_width_cny": base_width,
        "evidence": {
            "tier": TIERS[tier],
            "grade": GRADES[grade],
            "next_best": _next_best(batch, row, upper - lower) if batch.evidence else [],
        },
        "cautions": (*notes, *dossier.findings.cautions(row), *batch.cautions[row]),
        "not_used": priced.not_used[row],
        "model": {
            **batch.model,
            "group_used": STRUCTURE_ONLY if priced.model is None else priced.prices.group_used[row],
            "effective_sales": batch.life[row][2],
        },
        "market": dossier.market.once("card", row, _market_card),
        "input_digest": input_digest,
    }


def _routes(batch: RoundedBatch, row: int) -> list[ValuationDict]:
    """Return value, probability and closures of each route: ids of findings first, then those of the route itself."""
    columns = zip(ROUTES, batch.route_value[row], batch.route_probability[row], batch.route_open[row], strict=True)
    dossier = batch.priced.dossier
    findings, chemistry = dossier.findings, int(dossier.nameplate.chemistry[row])
    country, day = dossier.market.region, float(day_number(batch.priced.terms.as_of))
    found = findings.found(row)
    return [
        {
            "route": route,
            "value": value,
            "probability": probability,
            "open": is_open,
            "blocked_by": (findings.blockers(route, row) if found else ()) + batch.closures[route][row],
            "conditions": conditions_of(route, chemistry, day, country),
        }
        for route, value, probability, is_open in columns
    ]


def _state(batch: RoundedBatch, row: int) -> ValuationDict:
    """Return the condition of one pack on the valuation day."""
    soh, sd = batch.health[row]
    cycles, age, _ = batch.life[row]
    return {
        "soh": {"value": soh, "sd": sd, "source": batch.source[row]},
        "full_cycles": known(cycles, 2),
        "calendar_age_a": known(age, 3),
    }


def _metals(batch: RoundedBatch, row: int) -> list[ValuationDict]:
    """Return mass and value of each metal in the pack, and the effect of a 1 % change of its price."""
    numbers = (batch.has_metal[row], batch.mass_kg[row], batch.metal_value[row], batch.metal_change[row])
    return [
        {"element": element, "mass_kg": mass_kg, "value_cny": value, "value_change_per_pct_cny": change}
        for element, has, mass_kg, value, change in zip(batch.priced.dossier.metals.mass_kg, *numbers, strict=True)
        if has
    ]


def _next_best(batch: RoundedBatch, row: int, width_cny: float) -> list[ValuationDict]:
    """Return the actions that would narrow the band, most effective first."""
    now = money(width_cny)
    actions = [
        {"action": action, "band_width_now_cny": now, "band_width_after_cny": money(width_cny * ratios[row])}
        for action, ratios in batch.evidence.items()
        if ratios[row] < 0.995
    ]
    return sorted(actions, key=lambda item: (item["band_width_after_cny"], item["action"]))


def _model_card(model: Predictor | None) -> ValuationDict:
    """Return the fields of the model's card that are the same for every pack."""
    return {
        "name": "structural" if model is None else model.name,
        "version": __version__ if model is None else model.version,
        "digest": f"structural:{__version__}" if model is None else model.digest,
        "trained_through": None if model is None else model.trained_through,
        "demonstration": model is not None and model.demonstration,
    }


def _market_card(market: Market, row: int) -> MarketCard:
    """Return the market's card: the quotes that the value depends on, each with its day."""
    used = sorted(name for name, where in market.used.items() if where[row])
    days = {name: calendar_day(float(market.quoted_day[name][row])) for name in used}
    return MarketCard(
        digest=market.digest,
        oldest_quote_days=known(market.oldest_quote_days[row], 0),
        quotes={name: day.isoformat() for name, day in days.items() if day is not None},
        synthetic=market.synthetic,
    )
