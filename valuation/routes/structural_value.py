"""What a pack is worth by the best route open to it (结构价值), term by term, with how unsure that is.

    V = E[ tau ln( e^(R/tau) + a_S e^(S/tau) + a_D e^(D/tau) ) ]

a smooth maximum of recycling R, second life S and reuse D, where a is the share of buyers who would take the pack
(0 where the route is closed) and tau the difference within which buyers choose differently; the expectation is over
the uncertain health, by five-point Gauss-Hermite quadrature, so the kink where a second life begins is as soft as
health is unsure. V rises with health, prices and payables, falls with costs, and adds in kWh: no cost is fixed a pack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from valuation.condition.health import StateOfHealth
from valuation.market.snapshot import Market
from valuation.numeric.asinh_scale import scale_sd
from valuation.numeric.columns import UNKNOWN, BoolArray, FloatArray
from valuation.pack.chemistry import ELEMENTS
from valuation.pack.materials import MetalContent
from valuation.pack.nameplate import Nameplate
from valuation.provenance.run_checks import Findings
from valuation.record.cases import Cases
from valuation.result import Caution
from valuation.routes.assumptions import Assumptions, assumptions_for
from valuation.routes.buyer_behaviour import (
    damage_tolerance,
    hauled_as_dangerous,
    momentum_factor,
    packed_apart,
    perceived_health,
    willingness_to_pay,
)
from valuation.routes.closures import Closures, closed_by, closure_caution, find_closures
from valuation.routes.recycling import Recycling, price_recycling
from valuation.routes.reuse import age_a, price_reuse
from valuation.routes.route_choice import (
    ROUTES,
    RouteMix,
    RouteOffers,
    end_routes,
    health_nodes,
    mean_over_nodes,
    mix_routes,
    most_likely,
    recycling_weight,
)
from valuation.routes.second_life import price_second_life

__all__ = ["ROUTES", "ROUTE_LABELS", "TERM_LABELS", "Routes", "price_routes"]

ROUTE_LABELS: Final = MappingProxyType(
    {
        "recycling": ("recycling", "再生利用"),
        "second_life": ("second life", "梯次利用"),
        "reuse": ("reuse in a vehicle", "再装车"),
    }
)

BUYER_SD_SECOND_LIFE, BUYER_SD_REUSE = 0.25, 0.35
"""Spread of what buyers pay for second-life and reuse packs around the formula, no sales seen (judged, 2026). [1]"""
MARGIN_SD, MARGIN_FLOOR_CNY_PER_KWH = 0.12, 6.0
"""Spread of what the trade keeps between formula and seller, no sales seen: share of the metals' worth, and a floor
(judged, 2026, after the 8 to 14 % mean error of a deal on chemistry class alone)."""

_METAL_NAMES = {
    "Li": ("lithium", "锂"),
    "Ni": ("nickel", "镍"),
    "Co": ("cobalt", "钴"),
    "Mn": ("manganese", "锰"),
    "Cu": ("copper", "铜"),
    "Al": ("aluminium", "铝"),
    "Fe": ("steel", "钢"),
    "graphite": ("graphite", "石墨"),
    "P": ("phosphorus", "磷"),
    "Ti": ("titanium", "钛"),
    "Na": ("sodium", "钠"),
}
TERM_LABELS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        f"metal:{element}": (f"{_METAL_NAMES[element][0]} content", f"{_METAL_NAMES[element][1]}含量")
        for element in ELEMENTS
    }
    | {
        "haircut:recycling": ("condition discount on recycling", "再生利用状态折价"),
        "cost:trade": ("trade margin", "流通差价"),
        "cost:transport": ("transport", "运输"),
        "cost:dismantling": ("discharge and dismantling", "放电与拆解"),
        "cost:treatment": ("crushing and separation", "破碎分选"),
        "premium:second_life": ("second-life premium", "梯次利用溢价"),
        "premium:reuse": ("reuse premium", "再装车溢价"),
    }
)
"""Labels of the terms, English and Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """What each route fetches and what the pack is worth, one row a pack; CNY without VAT per rated kWh.

    Attributes
    ----------
    value_per_kwh : columns by route
        What the route would fetch, open or not, averaged over uncertain health; 0 where it cannot be priced. Where
        recycling is closed its value is the cost of disposal, negative.
    open, probability : columns by route
        Whether it is open, and how likely the pack ends on it, 0 where it is closed; a reuse that finds no vehicle
        ends in recycling.
    best : code into :data:`ROUTES`
        The likeliest route, which is open; NaN where every route is closed.
    structural_per_kwh : array
        What the pack is worth; exactly the sum of `terms` in their order.
    scale_sd : array
        One standard deviation of it on the scale of :mod:`valuation.numeric.asinh_scale`, with no sales seen; the
        widening by findings is not in it.
    terms : columns by name of :data:`TERM_LABELS`
        Why it is what it is.
    metal_value_per_kwh : columns by element
        What each metal fetches in recycling, before costs.
    recycling_weight : array
        How much of a change in what recycling fetches reaches the value. [1]
    closures : by route and id
        What closes a route beyond the findings.
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
    closures: Closures
    findings: Findings

    def blocked_by(self, route: str, row: int) -> tuple[str, ...]:
        """Return the ids of everything that closes a route to one pack: findings first, then its own reasons."""
        own = tuple(name for name, where in self.closures[route].items() if where[row])
        return (*self.findings.blockers(route, row), *own)

    def closed_by(self, route: str) -> list[tuple[str, ...]]:
        """Return the ids of a route's own reasons against each pack, beyond the findings."""
        closed: list[tuple[str, ...]] = [()] * len(self.best)
        for name, where in self.closures[route].items():
            for row in where.nonzero()[0].tolist():
                closed[row] = (*closed[row], name)
        return closed

    def cautions(self) -> Iterator[tuple[int, Caution]]:
        """Yield the sentences behind the routes' own reasons, with the row of the pack."""
        for name in sorted({name for reasons in self.closures.values() for name in reasons}):
            where = np.zeros(len(self.best), dtype=bool)
            for reasons in self.closures.values():
                if name in reasons:
                    where |= reasons[name]
            for row in where.nonzero()[0].tolist():
                yield row, closure_caution(name)


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
    """Return what each pack is worth by the routes open to it (结构价值).

    Parameters
    ----------
    assumptions : Assumptions, optional
        Costs and yields; those of the market's region where not given.
    earlier : Market, optional
        The market of 90 days before, for buyers who follow its trend.

    Raises
    ------
    MissingQuote
        If lithium, nickel or cobalt is in a pack and was never quoted by its day.
    """
    assume = assumptions_for(market.region) if assumptions is None else assumptions
    age = age_a(cases, nameplate)
    health = perceived_health(health, cases, age, assume)
    haircut = {route: findings.haircut.get(route, np.zeros(cases.rows)) for route in ROUTES}
    apart = packed_apart(cases) * assume.damaged_cny_per_kg + hauled_as_dangerous(cases) * assume.dangerous_cny_per_kg
    disposed = findings.blocked["recycling"]
    apart = np.where(disposed, np.maximum(apart, assume.disposal_cny_per_kg), apart)
    paid_share = np.where(disposed, 0.0, 1.0)
    bids = momentum_factor(market, earlier, assume)
    legs = RouteOffers(
        recycling=price_recycling(nameplate, market, metals, haircut["recycling"], assume, apart, bids, paid_share),
        second_life=price_second_life(nameplate, health, market, metals, haircut["second_life"], assume, age, bids),
        reuse=price_reuse(cases, nameplate, health, market, haircut["reuse"], assume, bids),
        softness=assume.softness_cny_per_kwh,
        softness_share=assume.softness_share,
        premium_falls=assume.premium_falls,
        willingness_to_pay=willingness_to_pay(cases, age, assume),
    )
    soh = health_nodes(health)
    admission = {"second_life": legs.second_life.admission(soh), "reuse": legs.reuse.admission(soh)}
    mean_admission = {route: mean_over_nodes(share) for route, share in admission.items()}
    closures = find_closures(nameplate, metals.present_share, legs.second_life, legs.reuse, mean_admission)
    is_open = {route: ~(closed_by(closures[route], cases.rows) | findings.blocked[route]) for route in ROUTES}
    weighed = mix_routes(legs, soh, _taken(is_open, admission, cases, assume))
    terms = _terms(legs.recycling, weighed)
    structural = _sum(terms)
    weight = recycling_weight(legs, weighed)
    probability = {
        route: np.where(is_open[route], ends, 0.0) for route, ends in end_routes(legs, weighed.share).items()
    }
    return Routes(
        value_per_kwh={
            "recycling": weighed.value["recycling"],
            "second_life": np.where(legs.second_life.new_price > 0.0, weighed.value["second_life"], 0.0),
            "reuse": np.where(legs.reuse.new_price > 0.0, weighed.value["reuse"], 0.0),
        },
        open=is_open,
        probability=probability,
        best=np.where(disposed, UNKNOWN, most_likely(probability)),
        structural_per_kwh=structural,
        scale_sd=_uncertainty(legs, weighed, health, nameplate, (structural, weight)),
        terms=terms,
        metal_value_per_kwh={
            element: paid * (weighed.lithium_left if element == "Li" else 1.0)
            for element, paid in legs.recycling.paid.items()
        },
        recycling_weight=weight,
        closures=closures,
        findings=findings,
    )


