"""The sales ledger (成交台账): what packs fetched, read from the recycler's own file, checked row by row.

CSV, Excel or Parquet, Chinese or English. A row that cannot be used is set aside with row number, field, value, reason
and way out; nothing is dropped without a word, and one bad cell never costs more than its own sale.
"""

from __future__ import annotations

from training.ledger.book import Fault, Ledger
from training.ledger.columns import VatBasis
from training.ledger.reading import read_ledger
from training.ledger.reasons import REASONS, Reason
from valuation.market.instruments import VAT_RATE

__all__ = ["REASONS", "VAT_RATE", "Fault", "Ledger", "Reason", "VatBasis", "read_ledger"]
