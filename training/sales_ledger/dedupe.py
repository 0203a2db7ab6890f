"""Compare the rows of a ledger (去重与批次): duplicates, contradictions, resales, and lots with one total price."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace

import numpy as np

from training.sales_ledger.sales_table import SalesLedger
from valuation.numeric.columns import BoolArray, FloatArray


def resolve_duplicates(ledger: SalesLedger) -> SalesLedger:
    """Return the sales without duplicates and contradictions, with complete lots."""
    ledger = _without_copies(_with_lots_named(ledger))
    ledger = _with_lot_totals(ledger)
    unpriced = np.isnan(ledger.price_cny) & np.isnan(ledger.lot_price_cny)
    ledger = ledger.where(~unpriced, "no price", "price_cny")
    return _with_lots_paid(_with_notes(ledger))


def _with_lots_named(ledger: SalesLedger) -> SalesLedger:
    """Assign a lot total without lot id to the lot of its order, or to the price of a single pack."""
    rows = np.flatnonzero(~np.isnan(ledger.lot_price_cny)).tolist()
    unnamed = [row for row in rows if ledger.lot_id[row] is None]
    if not unnamed:
        return ledger
    orders: dict[str, list[int]] = {}
    for row, order in enumerate(ledger.sale_id):
        orders.setdefault(order, []).append(row)
    lot_id, price = list(ledger.lot_id), ledger.price_cny.copy()
    for row in unnamed:
        members = orders[ledger.sale_id[row]]
        if len(members) > 1:
            for member in members:
                lot_id[member] = lot_id[member] or f"order {ledger.sale_id[row]}"
        elif np.isnan(price[row]):
            price[row] = ledger.lot_price_cny[row]
    return replace(ledger, lot_id=tuple(lot_id), price_cny=price)


def _without_copies(ledger: SalesLedger) -> SalesLedger:
    """Keep the first of equal rows and reject contradicting rows."""
    what = [
        (day, _cell(price), _cell(total), lot, money)
        for day, price, total, lot, money in zip(
            ledger.sold_day.tolist(),
            ledger.price_cny.tolist(),
            ledger.lot_price_cny.tolist(),
            ledger.lot_id,
            ledger.currency,
            strict=True,
        )
    ]
    named = list(zip(ledger.sale_id, ledger.battery_code, strict=True))
    first: dict[Hashable, int] = {}
    contradicted: set[Hashable] = set()
    for row, key in enumerate(named):
        if what[first.setdefault(key, row)] != what[row]:
            contradicted.add(key)
    clear = np.array([key not in contradicted for key in named], dtype=np.bool_)
    dealt = [(code, *deal) for code, deal in zip(ledger.battery_code, what, strict=True)]
    fresh = _first_of(lambda row: named[row], len(ledger)) & _first_of(lambda row: dealt[row], len(ledger))
    single = ledger.drop(fresh | ~clear, "copied", "sale_id")
    return single.where(clear[fresh | ~clear], "contradicted", "sale_id")


def _cell(value: float) -> float | None:
    return None if np.isnan(value) else value


def _first_of(key: Callable[[int], Hashable], rows: int) -> BoolArray:
    """Return a mask of the first row of each key."""
    keys: set[Hashable] = set()
    fresh = np.zeros(rows, dtype=np.bool_)
    for row in range(rows):
        own = key(row)
        fresh[row] = own not in keys
        keys.add(own)
    return fresh


def _lots_of(ledger: SalesLedger) -> dict[str, list[int]]:
    """Return the rows of each lot with a pack that has no price of its own."""
    lots: dict[str, list[int]] = {}
    for row, lot in enumerate(ledger.lot_id):
        if lot is not None:
            lots.setdefault(lot, []).append(row)
    unpriced = np.isnan(ledger.price_cny)
    return {lot: rows for lot, rows in lots.items() if unpriced[rows].any()}


def _with_lot_totals(ledger: SalesLedger) -> SalesLedger:
    """Copy the total of each lot to all its rows; reject lots with two totals, days or currencies."""
    total = ledger.lot_price_cny.copy()
    wrong = np.zeros(len(ledger), dtype=np.bool_)
    for rows in _lots_of(ledger).values():
        totals = {value for value in total[rows].tolist() if not np.isnan(value)}
        days = set(ledger.sold_day[rows].tolist())
        money = {ledger.currency[row] for row in rows}
        if (len(totals) > 1 and max(totals) - min(totals) > 0.005 * len(rows)) or len(days) > 1 or len(money) > 1:
            wrong[rows] = True
        elif totals:
            total[rows] = min(totals)
    return replace(ledger, lot_price_cny=total).drop(~wrong, "lot contradicted", "lot_id")


def _with_lots_paid(ledger: SalesLedger) -> SalesLedger:
    """Subtract separately priced packs from the total of their lot; a single remaining pack gets the rest."""
    price, total = ledger.price_cny.copy(), ledger.lot_price_cny.copy()
    for rows in _lots_of(ledger).values():
        members = np.array(rows)
        summed = members[np.isnan(price[members])]
        rest = total[summed] - float(np.nansum(price[members]))
        if len(summed) == 1:
            price[summed] = rest
        else:
            total[summed] = rest
    return replace(ledger, price_cny=price, lot_price_cny=total)


def _with_notes(ledger: SalesLedger) -> SalesLedger:
    """Add notes on resales, shared orders and lots."""
    packs, orders = set(ledger.battery_code), set(ledger.sale_id)
    notes = {
        "resold": len(ledger) - len(packs),
        "shared order": len(ledger) - len(orders),
        "lot": int(np.isnan(ledger.price_cny).sum()),
    }
    return replace(ledger, notes={**ledger.notes, **{name: count for name, count in notes.items() if count}})


def share_lots(ledger: SalesLedger, worth: FloatArray, energy_kwh: FloatArray) -> FloatArray:
    """Return prices with the total of each lot allocated to its packs in proportion to their structural values.

    If the structural values of a lot sum to zero, rated energy is used instead.

    Parameters
    ----------
    ledger : Ledger
        The sales.
    worth, energy_kwh : arrays of shape (sales,)
        Structural value, none below zero [CNY], and rated energy.
    """
    price_cny = ledger.price_cny.copy()
    lots: dict[str, list[int]] = {}
    for row, lot in enumerate(ledger.lot_id):
        if lot is not None and np.isnan(price_cny[row]):
            lots.setdefault(lot, []).append(row)
    for rows in lots.values():
        members = np.array(rows)
        share = worth[members] if float(worth[members].sum()) > 0.0 else energy_kwh[members]
        price_cny[members] = ledger.lot_price_cny[members] * share / float(share.sum())
    return price_cny
