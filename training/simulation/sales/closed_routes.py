"""Routes closed by findings on the day of the sale (途径关闭), as in the valuation.

The simulated buyers share no price formula with the valuation, but they use the same checks
(:data:`valuation.provenance.catalogue.CHECKS`): a finding of severity `block` closes a route for every buyer. The
checks read the record through the same tables and reader as the files.
"""

from __future__ import annotations

import numpy as np

from training.simulation.packs.fleet import Fleet
from training.simulation.packs.vehicle_models import VehicleModels
from training.simulation.records.events import Events
from training.simulation.records.record_tables import nameplates_table, reported_table
from valuation.condition.health import assess_health
from valuation.ingest import read_tables
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.pack.nameplate import read_nameplate
from valuation.provenance.run_checks import run_checks
from valuation.record.cases import cut
from valuation.routes.route_choice import ROUTES

CHUNK = 20_000
"""Number of packs checked at once; it bounds memory and does not affect results."""


def closed_routes(
    fleet: Fleet, models: VehicleModels, missing_modules: FloatArray, offered: tuple[IntArray, IntArray], events: Events
) -> BoolArray:
    """Return the routes that findings close for each pack on sale (依法关闭的途径).

    Parameters
    ----------
    fleet, models, missing_modules
        All packs, and the number of missing modules of each.
    offered : pair of integers of shape (offers,)
        Row of each pack on sale, each row at most once, and the day of its sale.
    events : Events
        Events of these packs; those reported after the sale are ignored.

    Returns
    -------
    array of shape (offers, 3)
        In the order of :data:`training.simulation.sales.pricing.ROUTES`.
        No route is closed for a pack the reader rejects.
    """
    row, day = offered
    closed = np.zeros((len(row), len(ROUTES)), dtype=np.bool_)
    nameplates = nameplates_table(fleet, models, missing_modules)
    offer = np.full(fleet.rows, -1)
    offer[row] = np.arange(len(row))
    of_event = offer[events.row]
    for start in range(0, len(row), CHUNK):
        here = slice(start, start + CHUNK)
        mine = events.where((of_event >= start) & (of_event < start + CHUNK))
        read = read_tables(nameplates.take(row[here]), reported_table(fleet, mine))
        cases = cut(read.table, day[here][read.kept].astype(np.float64))
        nameplate = read_nameplate(cases)
        blocked = run_checks(cases, nameplate, assess_health(cases, nameplate)).blocked
        closed[start + read.kept] = np.stack([blocked[route] for route in ROUTES], axis=1)
    return closed
