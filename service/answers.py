"""How a valuation is spelled on the wire (CONTRACT section 5): the order of its keys and its bytes.

The core has rounded already (:mod:`valuation.answer.build_answer`), or base and effects would not add up to the point.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import msgspec

from valuation.record.not_used import NOTHING_LEFT_OUT, NotUsed
from valuation.result import (
    Band,
    Caution,
    Driver,
    Evidence,
    MarketCard,
    MetalValue,
    ModelCard,
    PackState,
    RouteValue,
    Valuation,
    ValuationDict,
    WidthDriver,
)


class ValuationAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """One pack valued as of one day; `base_cny` and the effects of all drivers add up to the point.

    `base_width_cny` times the factors of all width drivers is the width of the band; answers kept before there were any
    lack both, and `not_used`. `best_route` is an open route; where every route is closed it is null, `disposal_cny` is
    what it costs to be rid of the pack, and the point is its negative.
    """

    valuation_id: str
    battery_code: str | None
    as_of: date
    currency: str
    vat_included: bool
    region: str
    residual_value: Band
    routes: tuple[RouteValue, ...]
    best_route: str | None
    disposal_cny: float | None = None
    state: PackState
    metals: tuple[MetalValue, ...]
    drivers: tuple[Driver, ...]
    base_cny: float
    width_drivers: tuple[WidthDriver, ...] = ()
    base_width_cny: float | None = None
    evidence: Evidence
    cautions: tuple[Caution, ...]
    not_used: NotUsed = NOTHING_LEFT_OUT
    model: ModelCard
    market: MarketCard
    input_digest: str


_NAMES = tuple(field.name for field in fields(Valuation))


def encode(told: ValuationDict, valuation_id: str) -> bytes:
    """Return the bytes that answer for a valuation: its id, then what the core says in its order.

    Parameters
    ----------
    told : Told
        What the core says.
    valuation_id : str
        Under which it is kept.
    """
    return msgspec.json.encode({"valuation_id": valuation_id, **told})


def spell(valuation: Valuation, valuation_id: str) -> ValuationAnswer:
    """Return a valuation as it is said to the world: the core's answer under its id."""
    return ValuationAnswer(valuation_id=valuation_id, **{name: getattr(valuation, name) for name in _NAMES})
