"""Weighing the routes: their smooth maximum at each health a pack may have, averaged over its uncertain health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.condition.health import HIGHEST_SOH, LOWEST_SOH, StateOfHealth
from valuation.numeric.columns import FloatArray
from valuation.numeric.exact_math import exp, log
from valuation.routes.recycling import Recycling
from valuation.routes.reuse import Reuse
from valuation.routes.second_life import SecondLife

ROUTES: Final = ("recycling", "second_life", "reuse")

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
    """The three routes of a batch, ready to be weighed."""

    recycling: Recycling
    second_life: SecondLife
    reuse: Reuse
    softness: float
    softness_share: float = 0.0
    premium_falls: float = 0.0
    willingness_to_pay: FloatArray | float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMix:
    """Averages over uncertain health: how often a route is chosen, values by route, premiums, spread of the value."""

    share: Mapping[str, FloatArray]
    value: Mapping[str, FloatArray]
    second_life_premium: FloatArray
    reuse_premium: FloatArray
    lithium_left: FloatArray
    health_variance: FloatArray


def health_nodes(health: StateOfHealth) -> FloatArray:
    """Return health at each node of the quadrature, shape (nodes, packs)."""
    nodes: FloatArray = np.array(NODES)[:, None] * health.soh_sd[None, :] + health.soh[None, :]
    bounded: FloatArray = np.minimum(np.maximum(nodes, LOWEST_SOH), HIGHEST_SOH)
    return bounded


def mean_over_nodes(at_nodes: FloatArray) -> FloatArray:
    """Return the average over the nodes, summed in their order."""
    total: FloatArray = WEIGHTS[0] * at_nodes[0]
    for weight, values in zip(WEIGHTS[1:], at_nodes[1:], strict=True):
        total = total + weight * values
    return total


def mix_routes(legs: RouteOffers, soh: FloatArray, admission: Mapping[str, FloatArray]) -> RouteMix:
    """Return the smooth maximum of the routes at each health, averaged."""
    recycling = legs.recycling.value(soh)
    second_life = legs.second_life.value(soh, recycling)
    reuse = legs.reuse.value(soh, recycling)
    if not isinstance(legs.willingness_to_pay, float):
        second_life, reuse = _keenly(second_life, legs.willingness_to_pay), _keenly(reuse, legs.willingness_to_pay)
    if legs.premium_falls:
        second_life = _sought(second_life, recycling, admission["second_life"], legs.premium_falls)
        reuse = _sought(reuse, recycling, admission["reuse"], legs.premium_falls)
    top = np.maximum(recycling, np.where(admission["second_life"] > 0.0, second_life, recycling))
    top = np.maximum(top, np.where(admission["reuse"] > 0.0, reuse, recycling))
    softness = legs.softness + legs.softness_share * np.maximum(top, 0.0)
    gaps = np.stack([recycling - top, second_life - top, reuse - top]) / softness
    weights = exp(np.minimum(gaps, 0.0))  # nothing lies above the top but what nobody would take
    part = {
        "recycling": weights[0],
        "second_life": admission["second_life"] * weights[1],
        "reuse": admission["reuse"] * weights[2],
    }
    two = part["recycling"] + part["second_life"]
    three = two + part["reuse"]
    best_of_two, value = top + softness * log(np.stack([two, three]))
    mean = mean_over_nodes(value)
    return RouteMix(
        share={route: mean_over_nodes(part[route] / three) for route in ROUTES},
        value={
            "recycling": mean_over_nodes(recycling),
            "second_life": mean_over_nodes(second_life),
            "reuse": mean_over_nodes(reuse),
        },
        second_life_premium=mean_over_nodes(best_of_two - recycling),
        reuse_premium=mean_over_nodes(value - best_of_two),
        lithium_left=mean_over_nodes(legs.recycling.lithium_left(soh)),
        health_variance=mean_over_nodes((value - mean) * (value - mean)),
    )


def _keenly(value: FloatArray, willingness_to_pay: FloatArray) -> FloatArray:
    """Return a route's value as keenly as buyers bid for it; a loss stays as it is."""
    return np.where(value > 0.0, value * willingness_to_pay, value)


def _sought(value: FloatArray, recycling: FloatArray, taken: FloatArray, falls: float) -> FloatArray:
    """Return a route's value with what it earns over recycling falling with the share of buyers who are left."""
    return recycling + (value - recycling) * np.where(value > recycling, 1.0 - falls * (1.0 - taken), 1.0)


def end_routes(legs: RouteOffers, share: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return how likely a pack ends on each route; where no vehicle is found to reuse it in, it is recycled."""
    reused = share["reuse"] * legs.reuse.chance
    return {
        "recycling": share["recycling"] + (share["reuse"] - reused),
        "second_life": share["second_life"],
        "reuse": reused,
    }


def most_likely(share: Mapping[str, FloatArray]) -> FloatArray:
    """Return the code of the likeliest route, the first of equals."""
    best, top = np.zeros(len(share["recycling"])), share["recycling"]
    for code, route in enumerate(ROUTES[1:], start=1):
        better = share[route] > top
        best, top = np.where(better, float(code), best), np.where(better, share[route], top)
    return best


def recycling_weight(legs: RouteOffers, weighed: RouteMix) -> FloatArray:
    """Return how much of a change in what recycling fetches reaches the value, through each route. [1]"""
    share = weighed.share
    return (
        share["recycling"] + share["second_life"] * legs.second_life.later + share["reuse"] * (1.0 - legs.reuse.chance)
    )
