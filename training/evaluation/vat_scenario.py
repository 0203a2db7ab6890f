"""A change of tax that nobody tells (税率变更情景): from a day on, prices of a ledger are not what they are read as.

Value-added tax was 17 %, then 16 %, then 13 % (:data:`valuation.market.instruments.VAT_RATES`), and may change again.
Deals then go on at the price without tax, and the ledger holds that price with the new tax; whoever takes off the old
one reads it too low or too high. Sales entered without tax are read rightly all the while, so the definition of a price
drifts for a part of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from training.dataset.training_set import TrainingSet
from valuation.errors import FieldError
from valuation.numeric.columns import BoolArray, FloatArray
from valuation.record.to_columns import day_number


@dataclass(frozen=True, slots=True, kw_only=True)
class VatChange:
    """From a day on tax has another rate [1], and the reader of the ledger does not know."""

    on: date
    rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VatMistake:
    """Sales as they are read where nobody knows of the change; which of them, and as how much of what they were."""

    sales: TrainingSet
    wrong: BoolArray
    factor: FloatArray

    def copies(self, thinner: TrainingSet) -> TrainingSet:
        """Return copies of the sales with thinner records, their prices read in the same way."""
        seen = dict(zip(zip(self.sales.sale_id, self.sales.packs, strict=True), self.factor.tolist(), strict=True))
        factor = np.array([seen[key] for key in zip(thinner.sale_id, thinner.packs, strict=True)])
        return replace(thinner, price_cny=thinner.price_cny * factor)


def read_vat_change(text: str) -> VatChange:
    """Return a change from how a person writes it.

    Raises
    ------
    FieldError
        If it is no day and rate.

    >>> read_vat_change("2027-01-01=9%").rate, read_vat_change("2019-04-01=0.13").on.year
    (0.09, 2019)
    """
    from training.sales_ledger.cells import Unreadable, read_rate  # noqa: PLC0415 - pyarrow waits

    day, _, rate = text.partition("=")
    try:
        change = VatChange(on=date.fromisoformat(day.strip()), rate=read_rate(rate))
    except (ValueError, Unreadable):
        raise FieldError(
            f"{text!r} is no change of VAT", hint="write day and rate, such as 2027-01-01=9%", field="vat_change"
        ) from None
    return change


def apply_vat_mistake(sales: TrainingSet, tax: FloatArray, changes: Sequence[VatChange]) -> VatMistake:
    """Return sales as a reader reads them who knows of no change.

    Parameters
    ----------
    sales : TrainingSet
        Sales at what they truly fetched without tax.
    tax : array of shape (sales,)
        The rate that the reader takes off each; 0 where the ledger says that the price holds none. [1]
    changes : sequence of VatChange
        The last one on or before the day of a sale is in force.

    Raises
    ------
    FieldError
        If no price holds tax after any change: then nothing can be misread.
    """
    true = tax.copy()
    for change in sorted(changes, key=lambda one: one.on):
        true = np.where((tax > 0.0) & (sales.sold_day >= day_number(change.on)), change.rate, true)
    wrong: BoolArray = true != tax
    if not wrong.any():
        raise FieldError(
            "no sale of the ledger holds another VAT after the change: nothing would be misread",
            hint="name a day and rate that sales with VAT follow",
            field="vat_change",
        )
    factor = (1.0 + true) / (1.0 + tax)
    return VatMistake(sales=replace(sales, price_cny=sales.price_cny * factor), wrong=wrong, factor=factor)
