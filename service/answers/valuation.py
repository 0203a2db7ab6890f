"""The JSON answer of a valuation (CONTRACT section 5): a `Valuation` with its id.

Amounts are rounded by :mod:`valuation.answer.build_answer`, so that base and effects add up to the point.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from valuation.result import Valuation


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuationAnswer(Valuation):
    """One pack valued as of one day (评估结果); `base_cny` and the effects of all drivers add up to the point.

    `base_width_cny` times the factors of all width drivers is the width of the band; old stored answers lack both, and
    `not_used`. `best_route` is an open route; if all routes are closed, it is null, `disposal_cny` is the cost of
    disposal and the point is its negative.
    """

    valuation_id: str


def with_id(valuation: Valuation, valuation_id: str) -> ValuationAnswer:
    """Return the answer of a valuation under an id."""
    given = {field.name: getattr(valuation, field.name) for field in fields(valuation)}
    return ValuationAnswer(valuation_id=valuation_id, **given)
