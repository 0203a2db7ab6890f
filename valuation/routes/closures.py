"""Reasons other than findings that close a route (途径关闭原因): chemistry, health, modules, age, a missing quote."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray
from valuation.pack.chemistry import lookup
from valuation.pack.nameplate import CELL, Nameplate
from valuation.result import Caution
from valuation.routes.reuse import Reuse
from valuation.routes.second_life import SecondLife

LEAST_ADMISSION: Final = 0.02
"""A route is closed if a smaller share of buyers would take the pack there. [1]"""

_SENTENCES: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "K01": (
            "There is no second-life market for this chemistry, or the chemistry is unknown.",
            "该类电池无梯次利用市场，或电池类型未知。",
            "closes second_life",
        ),
        "K02": (
            "Health is below the minimum that buyers require for this route.",
            "健康状态低于该途径的最低要求。",
            "closes the route; a capacity test may open it",
        ),
        "K03": (
            "Modules are missing: the pack cannot go back into a vehicle.",
            "缺少模块，不能再装车。",
            "closes reuse",
        ),
        "K04": ("The pack is too old to go back into a vehicle.", "使用年限过长，不宜再装车。", "closes reuse"),
        "K05": ("A single cell does not go back into a vehicle.", "单体电池不能再装车。", "closes reuse"),
        "K06": (
            "The comparable new pack is not quoted.",
            "缺少可比新电池包的报价。",
            "closes the route; quote new_pack_lfp or new_pack_ternary",
        ),
    }
)

CLOSURE_CAUTIONS: Final[Mapping[str, Caution]] = MappingProxyType(
    {
        name: Caution(id=name, severity="info", message_en=message_en, message_zh=message_zh, effect=effect)
        for name, (message_en, message_zh, effect) in _SENTENCES.items()
    }
)
"""The caution behind each reason, by id."""

Closures = Mapping[str, Mapping[str, BoolArray]]
"""By route and id: the packs to which the reason closes the route."""


def closure_caution(closure: str) -> Caution:
    """Return the caution behind an id."""
    return CLOSURE_CAUTIONS[closure]


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