def _taken(
    is_open: Mapping[str, BoolArray], admission: Mapping[str, FloatArray], cases: Cases, assume: Assumptions
) -> Mapping[str, FloatArray]:
    """Return, by route and at each health, the share of buyers who take a pack there; none where it is closed."""
    unharmed = damage_tolerance(cases, assume)
    return {route: np.where(is_open[route], share * unharmed, 0.0) for route, share in admission.items()}


def _sum(columns: Mapping[str, FloatArray]) -> FloatArray:
    """Return the sum of columns, in their order."""
    first, *rest = columns.values()
    total = first
    for column in rest:
        total = total + column
    return total


def _terms(recycling: Recycling, weighed: RouteMix) -> dict[str, FloatArray]:
    """Return the value as terms: metals, discount, costs, premiums."""
    terms = {
        f"metal:{element}": paid * weighed.lithium_left if element == "Li" else paid
        for element, paid in recycling.paid.items()
    }
    gross = _sum(terms)
    terms["haircut:recycling"] = -recycling.haircut * gross
    terms["cost:trade"] = -recycling.trade_margin * gross
    for name, cost in recycling.costs.items():
        terms[f"cost:{name}"] = -cost
    terms["premium:second_life"] = weighed.second_life_premium
    terms["premium:reuse"] = weighed.reuse_premium
    return terms


def _uncertainty(
    legs: RouteOffers,
    weighed: RouteMix,
    health: StateOfHealth,
    nameplate: Nameplate,
    known: tuple[FloatArray, FloatArray],
) -> FloatArray:
    """Return the spread of the structural value on the scale: metals, buyers, health, trade margin and energy."""
    structural, weight = known
    gross = _sum(legs.recycling.paid)
    second_life = weighed.share["second_life"] * legs.second_life.revenue(health.soh) * BUYER_SD_SECOND_LIFE
    reuse = weighed.share["reuse"] * legs.reuse.chance * legs.reuse.revenue(health.soh) * BUYER_SD_REUSE
    margin = MARGIN_SD * gross * weight + MARGIN_FLOOR_CNY_PER_KWH
    energy = nameplate.energy_log_sd * structural
    variance = (legs.recycling.sd * weight) ** 2 + second_life * second_life + reuse * reuse
    variance = variance + weighed.health_variance + margin * margin + energy * energy
    return scale_sd(structural, np.sqrt(variance))
