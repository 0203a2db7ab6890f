"""A sheet being read (读表): its columns by our names, and which cells of which rows are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from training.sales_ledger import cells
from training.sales_ledger.column_mapping import Heading
from training.sales_ledger.open_workbook import Sheet
from valuation.numeric.columns import BoolArray, FloatArray

VatBasis: TypeAlias = Literal["included", "excluded"]
"""What prices are where the ledger itself does not say."""


@dataclass(slots=True)
class Reading:
    """What is read of a sheet so far: its columns, and which cells of which rows are wrong."""

    sheet: Sheet
    found: Mapping[str, Heading]
    wrong: list[tuple[BoolArray, str, str]] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.sheet.table.num_rows)

    def column(self, name: str) -> pa.ChunkedArray | None:
        """Return a column by our name, None where the file has none."""
        heading = self.found.get(name)
        return None if heading is None else self.sheet.table[heading.column]

    def mark_invalid(self, mask: BoolArray, reason: str, name: str) -> None:
        """Keep that a field is wrong in some rows."""
        if mask.any():
            self.wrong.append((mask, reason, name))

    def texts(self, name: str) -> list[str | None]:
        """Return a column of texts, trimmed; None where nothing is said."""
        column = self.column(name)
        if column is None:
            return [None] * self.rows
        return cells.each_once(column, lambda text: text.strip(), None)[0]

    def read(self, name: str, read: Callable[[str], float]) -> FloatArray:
        """Return a column of numbers read cell by cell, wrong cells blamed."""
        column = self.column(name)
        if column is None:
            return np.full(self.rows, np.nan)
        values, reasons = cells.each_once(column, read, float("nan"))
        for reason in sorted(set(reasons) - {""}):
            self.mark_invalid(np.array([one == reason for one in reasons], dtype=np.bool_), reason, name)
        return np.array(values, dtype=np.float64)
