"""Which sales were made into a route that findings close (售往已关闭途径的成交): such a price must teach nothing.

A finding of severity `block` closes a route to everybody. A price that was paid on such a route all the same is not the
price of anything the pack may lawfully become, so no model may learn from it, be judged by it or be moved by it.

Only what was on record on the day of the sale counts: a finding reported later closes nothing on that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from valuation.numeric.columns import BoolArray
from valuation.routes.closures import closed_by
from valuation.routes.route_choice import ROUTES
from valuation.routes.structural_value import Routes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSales:
    """Which sales are kept out, one row per sale.

    Attributes
    ----------
    certain : bool of shape (sales,)
        The route of the sale is closed: the stated one, or, where none is stated, every route there is.
    ambiguous : bool of shape (sales,)
        No route is stated, and the price may be that of a closed one.
    """

    certain: BoolArray
    ambiguous: BoolArray

    @property
    def kept_out(self) -> BoolArray:
        """Which sales are kept out for either reason."""
        either: BoolArray = self.certain | self.ambiguous
        return either


def find_closed_sales(routes: Routes, stated: Sequence[str | None]) -> ClosedSales:
    """Return which sales were made into a route that findings close, or may have been (已关闭途径的成交).

    A stated route settles it. Where none is stated, or one that is not of :data:`ROUTES`, the price is ambiguous if a
    route that only findings close would fetch more than the dearest open one by the structural value: a buyer who
    ignored the finding would have paid for that route. If an open route is dearer, buyers had no reason to
    break the law, and the sale is kept. The amount that was paid decides nothing: to drop the high prices and keep the
    low ones of one kind of pack would bias what is learned of it.

    Parameters
    ----------
    routes : Routes
        The packs sold, as they were known on the day of each sale.
    stated : sequence of str or None
        Route of each sale as reported; None where it is not stated.
    """
    rows = len(routes.best)
    known = [route if route in ROUTES else None for route in stated]
    into_closed, all_closed = np.zeros(rows, dtype=np.bool_), np.ones(rows, dtype=np.bool_)
    best_open, best_closed = np.full(rows, -np.inf), np.full(rows, -np.inf)
    for route in ROUTES:
        blocked = routes.findings.blocked.get(route, np.zeros(rows, dtype=np.bool_))
        into_closed |= blocked & np.array([one == route for one in known], dtype=np.bool_)
        all_closed &= ~routes.open[route]
        value = routes.value_per_kwh[route]
        only_findings = blocked & ~closed_by(routes.closures[route], rows)
        best_open = np.maximum(best_open, np.where(routes.open[route], value, -np.inf))
        best_closed = np.maximum(best_closed, np.where(only_findings, value, -np.inf))
    unstated = np.array([one is None for one in known], dtype=np.bool_)
    certain = into_closed | (unstated & all_closed)
    return ClosedSales(certain=certain, ambiguous=unstated & ~certain & (best_closed > best_open))


def closing_findings(routes: Routes, row: int) -> str:
    """Return the routes that findings close to one pack, with the ids of the findings.

    Spelled such as ``second_life U10 P04, reuse U10``.
    """
    found = {route: routes.findings.blockers(route, row) for route in ROUTES}
    return ", ".join(f"{route} {' '.join(ids)}" for route, ids in found.items() if ids)
