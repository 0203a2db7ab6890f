"""The invoice of the seller (开票方式): what a buyer pays in cash for a pack of a value without VAT.

Prices of this library are without value-added tax. A buyer pays the tax that the invoice shows on top and deducts it
from his own, so that the invoice moves the cash price, not the value:

- general: special invoice at the general rate (增值税专用发票), 13 % since 2019-04-01;
- simplified: collectors of renewable resources under the simple levy of 3 % (Cai Shui 2021 No. 40, from 2022-03-01);
- reverse: the buyer issues it for a natural person (反向开票, since 2024-04-29), at the reduced levy of 1 %;
- none: nothing to deduct, not from income tax either; buyers then pay 5 % less (judged, 2026).
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

import numpy as np

from valuation.errors import FieldError
from valuation.market.instruments import vat_rate_on

Invoice: TypeAlias = Literal["general", "simplified", "reverse", "none"]
INVOICES: Final[tuple[Invoice, ...]] = get_args(Invoice)
SIMPLIFIED_RATE, REVERSE_RATE = 0.03, 0.01
NO_INVOICE_DISCOUNT: Final = 0.05
"""Discount of buyers on goods without any invoice (judged, 2026). [1]"""


def check_invoice(name: str) -> Invoice:
    """Return the name if it is one of :data:`INVOICES`.

    Raises
    ------
    FieldError
        If it is none.

    >>> check_invoice("reverse")
    'reverse'
    """
    for known in INVOICES:
        if name == known:
            return known
    raise FieldError("market.invoice", field="invoice", value=name, choices=INVOICES)


def cash_factor(invoice: Invoice, as_of_day: float) -> float:
    """Return what a buyer pays over the value without VAT, by the seller's invoice. [1]

    >>> [round(cash_factor(name, 20000.0), 2) for name in INVOICES]
    [1.13, 1.03, 1.01, 0.95]
    """
    if invoice == "general":
        return 1.0 + float(vat_rate_on(np.array([as_of_day]))[0])
    return {"simplified": 1.0 + SIMPLIFIED_RATE, "reverse": 1.0 + REVERSE_RATE, "none": 1.0 - NO_INVOICE_DISCOUNT}[
        invoice
    ]
