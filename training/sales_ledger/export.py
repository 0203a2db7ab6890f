"""Export the sales of a ledger as records of the service (成交导出), with a message for every rejected row."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from training.sales_ledger.cross_check import convert_to_cny
from training.sales_ledger.ledger_columns import VatBasis
from training.sales_ledger.read_ledger import read_ledger
from training.sales_ledger.reasons import REASONS
from training.sales_ledger.sales_table import RowError, SalesLedger
from valuation.errors import UnreadableLedger
from valuation.market.snapshot import MarketHistory
from valuation.messages import Message, shown_value
from valuation.numeric.rounding import money
from valuation.record.to_columns import calendar_day

_LONGEST_REGION = 16
_LONGEST_TEXT = 128


def sales_of(
    path: Path, market: MarketHistory, vat: VatBasis | None
) -> tuple[list[dict[str, object]], list[tuple[Message, Message]]]:
    """Return the sales of a ledger as records, prices in CNY without VAT, and the messages of rejected rows.

    A sale without an id, or of an order with several packs, gets an id from pack and day, so that the same file
    reported again adds no duplicates.

    Parameters
    ----------
    path : Path
        CSV, Excel or Parquet, Chinese or English headings.
    market : MarketHistory
        Quotes, for exchange rates.
    vat : "included" or "excluded", optional
        Tax basis of the prices if the ledger does not state it.

    Returns
    -------
    records, errors
        An error is a sentence and its correction.

    Raises
    ------
    UnreadableLedger
        If the file is not a ledger, the tax basis of its prices is not stated, or they are prices per kWh or kg.
    """
    ledger = read_ledger(path, vat)
    if ledger.price_per:
        raise UnreadableLedger(
            "ledger.price_per_unit",
            field="price_cny",
            value=ledger.price_heading,
            name=ledger.name,
            per=ledger.price_per,
        )
    ledger = convert_to_cny(ledger, market)
    return [_record(ledger, row, name) for row, name in enumerate(_names(ledger))], _error_messages(ledger)


def _names(ledger: SalesLedger) -> list[str]:
    """Return a unique id for each sale."""
    times = Counter(ledger.sale_id)
    return [
        (
            name
            if times[name] == 1 and not name.startswith("row ")
            else f"{'' if name.startswith('row ') else name + ' '}{code} {calendar_day(day)}"
        )[:_LONGEST_TEXT]
        for name, code, day in zip(ledger.sale_id, ledger.battery_code, ledger.sold_day.tolist(), strict=True)
    ]


def _record(ledger: SalesLedger, row: int, name: str) -> dict[str, object]:
    """Return one sale without unknown fields."""
    own, total, region = float(ledger.price_cny[row]), float(ledger.lot_price_cny[row]), ledger.region[row] or ""
    summed = np.isnan(own)
    fields: dict[str, object | None] = {
        "sale_id": name,
        "battery_code": ledger.battery_code[row],
        "sold_on": str(calendar_day(float(ledger.sold_day[row]))),
        "vat_included": False,
        "price_cny": None if summed else money(own),
        "region": region if 2 <= len(region) <= _LONGEST_REGION else None,
        "buyer_kind": ledger.buyer_kind[row],
        "seller_kind": ledger.seller_kind[row],
        "lot_id": ledger.lot_id[row],
        "lot_price_cny": money(total) if summed else None,
        "route": ledger.route[row],
    }
    return {field: value for field, value in fields.items() if value is not None and value != ""}


def _error_messages(ledger: SalesLedger) -> list[tuple[Message, Message]]:
    """Return what is wrong with each invalid row, and its correction."""
    return [
        (_error_message(error), REASONS[error.reason].way_out)
        for error in sorted(ledger.row_errors, key=lambda one: one.row)
    ]


def _error_message(error: RowError) -> Message:
    """Return row, reason and, unless it is empty, the invalid cell."""
    reason = REASONS[error.reason].text
    if not error.value:
        return Message("ledger.row_error", row=error.row, reason=reason)
    return Message(
        "ledger.row_error_value", row=error.row, reason=reason, field=error.field, value=shown_value(error.value)
    )
