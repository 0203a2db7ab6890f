"""Prices of a ledger without VAT: what the row, the heading or the person says of tax and currency (价税)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from training.sales_ledger import cells
from training.sales_ledger.ledger_columns import Reading, VatBasis
from valuation.errors import UnreadableLedger
from valuation.market.instruments import VAT_RATE, vat_rate_on
from valuation.numeric.columns import BoolArray, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Prices in the currency of each row, without VAT.

    `tax` is the rate that was taken off each, 0 where none was; `currency` the exchange rate a row needs, None for CNY.
    """

    price: FloatArray
    lot_price: FloatArray
    tax: FloatArray
    currency: tuple[str | None, ...]
    notes: Counter[str] = field(default_factory=Counter)


def read_money_columns(reading: Reading, vat: VatBasis | None, at_home: Sequence[bool]) -> Money:
    """Return the prices of a ledger; rows whose price, tax or currency cannot be told are blamed.

    Raises
    ------
    UnreadableLedger
        If nothing says whether prices hold VAT: neither a column, nor a heading, nor the person.
    """
    price, own = _amounts(reading, "price_cny")
    lot_price, lot_own = _amounts(reading, "lot_price_cny")
    if "lot_price_cny" not in reading.found:  # else another row of the lot may tell its total
        unknown = np.isnan(price)
        for mask, _, name in reading.wrong:
            unknown &= ~mask | (name != "price_cny")
        reading.mark_invalid(unknown, "no price", "price_cny")
    included = _included(reading, vat, np.array(at_home, dtype=np.bool_))
    rate = reading.read("vat_rate", cells.read_rate)
    then = vat_rate_on(_days_of_sale(reading))
    tax = np.where(included, np.where(np.isnan(rate), then, rate), 0.0)
    currency = _currencies(reading, [one or other for one, other in zip(own, lot_own, strict=True)])
    notes = Counter(
        {
            "vat": int(included.sum()),
            "old vat": int((included & np.isnan(rate) & (then != VAT_RATE)).sum()),
            "gate fee": int((price < 0.0).sum()),
        }
    )
    factor = 1.0 + tax
    return Money(price=price / factor, lot_price=lot_price / factor, tax=tax, currency=currency, notes=notes)


def _amounts(reading: Reading, name: str) -> tuple[FloatArray, list[str]]:
    """Return the amounts of a column and the currency each cell names."""
    column = reading.column(name)
    if column is None:
        return np.full(reading.rows, np.nan), [""] * reading.rows
    amounts, named = cells.numbers_of(column), [""] * reading.rows
    if amounts is None:
        pairs, reasons = cells.each_once(column, cells.read_money, (float("nan"), ""))
        amounts, named = np.array([pair[0] for pair in pairs], dtype=np.float64), [pair[1] for pair in pairs]
        reading.mark_invalid(np.array([reason != "" for reason in reasons], dtype=np.bool_), "bad price", name)
    else:
        reading.mark_invalid(np.isinf(amounts), "bad price", name)
        amounts = np.where(np.isinf(amounts), np.nan, amounts)
    amounts = np.where(amounts == -1.0, np.nan, amounts)  # -1 stands for not known
    reading.mark_invalid(amounts == 0.0, "zero price", name)
    return np.where(amounts == 0.0, np.nan, amounts) * reading.found[name].scale, named


def _included(reading: Reading, vat: VatBasis | None, at_home: BoolArray) -> BoolArray:
    """Return which rows' prices hold VAT."""
    heading = reading.found.get("price_cny", reading.found.get("lot_price_cny"))
    by_heading = None if heading is None else heading.vat_included
    if "vat_included" not in reading.found and by_heading is None and vat is None and "vat_rate" not in reading.found:
        raise UnreadableLedger(
            f"the ledger {reading.sheet.name} does not say whether its prices hold VAT (含税)",
            hint="pass --vat included or --vat excluded, or add a column vat_included (含税) with yes or no",
            field="vat_included",
        )
    told = reading.read("vat_included", cells.read_answer)
    wrong = np.zeros(reading.rows, dtype=np.bool_)
    for mask, reason, _ in reading.wrong:
        wrong |= mask & (reason == "bad vat")
    default = by_heading if by_heading is not None else None if vat is None else vat == "included"
    if default is not None:
        if by_heading is None:
            reading.notes["vat assumed"] = int((np.isnan(told) & ~wrong).sum())
        told = np.where(np.isnan(told), float(default), told)
    elif "vat_rate" in reading.found:
        told = np.where(np.isnan(told), 1.0, told)  # who gives the rate of a price's tax says that it holds it
    reading.mark_invalid(np.isnan(told) & ~wrong, "vat not said", "vat_included")
    reading.mark_invalid((told == 1.0) & ~at_home, "foreign vat", "region")
    included: BoolArray = told == 1.0
    return included


def _currencies(reading: Reading, named: list[str]) -> tuple[str | None, ...]:
    """Return the exchange rate each row needs: the cell's own currency, the column's, the heading's, else CNY."""
    column = reading.column("currency")
    told, reasons = [""] * reading.rows, [""] * reading.rows
    if column is not None:
        told, reasons = cells.each_once(column, cells.read_currency, "")
    clash = [bool(one and other and one != other) for one, other in zip(named, told, strict=True)]
    bad = [bool(reason) or different for reason, different in zip(reasons, clash, strict=True)]
    reading.mark_invalid(
        np.array(bad, dtype=np.bool_), "bad currency", "currency" if column is not None else "price_cny"
    )
    heading = reading.found.get("price_cny", reading.found.get("lot_price_cny"))
    by_heading = "" if heading is None else heading.currency
    chosen = [own or row or by_heading or "cny" for own, row in zip(named, told, strict=True)]
    return tuple(None if one == "cny" else one for one in chosen)


def _days_of_sale(reading: Reading) -> FloatArray:
    """Return the day of each sale, NaN where it cannot be read; that is blamed where days are read."""
    column = reading.column("sold_on")
    days = cells.days_of(column) if column is not None else None
    if days is None and column is not None:
        days = np.array(cells.each_once(column, cells.read_day, float("nan"))[0], dtype=np.float64)
    return np.full(reading.rows, np.nan) if days is None else days
