"""Find sales into a route that findings close (售往已关闭途径的成交): models must not use their prices.

A finding of severity `block` closes a route to every buyer. A price paid on a closed route is not the price of any
lawful use of the pack, so it is excluded from training, evaluation and recentring.

Only facts on record on the day of the sale count: a finding reported later closes nothing on that day.
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
    """Sales to exclude, one row per sale.

    Attributes
    ----------
    certain : bool of shape (sales,)
        The stated route is closed, or no route is stated and every route is closed.
    ambiguous : bool of shape (sales,)
        No route is stated, and the price may be that of a closed route.
    """

    certain: BoolArray
    ambiguous: BoolArray

    @property
    def kept_out(self) -> BoolArray:
        """Sales excluded for either reason."""
        either: BoolArray = self.certain | self.ambiguous
        return either


def find_closed_sales(routes: Routes, stated: Sequence[str | None]) -> ClosedSales:
    """Return the sales that were or may have been made into a route closed by findings (已关闭途径的成交).

    A stated route decides. If no route of :data:`ROUTES` is stated, the price is ambiguous if a route closed only by
    findings has a higher structural value than every open one: a buyer who ignored the finding would have paid for it.
    Otherwise buyers had no reason to ignore the finding, and the sale is kept. The price paid is not considered:
    to exclude only the high prices of one kind of pack would bias the model.

    Parameters
    ----------
    routes : Routes
        Routes of the packs sold, as known on the day of each sale.
    stated : sequence of str or None
        Reported route of each sale; None if it is not stated.
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
    """Return the routes of one pack that findings close, with their ids, as in ``second_life U10 P04, reuse U10``."""
    found = {route: routes.findings.blockers(route, row) for route in ROUTES}
    return ", ".join(f"{route} {' '.join(ids)}" for route, ids in found.items() if ids)
