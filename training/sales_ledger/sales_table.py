"""The sales ledger as columns (台账), with rejected rows and notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from training.sales_ledger.reasons import CLOSED_ROUTES, REASONS
from valuation.messages import Message
from valuation.numeric.columns import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """A rejected row: its position, the invalid field and value, and the reason."""

    row: int
    sale_id: str
    battery_code: str
    field: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SalesLedger:
    """Sales, one row per pack sold.

    Attributes
    ----------
    name : str
        Name of the file.
    row : integers of shape (sales,)
        Spreadsheet row number of each sale.
    sale_id, battery_code, region, route, buyer_kind, seller_kind, lot_id : tuples of length sales
        Texts; None if empty.
    sold_day : array of shape (sales,)
        Days since 1970-01-01.
    price_cny, lot_price_cny : arrays of shape (sales,)
        CNY without VAT; for a lot sold for one total price, `lot_price_cny` is the total and `price_cny` is NaN.
    tax : array of shape (sales,)
        VAT rate that was deducted from each price; 0 if the price had none. [1]
    rows_read : int
        Number of rows of the file that are not empty.
    price_heading : str
        Heading of the column of prices.
    price_per : str
        ``kWh`` or ``kg`` if `price_cny` is a price per unit; else empty.
        :func:`training.sales_ledger.cross_check.match_traces` multiplies with the pack's energy or mass.
    row_errors : tuple of RowError
        The rejected rows.
    notes : mapping of name to count
        Remarks on rows that are used, by the names of :data:`training.sales_ledger.reasons.NOTES`.
    unused_columns : tuple of str
        Columns that are not read.
    """

    name: str
    row: IntArray
    sale_id: tuple[str, ...]
    battery_code: tuple[str, ...]
    sold_day: FloatArray
    price_cny: FloatArray
    lot_id: tuple[str | None, ...]
    lot_price_cny: FloatArray
    tax: FloatArray
    region: tuple[str | None, ...]
    route: tuple[str | None, ...]
    buyer_kind: tuple[str | None, ...]
    seller_kind: tuple[str | None, ...]
    currency: tuple[str | None, ...]
    rows_read: int
    price_heading: str = "price_cny"
    price_per: str = ""
    row_errors: tuple[RowError, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    unused_columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of sales."""
        return len(self.sale_id)

    @property
    def rejected_rows(self) -> dict[Message, int]:
        """Number of rejected rows, by the first reason of each."""
        return dict(Counter(REASONS[reason].text for reason in self._first_reasons))

    @property
    def closed_routes(self) -> dict[Message, int]:
        """Number of rejected rows whose sale route is closed by findings, by reason."""
        return dict(Counter(REASONS[reason].text for reason in self._first_reasons if reason in CLOSED_ROUTES))

    @property
    def _first_reasons(self) -> list[str]:
        """First reason of each rejected row."""
        return list({error.row: error.reason for error in reversed(self.row_errors)}.values())

    def take(self, rows: IntArray) -> SalesLedger:
        """Return the given rows in the given order."""
        columns: dict[str, object] = {}
        for one in fields(self):
            values = getattr(self, one.name)
            if isinstance(values, np.ndarray):
                columns[one.name] = values[rows]
            elif isinstance(values, tuple) and one.name not in {"row_errors", "unused_columns"}:
                columns[one.name] = tuple(values[row] for row in rows.tolist())
        return replace(self, **columns)  # type: ignore[arg-type]  # columns of this very class

    def where(self, keep: BoolArray, reason: str, field: str, values: Sequence[object] | None = None) -> SalesLedger:
        """Keep some sales and reject the others with a reason.

        A lot with one total price that loses a pack is rejected as a whole, because its total cannot be allocated.

        Parameters
        ----------
        keep : bool of shape (sales,)
            Which sales are kept.
        reason : str
            Name of a reason in :data:`training.sales_ledger.reasons.REASONS`.
        field : str
            The invalid field.
        values : sequence, optional
            Values to report; those of the field by default.
        """
        if bool(np.all(keep)):
            return self
        kept = self.drop(keep, reason, field, values)
        broken = self._in_broken_lots(keep)[keep]
        return kept.drop(~broken, "lot broken", "lot_id")

    def drop(self, keep: BoolArray, reason: str, name: str, values: Sequence[object] | None = None) -> SalesLedger:
        """Keep some sales and reject the others, without regard to lots; see :meth:`where`."""
        if bool(np.all(keep)):
            return self
        shown = getattr(self, name, None) if values is None else values
        dropped = np.flatnonzero(~keep).tolist()
        row_errors = tuple(
            RowError(
                row=int(self.row[at]),
                sale_id=self.sale_id[at],
                battery_code=self.battery_code[at],
                field=name,
                value="" if shown is None or shown[at] is None or shown[at] != shown[at] else str(shown[at]),
                reason=reason,
            )
            for at in dropped
        )
        return replace(self.take(np.flatnonzero(keep)), row_errors=self.row_errors + row_errors)

    def _in_broken_lots(self, keep: BoolArray) -> BoolArray:
        """Return a mask of the sales whose lot has one total price and loses a pack."""
        summed = np.isnan(self.price_cny)
        lots = {self.lot_id[at] for at in np.flatnonzero(summed & ~keep).tolist()}
        return summed & np.array([lot in lots and lot is not None for lot in self.lot_id], dtype=np.bool_)
