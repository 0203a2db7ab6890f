"""Choice among the routes: their smooth maximum at each possible health, averaged over the uncertain health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.condition.health import HIGHEST_SOH, LOWEST_SOH, StateOfHealth
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp, log
from valuation.routes.module_salvage import ModuleSalvage
from valuation.routes.recycling import Recycling
from valuation.routes.reuse import Reuse
from valuation.routes.second_life import SecondLife

ROUTES: Final = ("recycling", "second_life", "reuse")
SALVAGE: Final = "salvage"
"""The way into a second life for the strong modules of a pack that is opened; part of the route `second_life`."""

# Five-point Gauss-Hermite rule for a standard normal (Abramowitz and Stegun, table 25.10, rescaled).
NODES: Final = (-2.8569700138728056, -1.3556261799742659, 0.0, 1.3556261799742659, 2.8569700138728056)
WEIGHTS: Final = (
    0.011257411327720693,
    0.22207592200561266,
    0.5333333333333333,
    0.22207592200561266,
    0.011257411327720693,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteOffers:
    """The three routes of a batch, with the parameters of the buyers' choice."""

    recycling: Recycling
    second_life: SecondLife
    salvage: ModuleSalvage
    reuse: Reuse
    softness: float
    softness_share: float = 0.0
    premium_falls: float = 0.0
    willingness_to_pay: FloatArray | float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMix:
    """Averages over uncertain health: value of each route, premiums over recycling, variance of the value.

    `ends` is the probability that a pack ends on each route; a reuse without a vehicle ends on the better other.
    """

    ends: Mapping[str, FloatArray]
    value: Mapping[str, FloatArray]
    second_life_premium: FloatArray
    reuse_premium: FloatArray
    lithium_left: FloatArray
    health_variance: FloatArray


def health_nodes(health: StateOfHealth) -> FloatArray:
    """Return the state of health at each quadrature node, shape (nodes, packs)."""
    nodes: FloatArray = np.array(NODES)[:, None] * health.soh_sd[None, :] + health.soh[None, :]
    bounded: FloatArray = np.minimum(np.maximum(nodes, LOWEST_SOH), HIGHEST_SOH)
    return bounded


def mean_over_nodes(at_nodes: FloatArray) -> FloatArray:
    """Return the quadrature-weighted mean over the nodes, summed in their order."""
    total: FloatArray = WEIGHTS[0] * at_nodes[0]
    for weight, values in zip(WEIGHTS[1:], at_nodes[1:], strict=True):
        total = total + weight * values
    return total


def mix_routes(offers: RouteOffers, soh: FloatArray, admission: Mapping[str, FloatArray]) -> RouteMix:
    """Return the smooth maximum of the routes at each health node, averaged over the nodes.

    `admission` is, by route and for :data:`SALVAGE`, the share of buyers who would take the pack at each node; 0 if the
    route is closed.
    """
    recycling = offers.recycling.value(soh)
    second_life = _offered(offers.second_life.value(soh, recycling), recycling, admission["second_life"], offers)
    whole, kept_whole = _choose(recycling, second_life, admission["second_life"], offers)
    opened = _offered(offers.salvage.value(soh, recycling, whole), whole, admission[SALVAGE], offers)
    best_of_two, taken_apart = _choose(whole, opened, admission[SALVAGE], offers)
    strong = taken_apart * offers.salvage.strong_share
    to_second_life = kept_whole * (1.0 - strong) + strong  # weak modules go where the whole pack would
    opened_pays = (admission[SALVAGE] > 0.0) & (opened > second_life)
    reuse = _offered(offers.reuse.value(soh, best_of_two), best_of_two, admission["reuse"], offers)
    value, to_reuse = _choose(best_of_two, reuse, admission["reuse"], offers)
    mean = mean_over_nodes(value)
    kept = 1.0 - to_reuse
    share = {"recycling": kept * (1.0 - to_second_life), "second_life": kept * to_second_life, "reuse": to_reuse}
    return RouteMix(
        ends=_ends(
            {route: mean_over_nodes(share[route]) for route in ROUTES},
            mean_over_nodes(to_reuse * to_second_life),
            offers.reuse.chance,
        ),
        value={
            "recycling": mean_over_nodes(recycling),
            "second_life": mean_over_nodes(np.where(opened_pays, opened, second_life)),
            "reuse": mean_over_nodes(reuse),
        },
        second_life_premium=mean_over_nodes(best_of_two - recycling),
        reuse_premium=mean_over_nodes(value - best_of_two),
        lithium_left=mean_over_nodes(offers.recycling.lithium_left(soh)),
        health_variance=mean_over_nodes((value - mean) * (value - mean)),
    )


def _choose(
    usual: FloatArray, other: FloatArray, admission: FloatArray, offers: RouteOffers
) -> tuple[FloatArray, FloatArray]:
    """Return the expected value of two offers, and the share of packs that take the other one.

    `admission` is the share of buyers who make the other offer, and so the chance that a seller has it. With both
    offers in hand the seller gets their smooth maximum. The value is linear in the share: the first of many buyers
    who lowers his minimum health does not lift the price to the full offer.
    """
    top = np.maximum(usual, other)
    softness = offers.softness + offers.softness_share * np.maximum(top, 0.0)
    weights = exp(np.stack([usual - top, other - top]) / softness)
    both = weights[0] + weights[1]
    gain = (top - usual) + softness * log(both)
    return usual + admission * gain, admission * (weights[1] / both)


def _offered(value: FloatArray, usual: FloatArray, buyer_share: FloatArray, offers: RouteOffers) -> FloatArray:
    """Return what buyers offer for a route of a value.

    A gain is scaled by their willingness to pay, and the premium over the usual way falls as fewer of them take the
    pack.
    """
    if not isinstance(offers.willingness_to_pay, float):
        value = np.where(value > 0.0, value * offers.willingness_to_pay, value)
    if offers.premium_falls:
        kept = np.where(value > usual, 1.0 - offers.premium_falls * (1.0 - buyer_share), 1.0)
        value = usual + (value - usual) * kept
    return value


def _ends(share: Mapping[str, FloatArray], to_second_life: FloatArray, chance: FloatArray) -> dict[str, FloatArray]:
    """Return the probability that a pack ends on each route.

    `share` are the shares offered for each route, `to_second_life` those offered for reuse that go into a second life
    if no vehicle is found, `chance` the chance of a vehicle.
    """
    second_life = (1.0 - chance) * to_second_life
    return {
        "recycling": share["recycling"] + ((1.0 - chance) * share["reuse"] - second_life),
        "second_life": share["second_life"] + second_life,
        "reuse": share["reuse"] * chance,
    }


def most_likely(share: Mapping[str, FloatArray]) -> FloatArray:
    """Return the code of the most likely route, the first in a tie."""
    best, top = np.zeros(len(share["recycling"])), share["recycling"]
    for code, route in enumerate(ROUTES[1:], start=1):
        better = share[route] > top
        best, top = np.where(better, float(code), best), np.where(better, share[route], top)
    return best


def recycling_weight(offers: RouteOffers, mix: RouteMix) -> FloatArray:
    """Return the derivative of the value with respect to the recycling value, through all routes. [1]"""
    return mix.ends["recycling"] + mix.ends["second_life"] * offers.second_life.later
