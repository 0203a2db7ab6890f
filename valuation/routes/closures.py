"""Reasons other than findings that close a route (途径关闭原因): chemistry, health, modules, age, a missing quote."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray
from valuation.pack.chemistry import lookup
from valuation.pack.nameplate import CELL, Nameplate
from valuation.result import Caution, make_caution
from valuation.routes.reuse import Reuse
from valuation.routes.second_life import SecondLife

LEAST_ADMISSION: Final = 0.02
"""A route is closed if a smaller share of buyers would take the pack there. [1]"""

CLOSURES: Final = ("K01", "K02", "K03", "K04", "K05", "K06")
"""Ids of the reasons, each with its sentence `caution.<id>` in the catalogue of messages."""

Closures = Mapping[str, Mapping[str, BoolArray]]
"""By route and id: the packs to which the reason closes the route."""


@cache
def closure_caution(closure: str) -> Caution:
    """Return the caution behind an id; :class:`KeyError` if it is none of a reason."""
    if closure not in CLOSURES:
        raise KeyError(closure)
    return make_caution(closure, "info")


def is_raised(closures: Closures, name: str) -> BoolArray:
    """Return the packs to which a reason closes any route."""
    raised: BoolArray = np.logical_or.reduce([reasons[name] for reasons in closures.values() if name in reasons])
    return raised


def find_closures(
    nameplate: Nameplate,
    present_share: FloatArray,
    second_life: SecondLife,
    reuse: Reuse,
    admission: Mapping[str, FloatArray],
) -> Closures:
    """Return the reasons other than findings that close each route.

    `admission` is, by route, the share of buyers who would take the pack, averaged over its uncertain health.
    """
    suited = lookup("second_life", nameplate.chemistry) > 0.0
    too_old = reuse.young_enough <= 0.0
    return {
        "recycling": {},
        "second_life": {
            "K01": ~suited,
            "K02": suited & (admission["second_life"] < LEAST_ADMISSION),
            "K06": suited & (second_life.new_price <= 0.0),
        },
        "reuse": {
            "K01": ~suited,
            "K02": ~too_old & (admission["reuse"] < LEAST_ADMISSION * reuse.young_enough),
            "K03": present_share < 1.0,
            "K04": too_old,
            "K05": nameplate.level == CELL,
            "K06": suited & (reuse.new_price <= 0.0),
        },
    }


def closed_by(closures: Mapping[str, BoolArray], rows: int) -> BoolArray:
    """Return the packs to which any of the reasons closes the route."""
    closed = np.zeros(rows, dtype=bool)
    for mask in closures.values():
        closed |= mask
    return closed
