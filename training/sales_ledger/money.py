"""Convert the prices of a ledger to prices without VAT (价税处理), by the tax basis of row, heading or option."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from training.sales_ledger import cells
from training.sales_ledger.ledger_columns import ColumnReader, VatBasis
from valuation.errors import UnreadableLedger
from valuation.ingest.fields.price_units import PriceBasis
from valuation.market.instruments import VAT_RATE, vat_rate_on
from valuation.numeric.columns import BoolArray, FloatArray

_PRICES = ("price_cny", "lot_price_cny")


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Prices in the currency of each row, without VAT.

    `tax` is the deducted VAT rate [1]; `currency` is the exchange-rate instrument of a row, None for CNY. `heading` is
    that of the prices; `per` is the unit that they are for, ``kWh`` or ``kg``, or empty for a pack.
    """

    price: FloatArray
    lot_price: FloatArray
    tax: FloatArray
    currency: tuple[str | None, ...]
    heading: str = "price_cny"
    per: str = ""
    notes: Counter[str] = field(default_factory=Counter)


def read_money_columns(reader: ColumnReader, vat: VatBasis | None, at_home: Sequence[bool]) -> Money:
    """Return the prices of a ledger; rows with an invalid price, tax or currency are marked invalid.

    Raises
    ------
    UnreadableLedger
        If neither a column, nor a heading, nor `vat` states the tax basis, or a total of a lot is a price per unit.
    """
    per = _basis(reader, "price_cny").per
    lot = reader.found.get("lot_price_cny")
    if lot is not None and (per or _basis(reader, "lot_price_cny").per):
        heading = lot.spelled if not per else reader.found["price_cny"].spelled
        raise UnreadableLedger("ledger.lot_per_unit", field="lot_price_cny", value=heading, name=reader.sheet.name)
    price, own = _amounts(reader, "price_cny")
    lot_price, lot_own = _amounts(reader, "lot_price_cny")
    if "lot_price_cny" not in reader.found:  # else another row of the lot may state the total
        unknown = np.isnan(price)
        for mask, _, name in reader.wrong:
            unknown &= ~mask | (name != "price_cny")
        reader.mark_invalid(unknown, "no price", "price_cny")
    included = _included(reader, vat, np.array(at_home, dtype=np.bool_))
    rate = reader.read("vat_rate", cells.read_rate)
    then = vat_rate_on(_days_of_sale(reader))
    tax = np.where(included, np.where(np.isnan(rate), then, rate), 0.0)
    currency = _currencies(reader, [one or other for one, other in zip(own, lot_own, strict=True)])
    notes = Counter(
        {
            "vat": int(included.sum()),
            "old vat": int((included & np.isnan(rate) & (then != VAT_RATE)).sum()),
            "gate fee": int((price < 0.0).sum()),
        }
    )
    factor = 1.0 + tax
    spelled = reader.found.get("price_cny", reader.found.get("lot_price_cny"))
    return Money(
        price=price / factor,
        lot_price=lot_price / factor,
        tax=tax,
        currency=currency,
        heading="price_cny" if spelled is None else spelled.spelled,
        per=per,
        notes=notes,
    )


def _amounts(reader: ColumnReader, name: str) -> tuple[FloatArray, list[str]]:
    """Return the amounts of a column and the currency given in each cell."""
    column = reader.column(name)
    if column is None:
        return np.full(reader.rows, np.nan), [""] * reader.rows
    amounts, named = cells.numbers_of(column), [""] * reader.rows
    if amounts is None:
        pairs, reasons = cells.read_distinct(column, cells.read_money, (float("nan"), ""))
        amounts, named = np.array([pair[0] for pair in pairs], dtype=np.float64), [pair[1] for pair in pairs]
        reader.mark_invalid(np.array([reason != "" for reason in reasons], dtype=np.bool_), "bad price", name)
    else:
        reader.mark_invalid(np.isinf(amounts), "bad price", name)
        amounts = np.where(np.isinf(amounts), np.nan, amounts)
    amounts = np.where(amounts == -1.0, np.nan, amounts)  # -1 means unknown
    reader.mark_invalid(amounts == 0.0, "zero price", name)
    return np.where(amounts == 0.0, np.nan, amounts) * _basis(reader, name).factor, named


def _basis(reader: ColumnReader, *names: str) -> PriceBasis:
    """Return what the heading of the first of these columns states."""
    heading = next((reader.found[name] for name in names if name in reader.found), None)
    return PriceBasis() if heading is None or heading.price is None else heading.price


def _included(reader: ColumnReader, vat: VatBasis | None, at_home: BoolArray) -> BoolArray:
    """Return a mask of the rows whose prices include VAT."""
    by_heading = _basis(reader, *_PRICES).vat_included
    if "vat_included" not in reader.found and by_heading is None and vat is None and "vat_rate" not in reader.found:
        raise UnreadableLedger("ledger.vat_unknown", field="vat_included", name=reader.sheet.name)
    stated = reader.read("vat_included", cells.read_answer)
    wrong = np.zeros(reader.rows, dtype=np.bool_)
    for mask, reason, _ in reader.wrong:
        wrong |= mask & (reason == "bad vat")
    default = by_heading if by_heading is not None else None if vat is None else vat == "included"
    if default is not None:
        if by_heading is None:
            reader.notes["vat assumed"] = int((np.isnan(stated) & ~wrong).sum())
        stated = np.where(np.isnan(stated), float(default), stated)
    elif "vat_rate" in reader.found:
        stated = np.where(np.isnan(stated), 1.0, stated)  # a given rate implies that the price includes VAT
    reader.mark_invalid(np.isnan(stated) & ~wrong, "vat not said", "vat_included")
    reader.mark_invalid((stated == 1.0) & ~at_home, "foreign vat", "region")
    included: BoolArray = stated == 1.0
    return included


def _currencies(reader: ColumnReader, named: list[str]) -> tuple[str | None, ...]:
    """Return the currency of each row: that of the cell, else of the column, else of the heading, else CNY."""
    column = reader.column("currency")
    stated, reasons = [""] * reader.rows, [""] * reader.rows
    if column is not None:
        stated, reasons = cells.read_distinct(column, cells.read_currency, "")
    clash = [bool(one and other and one != other) for one, other in zip(named, stated, strict=True)]
    bad = [bool(reason) or different for reason, different in zip(reasons, clash, strict=True)]
    reader.mark_invalid(
        np.array(bad, dtype=np.bool_), "bad currency", "currency" if column is not None else "price_cny"
    )
    by_heading = _basis(reader, *_PRICES).currency
    chosen = [own or row or by_heading or "cny" for own, row in zip(named, stated, strict=True)]
    return tuple(None if one == "cny" else one for one in chosen)


def _days_of_sale(reader: ColumnReader) -> FloatArray:
    """Return the day of each sale, NaN if invalid; the error is reported when the days are read."""
    column = reader.column("sold_on")
    days = cells.days_of(column) if column is not None else None
    if days is None and column is not None:
        days = np.array(cells.read_distinct(column, cells.read_day, float("nan"))[0], dtype=np.float64)
    return np.full(reader.rows, np.nan) if days is None else days
