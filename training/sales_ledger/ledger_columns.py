"""Read the columns of a worksheet by field name (按字段读列) and collect invalid cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from training.sales_ledger import cells
from valuation.ingest.fields.headings import Heading
from valuation.ingest.tables.opened_table import OpenTable
from valuation.numeric.columns import BoolArray, FloatArray

VatBasis: TypeAlias = Literal["included", "excluded"]
"""Tax basis of the prices if the ledger does not state it."""


@dataclass(slots=True)
class ColumnReader:
    """Reads the columns of a worksheet and collects masks of invalid cells and notes."""

    sheet: OpenTable
    found: Mapping[str, Heading]
    wrong: list[tuple[BoolArray, str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.sheet.table.num_rows)

    def column(self, name: str) -> pa.ChunkedArray | None:
        """Return the column of a field, or None if the file has none."""
        heading = self.found.get(name)
        return None if heading is None else self.sheet.table[heading.spelled]

    def mark_invalid(self, mask: BoolArray, reason: str, name: str) -> None:
        """Mark a field as invalid in the rows of a mask."""
        if mask.any():
            self.wrong.append((mask, reason, name))

    def texts(self, name: str) -> list[str | None]:
        """Return the trimmed texts of a column; None for empty cells."""
        column = self.column(name)
        if column is None:
            return [None] * self.rows
        return cells.read_distinct(column, lambda text: text.strip(), None)[0]

    def read(self, name: str, read: Callable[[str], float]) -> FloatArray:
        """Parse a column to numbers and mark the invalid cells."""
        column = self.column(name)
        if column is None:
            return np.full(self.rows, np.nan)
        values, reasons = cells.read_distinct(column, read, float("nan"))
        for reason in sorted(set(reasons) - {""}):
            self.mark_invalid(np.array([one == reason for one in reasons], dtype=np.bool_), reason, name)
        return np.array(values, dtype=np.float64)
