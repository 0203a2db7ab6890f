"""States of reported sales (成交状态) from the ledger: accepted, held, confirmed, voided, corrected."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection

from service.clock import recorded_day
from service.sales.sale_types import EnteredSale
from service.store import sales
from service.store.sales import SaleEntry

State = Literal["accepted", "held", "confirmed", "voided", "corrected"]

COUNTS: Final = frozenset({"accepted", "confirmed"})
"""States in which a sale recentres the model."""
_AFTER: Final[dict[str, State]] = {
    sales.HELD: "held",
    sales.CONFIRMED: "confirmed",
    sales.VOIDED: "voided",
    sales.CORRECTED: "corrected",
}


class Hold(msgspec.Struct, kw_only=True, frozen=True):
    """Why a sale is held: its price and the band, both in CNY for the pack without VAT."""

    price_cny: float
    lower_cny: float
    upper_cny: float
    level: float
    model: str


class Step(msgspec.Struct, kw_only=True, frozen=True):
    """One step on a sale: new state, time, caller, and an optional note."""

    state: State
    at: str
    by: str
    note: str | None = None


class ReportedSale(msgspec.Struct, kw_only=True):
    """A reported sale in a state of the ledger; `reporter` is the reporter that it counts for."""

    sequence: int
    sale: EnteredSale
    recorded_at: str
    reporter: str
    state: State = "accepted"
    hold: Hold | None = None
    corrected_by: str | None = None
    steps: list[Step] = []

    @property
    def counts(self) -> bool:
        """Whether the sale recentres the model."""
        return self.state in COUNTS


class Correction(msgspec.Struct, kw_only=True, frozen=True):
    """The id of the sale that corrects another one."""

    corrected_by: str


class Note(msgspec.Struct, kw_only=True, frozen=True):
    """The note of a confirmation or a void."""

    note: str | None = None


def apply_entries(known: dict[str, ReportedSale], entries: Iterable[SaleEntry]) -> None:
    """Apply ledger entries to the known sales."""
    for entry in entries:
        if entry.kind == sales.SALE:
            known[entry.sale_id] = _reported(entry)
        else:
            _step(known[entry.sale_id], entry)


def _reported(entry: SaleEntry) -> ReportedSale:
    """Return a sale as first recorded."""
    sale = msgspec.json.decode(entry.payload, type=EnteredSale)
    return ReportedSale(
        sequence=entry.sequence,
        sale=sale,
        recorded_at=entry.recorded_at,
        reporter=sale.reporter or entry.recorded_by,
    )


def _step(sale: ReportedSale, entry: SaleEntry) -> None:
    sale.state = _AFTER[entry.kind]
    note = None
    if entry.kind == sales.HELD:
        sale.hold = msgspec.json.decode(entry.payload, type=Hold)
    elif entry.kind == sales.CORRECTED:
        sale.corrected_by = msgspec.json.decode(entry.payload, type=Correction).corrected_by
    else:
        note = msgspec.json.decode(entry.payload, type=Note).note
    sale.steps.append(Step(state=sale.state, at=entry.recorded_at, by=entry.recorded_by, note=note))


class SalesLog:
    """All entries about sales read so far; returns the states of sales as of any entry."""

    def __init__(self) -> None:
        self._sales: list[ReportedSale] = []
        self._steps: list[tuple[int, str, State]] = []
        self._numbers: list[int] = []
        self._moments: list[str] = []

    @property
    def newest(self) -> int:
        """Sequence of the newest entry, zero if none was read."""
        return self._numbers[-1] if self._numbers else 0

    def read(self, connection: Connection) -> None:
        """Read the new entries."""
        for entry in sales.entries_after(connection, self.newest):
            self._numbers.append(entry.sequence)
            self._moments.append(entry.recorded_at)
            if entry.kind == sales.SALE:
                self._sales.append(_reported(entry))
            else:
                self._steps.append((entry.sequence, entry.sale_id, _AFTER[entry.kind]))

    def through(self, day: date) -> int:
        """Return the sequence of the newest entry recorded by the end of a day (UTC+8), zero if none."""
        place = bisect_right(self._moments, day, key=recorded_day)  # times in the ledger never decrease
        return self._numbers[place - 1] if place else 0

    def moment(self, through: int) -> str:
        """Return the time of an entry."""
        return self._moments[bisect_left(self._numbers, through)]

    def states(self, through: int) -> list[tuple[ReportedSale, State]]:
        """Return the sales known up to an entry with their states, oldest first."""
        after = {sale_id: state for number, sale_id, state in self._steps if number <= through}
        stop = bisect_right(self._sales, through, key=lambda sale: sale.sequence)
        return [(sale, after.get(sale.sale.sale_id, "accepted")) for sale in self._sales[:stop]]
