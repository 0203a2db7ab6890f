"""Simulate the events after a sale: recycling, second life or reuse; they are unknown at the sale."""

from __future__ import annotations

import numpy as np

from training.simulation.event_fields import CHOICES
from training.simulation.packs.battery_codes import TextArray, date_letters, vehicle_numbers
from training.simulation.packs.fleet import Fleet
from training.simulation.packs.offered_packs import Offers
from training.simulation.plan import SimulationPlan, stream
from training.simulation.records.events import Events, block
from training.simulation.sales.deals import Deals
from training.simulation.sales.pricing import RECYCLING, REUSE, SECOND_LIFE


def events_after_sale(
    plan: SimulationPlan, fleet: Fleet, offers: Offers, deals: Deals, new_codes: dict[int, bytes]
) -> list[Events]:
    """Return the events after the sale; ``new_codes`` maps a parent pack's row to its second-life product's code."""
    rng = stream(plan, "afterlife")
    row, sold_on = offers.row[deals.offer], offers.sold_on[deals.offer]
    arrived = sold_on + rng.integers(2, 45, len(row))
    opened = arrived + rng.integers(3, 60, len(row))
    finished = opened + rng.integers(2, 80, len(row))
    mass = np.round(fleet.mass_kg[row] * rng.normal(1.0, 0.01, len(row)), 1)
    ends = np.flatnonzero(deals.route == RECYCLING)
    goes_on = np.flatnonzero(deals.route == SECOND_LIFE)
    back = np.flatnonzero(deals.route == REUSE)
    codes: TextArray = np.array([new_codes.get(int(pack), b"") for pack in row[goes_on]], dtype="S24")
    storage = np.full(len(goes_on), CHOICES["destination"].index("storage"))
    vin = vehicle_numbers(fleet.serial[row[back]] + 500_000, date_letters(sold_on[back]).astype("S1"))
    return [
        block("recycled_in", row[ends], arrived[ends], ("recycler", row[ends]), mass_kg=mass[ends]),
        block("dismantled", row[ends], opened[ends], ("recycler", row[ends])),
        block(
            "recycled_done", row[ends], finished[ends], ("recycler", row[ends]), mass_kg=np.round(mass[ends] * 0.96, 1)
        ),
        block(
            "second_life_out",
            row[goes_on],
            finished[goes_on],
            ("recycler", row[goes_on]),
            new_code=codes,
            destination=storage,
        ),
        block("installed", row[back], arrived[back], ("repair_shop", row[back]), vin=vin),
    ]
