"""A valuation as it is answered (CONTRACT section 5): the core's answer under its id.

The core has rounded already (:mod:`valuation.answer.build_answer`), or base and effects would not add up to the point.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from valuation.result import Valuation


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuationAnswer(Valuation):
    """One pack valued as of one day (评估结果); `base_cny` and the effects of all drivers add up to the point.

    `base_width_cny` times the factors of all width drivers is the width of the band; answers kept before there were any
    lack both, and `not_used`. `best_route` is an open route; where every route is closed it is null, `disposal_cny` is
    what it costs to be rid of the pack, and the point is its negative.
    """

    valuation_id: str


def with_id(valuation: Valuation, valuation_id: str) -> ValuationAnswer:
    """Return a valuation as it is answered."""
    given = {field.name: getattr(valuation, field.name) for field in fields(valuation)}
    return ValuationAnswer(valuation_id=valuation_id, **given)
