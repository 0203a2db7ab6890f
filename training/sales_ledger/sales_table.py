"""What a ledger is once it is read: sales in columns, what was set aside, and what is worth a word (台账)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import numpy as np

from training.sales_ledger.reasons import CLOSED_ROUTES, REASONS
from valuation.numeric.columns import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """A row that was set aside: where it stands, what is wrong, and by its reason the way out."""

    row: int
    sale_id: str
    battery_code: str
    field: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Sales, one row a sold pack.

    Attributes
    ----------
    name : str
        Name of the file.
    row : integers of shape (sales,)
        Row of each sale as the spreadsheet counts it.
    sale_id, battery_code, region, route, buyer_kind, seller_kind, lot_id : tuples of length sales
        Texts; None where the ledger says nothing.
    sold_day : array of shape (sales,)
        Days since 1970-01-01.
    price_cny, lot_price_cny : arrays of shape (sales,)
        CNY without VAT; where a lot was sold for one sum, `lot_price_cny` holds it and `price_cny` is not known.
    tax : array of shape (sales,)
        Rate of VAT that was taken off each price; 0 where it held none. [1]
    rows_read : int
        Rows of the file that held anything.
    faults : tuple of Fault
        The rows that were set aside.
    notes : mapping of name to count
        What is worth a word though the rows are used, by the names of :data:`training.sales_ledger.reasons.NOTES`.
    unused_columns : tuple of str
        Columns that no one reads.
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
    faults: tuple[RowError, ...] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    unused_columns: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of sales."""
        return len(self.sale_id)

    @property
    def reject_row(self) -> dict[str, int]:
        """How many rows were set aside, by the first reason of each."""
        return dict(Counter(REASONS[reason].en for reason in self._first_reasons))

    @property
    def closed_routes(self) -> dict[str, int]:
        """How many of them were kept out because findings close the route of the sale, by reason."""
        return dict(Counter(REASONS[reason].en for reason in self._first_reasons if reason in CLOSED_ROUTES))

    @property
    def _first_reasons(self) -> list[str]:
        """The first reason of each row that was set aside."""
        return list({fault.row: fault.reason for fault in reversed(self.faults)}.values())

    def take(self, rows: IntArray) -> Ledger:
        """Return some sales, in the order asked for."""
        columns: dict[str, object] = {}
        for one in fields(self):
            values = getattr(self, one.name)
            if isinstance(values, np.ndarray):
                columns[one.name] = values[rows]
            elif isinstance(values, tuple) and one.name not in {"faults", "unused_columns"}:
                columns[one.name] = tuple(values[row] for row in rows.tolist())
        return replace(self, **columns)  # type: ignore[arg-type]  # columns of this very class

    def where(self, keep: BoolArray, reason: str, field: str, values: Sequence[object] | None = None) -> Ledger:
        """Return the sales that are kept; the others become faults with this reason.

        A lot that was sold for one sum and loses a pack is set aside whole: its sum can no longer be shared out.

        Parameters
        ----------
        keep : bool of shape (sales,)
            Which sales are kept.
        reason : str
            Name of a reason in :data:`training.sales_ledger.reasons.REASONS`.
        field : str
            The field at fault.
        values : sequence, optional
            What to show of each sale; the field's own value by default.
        """
        if bool(np.all(keep)):
            return self
        kept = self.drop(keep, reason, field, values)
        broken = self._in_broken_lots(keep)[keep]
        return kept.drop(~broken, "lot broken", "lot_id")

    def drop(self, keep: BoolArray, reason: str, name: str, values: Sequence[object] | None = None) -> Ledger:
        """Return the sales that are kept, lots left as they are; see :meth:`where`."""
        if bool(np.all(keep)):
            return self
        shown = getattr(self, name, None) if values is None else values
        dropped = np.flatnonzero(~keep).tolist()
        faults = tuple(
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
        return replace(self.take(np.flatnonzero(keep)), faults=self.faults + faults)

    def _in_broken_lots(self, keep: BoolArray) -> BoolArray:
        """Return which sales were priced by their lot's one sum, and their lot loses a pack."""
        summed = np.isnan(self.price_cny)
        lots = {self.lot_id[at] for at in np.flatnonzero(summed & ~keep).tolist()}
        return summed & np.array([lot in lots and lot is not None for lot in self.lot_id], dtype=np.bool_)
