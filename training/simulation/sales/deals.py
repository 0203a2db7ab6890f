"""Simulate the deals (成交): buyers, and realised prices with known noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.packs.offered_packs import OUTLET, OWNER, Offers
from training.simulation.plan import SimulationPlan, stream
from training.simulation.sales.pricing import REUSE, SECOND_LIFE, Priced, heavy_tailed
from valuation.market.instruments import vat_rate_on
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

BUYER_KINDS = ("recycler", "second_life_firm", "trader", "repair_shop")
_RECYCLER, _SECOND_LIFE_FIRM, _TRADER, _REPAIR_SHOP = range(4)
_SHARED_IN_LOT = 0.6  # correlation of the bargaining over packs of one lot
_VAT_INCLUDED_SHARE = 0.55


@dataclass(frozen=True, slots=True, kw_only=True)
class Deals:
    """One row per sale in order of day; ledger prices in CNY on the VAT basis of the sale, rounded to 0.01 CNY.

    ``itemised`` marks sales whose own price is in the ledger, not only the total of the lot. ``expected``, ``lower90``,
    ``upper90`` and ``price_without_vat`` are in CNY without VAT.
    """

    offer: IntArray
    price_cny: FloatArray
    price_without_vat: FloatArray
    vat_included: BoolArray
    buyer: IntArray
    lot_price_cny: FloatArray
    itemised: BoolArray
    expected: FloatArray
    lower90: FloatArray
    upper90: FloatArray
    route: IntArray


def realise_deals(plan: SimulationPlan, offers: Offers, priced: Priced, part: str = "deals") -> Deals:
    """Draw the deals: price = expected + scale x noise; the noise of the packs of a lot is correlated."""
    rng = stream(plan, part)
    count = len(offers.row)
    lots = int(offers.lot.max(initial=-1)) + 1
    in_lot = offers.lot >= 0
    own, shared = rng.standard_normal(count), rng.standard_normal(lots + 1)[offers.lot]
    z = np.where(in_lot, np.sqrt(1.0 - _SHARED_IN_LOT) * own + np.sqrt(_SHARED_IN_LOT) * shared, own)
    net = priced.expected + priced.scale * heavy_tailed(z)
    single_vat, lot_vat = rng.random(count), rng.random(lots + 1)[offers.lot]
    share = np.where(offers.seller == OWNER, 0.1, _VAT_INCLUDED_SHARE)
    vat_included = np.where(in_lot, lot_vat, single_vat) < share
    net = net.round(2)
    price = np.where(vat_included, net * (1.0 + vat_rate_on(offers.sold_on.astype(np.float64))), net).round(2)
    lot_total = np.bincount(offers.lot[in_lot], weights=price[in_lot], minlength=lots + 1)
    lot_price = np.where(in_lot, lot_total[offers.lot].round(2), np.nan)
    itemised = ~in_lot | (rng.random(lots + 1)[offers.lot] >= plan.lots_priced_as_one)
    order = np.lexsort((offers.row, offers.sold_on))
    return Deals(
        offer=order, price_cny=price[order], price_without_vat=net[order], vat_included=vat_included[order],
        buyer=_buyers(offers, priced)[order], lot_price_cny=lot_price[order], expected=priced.expected[order],
        itemised=itemised[order], lower90=priced.lower90[order], upper90=priced.upper90[order],
        route=priced.route[order],
    )  # fmt: skip


def _buyers(offers: Offers, priced: Priced) -> IntArray:
    """Return the buyer kind by seller and route; a lot has one buyer."""
    single = np.select(
        [priced.route == SECOND_LIFE, priced.route == REUSE, np.isin(offers.seller, (OWNER, OUTLET))],
        [_SECOND_LIFE_FIRM, _REPAIR_SHOP, _TRADER],
        _RECYCLER,
    )
    for_lots = np.array([_RECYCLER, _TRADER, _SECOND_LIFE_FIRM, _SECOND_LIFE_FIRM, _RECYCLER, _TRADER])
    return np.where(offers.lot >= 0, for_lots[offers.seller], single)
