"""Structural value (结构价值): the value of a pack on its best open route, term by term, with its uncertainty.

    V = E[ F + a_D (max(F, D) - F) ],    F = R + a_S (max(R, S) - R),    max(x, y) = tau ln( e^(x/tau) + e^(y/tau) )

the best of recycling R, second life S and reuse D, where a is the share of buyers who would take the pack (0 if the
route is closed) and tau the difference within which sellers choose differently. The expectation over the
uncertain health uses five-point Gauss-Hermite quadrature, which smooths the kink where a second life begins. V rises
with health, prices and payables and falls with costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from valuation.condition.health import StateOfHealth
from valuation.market.snapshot import Market
from valuation.messages import Wording, sentence
from valuation.numeric.asinh_scale import scale_sd
from valuation.numeric.columns import UNKNOWN, BoolArray, FloatArray
from valuation.pack.chemistry import ELEMENTS
from valuation.pack.materials import MetalContent
from valuation.pack.nameplate import Nameplate
from valuation.provenance.run_checks import Findings
from valuation.record.cases import Cases
from valuation.routes.assumptions import Assumptions, assumptions_for
from valuation.routes.buyer_behaviour import (
    damage_tolerance,
    momentum_factor,
    perceived_health,
    willingness_to_pay,
)
from valuation.routes.closures import Closures, closed_by, find_closures
from valuation.routes.damage_costs import assess_hazard
from valuation.routes.module_salvage import price_module_salvage
from valuation.routes.recycling import Recycling, price_recycling
from valuation.routes.reuse import age_a, price_reuse
from valuation.routes.route_choice import (
    ROUTES,
    SALVAGE,
    RouteMix,
    RouteOffers,
    health_nodes,
    mean_over_nodes,
    mix_routes,
    most_likely,
    recycling_weight,
)
from valuation.routes.second_life import price_second_life

__all__ = ["ROUTES", "TERM_LABELS", "Routes", "price_routes"]

BUYER_SD_SECOND_LIFE, BUYER_SD_REUSE = 0.40, 0.35
"""Spread of second-life and reuse prices around the formula, without sales (judged, 2026). That of a second life makes
the band of an LFP pack of .80 cover 10 to 50 % of a new pack, the range of the published figures. [1]"""
MARGIN_SD, MARGIN_FLOOR_CNY_PER_KWH = 0.12, 6.0
"""Spread of the trade margin, without sales: share of the metal value, and a minimum
(judged, 2026, after the 8 to 14 % mean error of a deal on chemistry class alone)."""

_TERMS: Final = (
    *(f"metal:{element}" for element in ELEMENTS),
    "haircut:recycling",
    *("cost:trade", "cost:transport", "cost:dismantling", "cost:treatment", "cost:handling"),
    *("premium:second_life", "premium:reuse"),
)
TERM_LABELS: Final[Mapping[str, Wording]] = MappingProxyType(
    {term: sentence(f"driver.{term.replace(':', '.')}") for term in _TERMS}
)
"""Labels of the terms in English and Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Value of each route and structural value, one row per pack; CNY without VAT per rated kWh.

    Attributes
    ----------
    value_per_kwh : columns by route
        Value of the route, open or not, averaged over uncertain health; 0 if it cannot be priced. If recycling is
        closed, its value is the negative cost of disposal.
    open, probability : columns by route
        Whether the route is open, and the probability that the pack ends on it, 0 if closed. A reuse without a matching
        vehicle ends on the better of the other two.
    best : code into :data:`ROUTES`
        Most likely route, always open; NaN if every route is closed.
    structural_per_kwh : array
        Structural value; exactly the sum of `terms` in their order.
    scale_sd : array
        One standard deviation of it on the scale of :mod:`valuation.numeric.asinh_scale`, without sales and without the
        widening by findings.
    terms : columns by name of :data:`TERM_LABELS`
        Terms of the structural value.
    metal_value_per_kwh : columns by element
        Recycling value of each metal, before costs.
    recycling_weight : array
        Derivative of the value with respect to the recycling value. [1]
    best_route_weight : array
        The same for the most valuable open route, which limits the price of a pack with a closed route. [1]
    closures : by route and id
        Reasons other than findings that close a route.
    """

    value_per_kwh: Mapping[str, FloatArray]
    open: Mapping[str, BoolArray]
    probability: Mapping[str, FloatArray]
    best: FloatArray
    structural_per_kwh: FloatArray
    scale_sd: FloatArray
    terms: Mapping[str, FloatArray]
    metal_value_per_kwh: Mapping[str, FloatArray]
    recycling_weight: FloatArray
    best_route_weight: FloatArray
    closures: Closures
    findings: Findings

    def blocked_by(self, route: str, row: int) -> tuple[str, ...]:
        """Return the ids of everything that closes a route to one pack: findings first, then other reasons."""
        own = tuple(name for name, mask in self.closures[route].items() if mask[row])
        return (*self.findings.blockers(route, row), *own)

    def closed_by(self, route: str) -> list[tuple[str, ...]]:
        """Return, for each pack, the ids of the reasons other than findings that close a route."""
        closed: list[tuple[str, ...]] = [()] * len(self.best)
        for name, mask in self.closures[route].items():
            for row in mask.nonzero()[0].tolist():
                closed[row] = (*closed[row], name)
        return closed


def price_routes(  # noqa: PLR0913, PLR0917 - one argument for each step of the dossier
    cases: Cases,
    nameplate: Nameplate,
    health: StateOfHealth,
    market: Market,
    metals: MetalContent,
    findings: Findings,
    *,
    assumptions: Assumptions | None = None,
    earlier: Market | None = None,
) -> Routes:
    """Return the routes and the structural value of each pack (结构价值).

    Parameters
    ----------
    assumptions : Assumptions, optional
        Costs and yields; by default those of the market's region.
    earlier : Market, optional
        The market of 90 days before, for the response of bids to its trend.

    Raises
    ------
    MissingQuote
        If a pack contains lithium, nickel or cobalt that was never quoted by its valuation day.
    """
    assume = assumptions_for(market.region) if assumptions is None else assumptions
    age = age_a(cases, nameplate)
    health = perceived_health(health, cases, age, assume)
    disposed = findings.blocked["recycling"]
    hazard = assess_hazard(cases, disposed, assume)
    haircut = {route: findings.haircut.get(route, np.zeros(cases.rows)) for route in ROUTES}
    further_use = {route: 1.0 - (1.0 - haircut[route]) * (1.0 - hazard.discount) for route in ("second_life", "reuse")}
    handling = hazard.handling_cny_per_kg * metals.pack_mass_kg / nameplate.energy_kwh
    bids = momentum_factor(market, earlier, assume)
    second_life = price_second_life(
        nameplate, health, market, metals, further_use["second_life"], assume, age, bids, handling
    )
    offers = RouteOffers(
        recycling=price_recycling(
            nameplate, market, metals, haircut["recycling"], assume, handling, bids, hazard.paid_share
        ),
        second_life=second_life,
        salvage=price_module_salvage(cases, nameplate, market, metals, second_life, assume),
        reuse=price_reuse(cases, nameplate, health, market, further_use["reuse"], assume, bids, handling),
        softness=assume.softness_cny_per_kwh,
        softness_share=assume.softness_share,
        premium_falls=assume.premium_falls,
        willingness_to_pay=willingness_to_pay(cases, age, assume),
    )
    soh = health_nodes(health)
    admission = {"second_life": offers.second_life.admission(soh), "reuse": offers.reuse.admission(soh)}
    of_modules = offers.salvage.admission(soh)
    mean_admission = {route: mean_over_nodes(share) for route, share in admission.items()}
    mean_admission["second_life"] = np.maximum(mean_admission["second_life"], mean_over_nodes(of_modules))
    closures = find_closures(nameplate, metals.present_share, offers.second_life, offers.reuse, mean_admission)
    is_open = {route: ~(closed_by(closures[route], cases.rows) | findings.blocked[route]) for route in ROUTES}
    taken = _buyer_share(is_open, admission, cases, assume)
    taken |= {SALVAGE: _buyer_share(is_open, {"second_life": of_modules}, cases, assume)["second_life"]}
    mix = mix_routes(offers, soh, taken)
    terms = _terms(offers.recycling, mix)
    structural = _sum(terms)
    weight = recycling_weight(offers, mix)
    probability = {route: np.where(is_open[route], share, 0.0) for route, share in mix.ends.items()}
    return Routes(
        value_per_kwh={
            "recycling": mix.value["recycling"],
            "second_life": np.where(offers.second_life.new_price > 0.0, mix.value["second_life"], 0.0),
            "reuse": np.where(offers.reuse.new_price > 0.0, mix.value["reuse"], 0.0),
        },
        open=is_open,
        probability=probability,
        best=np.where(disposed, UNKNOWN, most_likely(probability)),
        structural_per_kwh=structural,
        scale_sd=_uncertainty(offers, mix, health, nameplate, (structural, weight)),
        terms=terms,
        metal_value_per_kwh={
            element: paid * (mix.lithium_left if element == "Li" else 1.0)
            for element, paid in offers.recycling.paid.items()
        },
        recycling_weight=weight,
        best_route_weight=_best_route_weight(offers, mix, is_open),
        closures=closures,
        findings=findings,
    )


def _buyer_share(
    is_open: Mapping[str, BoolArray], admission: Mapping[str, FloatArray], cases: Cases, assume: Assumptions
) -> dict[str, FloatArray]:
    """Return, by route and health node, the share of buyers who take the pack; 0 if the route is closed."""
    tolerant = damage_tolerance(cases, assume)
    return {route: np.where(is_open[route], share * tolerant, 0.0) for route, share in admission.items()}


def _best_route_weight(offers: RouteOffers, mix: RouteMix, is_open: Mapping[str, BoolArray]) -> FloatArray:
    """Return the derivative of the most valuable open route with respect to the recycling value. [1]"""
    one = np.ones(len(offers.reuse.chance))
    weights = {"recycling": one, "second_life": offers.second_life.later, "reuse": 1.0 - offers.reuse.chance}
    best, weight = np.full(len(one), -np.inf), one
    for route, own in weights.items():
        better = is_open[route] & (mix.value[route] > best)
        best, weight = np.where(better, mix.value[route], best), np.where(better, own, weight)
    return weight


def _sum(columns: Mapping[str, FloatArray]) -> FloatArray:
    """Return the sum of columns, added in their order."""
    first, *rest = columns.values()
    total = first
    for column in rest:
        total = total + column
    return total


def _terms(recycling: Recycling, mix: RouteMix) -> dict[str, FloatArray]:
    """Return the terms of the value: metals, haircut, costs, premiums."""
    terms = {
        f"metal:{element}": paid * mix.lithium_left if element == "Li" else paid
        for element, paid in recycling.paid.items()
    }
    gross = _sum(terms)
    terms["haircut:recycling"] = -recycling.haircut * gross
    terms["cost:trade"] = -recycling.trade_margin * gross
    for name, cost in recycling.costs.items():
        terms[f"cost:{name}"] = -cost
    terms["premium:second_life"] = mix.second_life_premium
    terms["premium:reuse"] = mix.reuse_premium
    return terms


def _uncertainty(
    offers: RouteOffers,
    mix: RouteMix,
    health: StateOfHealth,
    nameplate: Nameplate,
    value_and_weight: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Return one sd of the structural value on the scale, from metals, buyers, health, trade margin and energy."""
    structural, weight = value_and_weight
    gross = _sum(offers.recycling.paid)
    strong = offers.salvage.second_life.revenue(offers.salvage.strong_health(health.soh))
    sold = np.where(offers.salvage.strong_share > 0.0, strong, offers.second_life.revenue(health.soh))
    second_life = mix.ends["second_life"] * sold * BUYER_SD_SECOND_LIFE
    reuse = mix.ends["reuse"] * offers.reuse.revenue(health.soh) * BUYER_SD_REUSE
    margin = MARGIN_SD * gross * weight + MARGIN_FLOOR_CNY_PER_KWH
    energy = nameplate.energy_log_sd * structural
    variance = (offers.recycling.sd * weight) ** 2 + second_life * second_life + reuse * reuse
    variance = variance + mix.health_variance + margin * margin + energy * energy
    return scale_sd(structural, np.sqrt(variance))
