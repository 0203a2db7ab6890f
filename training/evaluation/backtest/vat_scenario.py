"""Scenario of an unnoticed VAT change (税率变更情景): from a day on, the old rate is deducted from prices with VAT.

Value-added tax was 17 %, then 16 %, then 13 % (:data:`valuation.market.instruments.VAT_RATES`), and may change again.
The price without tax stays, and the ledger records it with the new tax. A reader who deducts the old rate gets a price
that is too low or too high. Prices recorded without tax are not affected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from training.dataset.training_set import TrainingSet
from training.sales_ledger.cells import Unreadable, read_rate
from valuation.errors import FieldError
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.record.to_columns import day_number


@dataclass(frozen=True, slots=True, kw_only=True)
class VatChange:
    """A VAT rate [1] in force from a day on, unknown to the reader of the ledger."""

    on: date
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VatMistake:
    """Sales with misread prices: a mask of the wrong ones, and read price over true price. [1]"""

    sales: TrainingSet
    wrong: BoolArray
    factor: FloatArray

    def copies(self, degraded: TrainingSet) -> TrainingSet:
        """Return degraded copies of the sales with their prices misread in the same way."""
        keys = zip(self.sales.sale_id, self.sales.packs, strict=True)
        factors = dict(zip(keys, self.factor.tolist(), strict=True))
        factor = np.array([factors[key] for key in zip(degraded.sale_id, degraded.packs, strict=True)])
        return replace(degraded, price_cny=degraded.price_cny * factor)


def read_vat_change(text: str) -> VatChange:
    """Parse a VAT change written as DAY=RATE.

    Raises
    ------
    FieldError
        If the text is not a day and a rate.

    >>> read_vat_change("2027-01-01=9%").rate, read_vat_change("2019-04-01=0.13").on.year
    (0.09, 2019)
    """
    day, _, rate = text.partition("=")
    try:
        change = VatChange(on=date.fromisoformat(day.strip()), rate=read_rate(rate))
    except (ValueError, Unreadable):
        raise FieldError("training.vat_change", field="vat_change", value=text) from None
    return change


def apply_vat_mistake(sales: TrainingSet, tax: FloatArray, changes: Sequence[VatChange]) -> VatMistake:
    """Return the sales as read without knowledge of the changes.

    Parameters
    ----------
    sales : TrainingSet
        Sales with true prices without tax.
    tax : array of shape (sales,)
        The rate that the reader deducts from each price; 0 if the ledger states prices without VAT. [1]
    changes : sequence of VatChange
        The last change on or before the day of a sale applies.

    Raises
    ------
    FieldError
        If no price includes VAT after a change.
    """
    true = tax.copy()
    for change in sorted(changes, key=lambda one: one.on):
        true = np.where((tax > 0.0) & (sales.sold_day >= day_number(change.on)), change.rate, true)
    wrong: BoolArray = true != tax
    if not wrong.any():
        raise FieldError("training.nothing_misread", field="vat_change")
    factor = (1.0 + true) / (1.0 + tax)
    return VatMistake(sales=replace(sales, price_cny=sales.price_cny * factor), wrong=wrong, factor=factor)
