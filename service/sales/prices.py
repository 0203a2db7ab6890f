"""Unit prices of sold packs (成交单价), without VAT, with the prices of lots shared among their packs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

import numpy as np

from service.sales.sale_types import Sale
from service.sales.states import ReportedSale, State
from valuation.market.instruments import vat_rate_on
from valuation.numeric.columns import FloatArray
from valuation.record.to_columns import day_number

_CLOSED_STATES: Final = frozenset({"voided", "corrected"})


def without_vat(price_cny: float, sale: Sale) -> float:
    """Return a price of a sale without the VAT rate of its day."""
    return price_cny / float(_vat_factor([sale], np.array([day_number(sale.sold_on)]))[0])


def prices_cny(sales: Sequence[Sale], day: FloatArray, worth_cny: FloatArray, energy_kwh: FloatArray) -> FloatArray:
    """Return the price of each pack without VAT; a lot price is shared by structural value. [CNY]

    If no pack of a lot has a positive structural value, it is shared by rated energy. `day` is in days since
    1970-01-01.
    """
    paid = np.array([np.nan if sale.price_cny is None else sale.price_cny for sale in sales])
    lots: dict[str, list[int]] = {}
    for row, sale in enumerate(sales):
        if sale.price_cny is None and sale.lot_id is not None:
            lots.setdefault(sale.lot_id, []).append(row)
    worth = np.maximum(worth_cny, 0.0)
    for rows in lots.values():
        total = sales[rows[0]].lot_price_cny
        share = worth[rows] if float(worth[rows].sum()) > 0.0 else energy_kwh[rows]
        if total is not None:
            paid[rows] = total * share / float(share.sum())
    return paid / _vat_factor(sales, day)


def _vat_factor(sales: Sequence[Sale], day: FloatArray) -> FloatArray:
    """Return the divisor of each price that removes VAT; 1 for prices without VAT."""
    included = np.array([sale.vat_included for sale in sales], dtype=bool)
    return np.where(included, 1.0 + vat_rate_on(day), 1.0)


def whole_lots(states: Iterable[tuple[ReportedSale, State]], usable: Iterable[ReportedSale]) -> set[str | None]:
    """Return the lots whose price can be shared: every pack is usable, and all sales state the same price.

    Sharing the price among a part of the packs would overstate each of them.
    """
    entered = [one.sale for one, state in states if one.sale.price_cny is None and state not in _CLOSED_STATES]
    sums: dict[str | None, set[tuple[float | None, bool, date]]] = {}
    for sale in entered:
        sums.setdefault(sale.lot_id, set()).add((sale.lot_price_cny, sale.vat_included, sale.sold_on))
    all_packs = Counter(sale.lot_id for sale in entered)
    usable_packs = Counter(one.sale.lot_id for one in usable if one.sale.price_cny is None)
    return {lot for lot, named in sums.items() if len(named) == 1 and usable_packs[lot] == all_packs[lot]}
