"""A ledger's sales as the counter enters them: any file a training reads, every bad row named (成交交接)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from training.sales_ledger.cross_check import in_cny
from training.sales_ledger.ledger_columns import VatBasis
from training.sales_ledger.read_ledger import read_ledger
from training.sales_ledger.reasons import REASONS
from training.sales_ledger.sales_table import Ledger, RowError
from valuation.market.snapshot import MarketHistory
from valuation.record.to_columns import calendar_day

_LONGEST_REGION = 16
_LONGEST_TEXT = 128


def sales_of(
    path: Path, market: MarketHistory, vat: VatBasis | None
) -> tuple[list[dict[str, object]], list[tuple[str, str]]]:
    """Return the sales of a ledger as records of the contract, prices in CNY without VAT, and why rows were set aside.

    A sale that the ledger does not name, and one of several packs in one order, is named by its pack and day, so that
    the same file reported again enters nothing twice.

    Parameters
    ----------
    path : Path
        CSV, Excel or Parquet, Chinese or English headings.
    market : MarketHistory
        Quotes, for rates of exchange.
    vat : "included" or "excluded", optional
        What prices are where the ledger itself does not say.

    Returns
    -------
    records, faults
        A fault is a sentence and its way out.

    Raises
    ------
    UnreadableLedger
        If the file is no ledger, or nothing says whether its prices hold VAT.
    """
    ledger = in_cny(read_ledger(path, vat), market)
    return [_record(ledger, row, name) for row, name in enumerate(_names(ledger))], _faults(ledger)


def _names(ledger: Ledger) -> list[str]:
    """Return the id of each sale, one id a sale."""
    times = Counter(ledger.sale_id)
    return [
        (
            name
            if times[name] == 1 and not name.startswith("row ")
            else f"{'' if name.startswith('row ') else name + ' '}{code} {calendar_day(day)}"
        )[:_LONGEST_TEXT]
        for name, code, day in zip(ledger.sale_id, ledger.battery_code, ledger.sold_day.tolist(), strict=True)
    ]


def _record(ledger: Ledger, row: int, name: str) -> dict[str, object]:
    """Return one sale; what is not known stays away."""
    own, total, region = float(ledger.price_cny[row]), float(ledger.lot_price_cny[row]), ledger.region[row] or ""
    summed = np.isnan(own)
    told: dict[str, object | None] = {
        "sale_id": name,
        "battery_code": ledger.battery_code[row],
        "sold_on": str(calendar_day(float(ledger.sold_day[row]))),
        "vat_included": False,
        "price_cny": None if summed else round(own, 2),
        "region": region if 2 <= len(region) <= _LONGEST_REGION else None,
        "buyer_kind": ledger.buyer_kind[row],
        "seller_kind": ledger.seller_kind[row],
        "lot_id": ledger.lot_id[row],
        "lot_price_cny": round(total, 2) if summed else None,
        "route": ledger.route[row],
    }
    return {field: value for field, value in told.items() if value is not None and value != ""}


def _faults(ledger: Ledger) -> list[tuple[str, str]]:
    """Return each row that was set aside as a sentence and its way out."""
    return [
        (f"row {fault.row}: {REASONS[fault.reason].en}{_shown(fault)}", REASONS[fault.reason].way_out_en)
        for fault in sorted(ledger.faults, key=lambda one: one.row)
    ]


def _shown(fault: RowError) -> str:
    """Return the cell at fault, nothing where it is empty."""
    return f" ({fault.field} {fault.value[:60]!r})" if fault.value else ""
