"""The sales ledger (成交台账): what packs fetched, read from the recycler's own file, checked row by row.

CSV, Excel or Parquet, Chinese or English. A row that cannot be used is set aside with row number, field, value, reason
and way out; nothing is dropped without a word, and one bad cell never costs more than its own sale.
"""

from __future__ import annotations

from training.sales_ledger.ledger_columns import VatBasis
from training.sales_ledger.read_ledger import read_ledger
from training.sales_ledger.reasons import REASONS, Reason
from training.sales_ledger.sales_table import Ledger, RowError
from valuation.market.instruments import VAT_RATE

__all__ = ["REASONS", "VAT_RATE", "Ledger", "Reason", "RowError", "VatBasis", "read_ledger"]
