"""Which routes the record closes on the day of the sale (途径关闭): the law that the synthetic buyers obey.

The simulated buyers share no price formula with the valuation. What they share is the table of checks
(:data:`valuation.provenance.catalogue.CHECKS`): a finding of severity `block` closes a route for everybody, so that a
rule written twice could only drift apart. The checks read the record through the tables and the reader of the files.
"""

from __future__ import annotations

import numpy as np

from training.simulation.events import Events
from training.simulation.fleet import Fleet
from training.simulation.tables import nameplates_table, reported_table
from training.simulation.vehicle_models import VehicleModels
from valuation.condition.health import assess_health
from valuation.ingest import read_tables
from valuation.numeric.columns import BoolArray, FloatArray, IntArray
from valuation.pack.nameplate import read_nameplate
from valuation.provenance.run_checks import run_checks
from valuation.record.cases import cut
from valuation.routes.route_choice import ROUTES

CHUNK = 20_000
"""Packs examined at once; bounds memory, changes no answer."""


def closed_routes(
    fleet: Fleet, models: VehicleModels, missing_modules: FloatArray, offered: tuple[IntArray, IntArray], events: Events
) -> BoolArray:
    """Return which routes the findings close to each pack on sale (依法关闭的途径). [1]

    Parameters
    ----------
    fleet, models, missing_modules
        All packs, and how many modules each lacks.
    offered : pair of integers of shape (offers,)
        Row of each pack on sale, each row at most once, and the day of its sale.
    events : Events
        Events of these packs; those reported after the sale do not count.

    Returns
    -------
    array of shape (offers, 3)
        In the order of :data:`training.simulation.pricing.ROUTES`. A pack that the reader rejects is closed to nothing.
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
