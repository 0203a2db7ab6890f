"""Limits of use (使用限制): what a lawful buyer may do with a pack on the valuation day, as conditions of its route.

They do not move the value here: the structural constants and the sales of a market already contain that fewer buyers
bid. They state what the value of the route presumes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from valuation.pack.chemistry import ROWS
from valuation.result import Condition, make_condition


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOfUse:
    """One limit: its id in the messages `limit.<id>`, routes, days in force, country and families of chemistries.

    `families` is empty if the limit holds for every chemistry.
    """

    id: str
    routes: tuple[str, ...]
    from_day: float
    country: str = "CN"
    families: tuple[str, ...] = ()


_STORAGE_2022: Final = 19174.0  # 2022-07-01
_MEASURES_2026: Final = 20544.0  # 2026-04-01

LIMITS: Final = (
    # 25 key requirements of the National Energy Administration, draft of June 2022: no ternary packs in large and
    # medium storage; packs of a second life only after screening and an assessment. The edition of 2023 was not read.
    LimitOfUse(id="L01", routes=("second_life",), from_day=_STORAGE_2022, families=("ternary",)),
    LimitOfUse(id="L02", routes=("second_life",), from_day=_STORAGE_2022),
    # Interim measures for the recycling and comprehensive utilisation of retired traction batteries, 2025-12-31.
    LimitOfUse(id="L03", routes=("second_life",), from_day=_MEASURES_2026),
    LimitOfUse(id="L04", routes=("recycling", "second_life"), from_day=_MEASURES_2026),
)


@lru_cache(maxsize=1024)
def conditions_of(route: str, chemistry: int, as_of_day: float, country: str) -> tuple[Condition, ...]:
    """Return the conditions of a route for a chemistry, by its code, on a day and in a country (使用条件).

    >>> [one.id for one in conditions_of("second_life", 0, 20600.0, "CN")]
    ['L02', 'L03', 'L04']
    >>> conditions_of("second_life", 0, 18000.0, "CN"), conditions_of("reuse", 0, 20600.0, "CN")
    ((), ())
    """
    family = ROWS[chemistry].family
    return tuple(
        make_condition(limit.id)
        for limit in LIMITS
        if route in limit.routes
        and as_of_day >= limit.from_day
        and country == limit.country
        and (not limit.families or family in limit.families)
        and not (limit.id == "L02" and family == "ternary")  # barred there altogether
    )
