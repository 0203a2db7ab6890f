"""Sales ledger (成交台账): read realised prices from a recycler's file and check every row.

CSV, Excel or Parquet, in Chinese or English. A row that cannot be used is rejected and reported with row number, field,
value, reason and correction. A bad cell rejects only its own sale.
"""

from __future__ import annotations

from training.sales_ledger.ledger_columns import VatBasis
from training.sales_ledger.read_ledger import read_ledger
from training.sales_ledger.reasons import REASONS, Reason
from training.sales_ledger.sales_table import RowError, SalesLedger
from valuation.market.instruments import VAT_RATE

__all__ = ["REASONS", "VAT_RATE", "Reason", "RowError", "SalesLedger", "VatBasis", "read_ledger"]
