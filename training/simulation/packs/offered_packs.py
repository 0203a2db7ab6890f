"""Select the retired packs that come to market: seller, day, region, lot, falsified records."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from training.simulation.packs.fleet import BUS_DUTY, SWAP, TAXI, Fleet
from training.simulation.packs.service_lives import END_OF_LIFE, FAILURE, NEVER, WARRANTY, Lives
from training.simulation.plan import DAYS_PER_YEAR, SimulationPlan, stream
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

SELLER_KINDS = ("dismantler", "service_outlet", "vehicle_maker", "swap_operator", "repair_shop", "owner")
DISMANTLER, OUTLET, VEHICLE_MAKER, SWAP_OPERATOR, REPAIR_SHOP, OWNER = range(6)
TAMPERING_KINDS = ("none", "soh_edited", "odometer_rolled_back", "pack_swapped")
NOT_TAMPERED, SOH_EDITED, ODOMETER_ROLLED_BACK, PACK_SWAPPED = range(4)
_SOLD_SHARE = 0.93
_LOT_SHARE = np.array([0.75, 0.55, 0.65, 0.70, 0.0, 0.0])  # share of a seller's packs that are sold in lots
_LOT_WINDOW_DAYS = 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """One row per pack offered and sold, in order of pack.

    Attributes
    ----------
    row
        Index of the pack.
    sold_on
        Day of the sale, days since 1970-01-01.
    seller, region
        Index into ``SELLER_KINDS`` and ``regions.REGIONS``.
    lot, lot_size
        Number of the lot (-1: single sale) and its number of packs.
    tampering
        Index into ``TAMPERING_KINDS``.
    true_soh
        State of health of the pack that is actually sold. [1]
    """

    row: IntArray
    sold_on: IntArray
    seller: IntArray
    region: IntArray
    lot: IntArray
    lot_size: IntArray
    tampering: IntArray
    true_soh: FloatArray


def simulate_offers(plan: SimulationPlan, fleet: Fleet, lives: Lives) -> Offers:
    """Draw the packs that are sold within the years of the ledger."""
    rng = stream(plan, "offers")
    seller = _sellers(rng, fleet, lives)
    wait = 4 + np.minimum(rng.lognormal(np.log(45.0), 0.9, fleet.rows), 700.0).astype(np.int64)
    sold_on = lives.retired_on + wait
    opens = plan.last_day - plan.years * DAYS_PER_YEAR
    sold = (lives.retired_on < NEVER) & (rng.random(fleet.rows) < _SOLD_SHARE)
    row = np.flatnonzero(sold & (sold_on <= plan.last_day) & (sold_on > opens))
    offers = Offers(
        row=row, sold_on=sold_on[row], seller=seller[row], region=fleet.region[row], lot=np.full(len(row), -1),
        lot_size=np.ones(len(row), dtype=np.int64), tampering=np.zeros(len(row), dtype=np.int64),
        true_soh=lives.soh[row],
    )  # fmt: skip
    return _tampered(plan, _in_lots(rng, offers))


def _sellers(rng: np.random.Generator, fleet: Fleet, lives: Lives) -> IntArray:
    """Return the seller kind of each pack; it follows from retirement reason and duty, which are recorded."""
    reason = lives.reason
    fleet_duty = (fleet.duty == TAXI) | (fleet.duty == BUS_DUTY)
    seller = np.where(reason == END_OF_LIFE, DISMANTLER, OUTLET)
    seller = np.where((reason == WARRANTY) | (fleet_duty & (reason != END_OF_LIFE)), VEHICLE_MAKER, seller)
    seller = np.where(reason == FAILURE, REPAIR_SHOP, seller)
    seller = np.where(fleet.duty == SWAP, SWAP_OPERATOR, seller)
    return np.where(rng.random(len(seller)) < 0.04, OWNER, seller)


def _in_lots(rng: np.random.Generator, offers: Offers) -> Offers:
    """Group consecutive packs of one seller kind and region into lots, sold on the day of the last pack."""
    count = len(offers.row)
    order = np.lexsort((offers.sold_on, offers.region, offers.seller))
    key = offers.seller[order] * 1000 + offers.region[order]
    day = offers.sold_on[order]
    bundled = rng.random(count) < _LOT_SHARE[offers.seller[order]]
    begins = ~bundled | (rng.random(count) < 0.18)
    begins[0:1] = True
    begins[1:] |= (np.diff(key) != 0) | (np.diff(day) > _LOT_WINDOW_DAYS) | ~bundled[:-1]
    group = np.cumsum(begins) - 1
    size = np.bincount(group, minlength=1)
    last_day = np.zeros(len(size), dtype=np.int64)
    np.maximum.at(last_day, group, day)
    number = np.where(size > 1, np.cumsum(size > 1) - 1, -1)
    lot, lot_size, sold_on = (np.empty(count, dtype=np.int64) for _ in range(3))
    lot[order], lot_size[order], sold_on[order] = number[group], size[group], last_day[group]
    return replace(offers, lot=lot, lot_size=lot_size, sold_on=sold_on)


def _tampered(plan: SimulationPlan, offers: Offers) -> Offers:
    """Draw the packs whose records are falsified; a swapped pack is worse than its record."""
    rng = stream(plan, "tampering")
    count = len(offers.row)
    chosen = rng.permutation(count)[: round(plan.tampering_share * count)]
    tampering = np.zeros(count, dtype=np.int64)
    tampering[chosen] = rng.choice([SOH_EDITED, ODOMETER_ROLLED_BACK, PACK_SWAPPED], len(chosen), p=[0.5, 0.3, 0.2])
    worse = np.maximum(offers.true_soh - rng.uniform(0.08, 0.25, count), 0.2)
    soh = np.where(tampering == PACK_SWAPPED, worse, offers.true_soh)
    return replace(offers, tampering=tampering, true_soh=soh)


def by_pack(offers: Offers, values: IntArray | FloatArray | BoolArray, packs: int, missing: float) -> FloatArray:
    """Return a value per pack from a value per offer.

    Packs without an offer hold ``missing``.
    """
    result = np.full(packs, missing)
    result[offers.row] = values
    return result
