"""What closes a route beyond the findings on the record (途径关闭原因): chemistry, health, modules, age, no quote."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
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
"""A route that fewer buyers than this would take is closed. [1]"""

_SENTENCES: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "K01": (
            "Nobody repurposes this chemistry, or one that is not known.",
            "该体系（或未知体系）无梯次利用市场。",
            "closes second_life",
        ),
        "K02": (
            "Health is below what a buyer asks for.",
            "健康状态低于该途径的最低要求。",
            "closes the route; a capacity test may open it",
        ),
        "K03": (
            "Modules are missing: the pack cannot go back into a vehicle.",
            "缺少模块，不能再装车。",
            "closes reuse",
        ),
        "K04": ("Too old for anybody to put it back into a vehicle.", "使用年限过长，不宜再装车。", "closes reuse"),
        "K05": ("A single cell is not put back into a vehicle.", "单体电池不再装车。", "closes reuse"),
        "K06": (
            "The new pack it competes with is not quoted.",
            "缺少可比新电池包报价。",
            "closes the route; quote new_pack_lfp or new_pack_ternary",
        ),
    }
)

Closures = Mapping[str, Mapping[str, BoolArray]]
"""By route, by id: which packs it closes the route to."""


@cache
def closure_caution(closure: str) -> Caution:
    """Return the sentence behind an id, in both languages."""
    message_en, message_zh, effect = _SENTENCES[closure]
    return Caution(id=closure, severity="info", message_en=message_en, message_zh=message_zh, effect=effect)


def find_closures(
    nameplate: Nameplate,
    present_share: FloatArray,
    second_life: SecondLife,
    reuse: Reuse,
    admission: Mapping[str, FloatArray],
) -> Closures:
    """Return what closes which route, where the findings do not already.

    `admission` holds, by route, the share of buyers who would take the pack, averaged over its uncertain health.
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
    """Return which packs any of the reasons closes a route to."""
    closed = np.zeros(rows, dtype=bool)
    for where in closures.values():
        closed |= where
    return closed
