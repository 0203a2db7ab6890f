"""Ledger entries about sales: the sale itself, and each later step on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection, Select, func, select

from service.store.tables import ledger

SALE: Final = "sale"
HELD: Final = "sale_held"
CONFIRMED: Final = "sale_confirmed"
VOIDED: Final = "sale_voided"
CORRECTED: Final = "sale_corrected"
KINDS: Final = (SALE, HELD, CONFIRMED, VOIDED, CORRECTED)
"""Kinds of ledger entries about sales; the subject of each is the sale id."""

_COLUMNS: Final = (
    ledger.c.sequence,
    ledger.c.kind,
    ledger.c.subject,
    ledger.c.recorded_at,
    ledger.c.recorded_by,
    ledger.c.payload,
)
_CHUNK: Final = 500


class SaleEntry(msgspec.Struct, frozen=True):
    """One ledger entry about a sale."""

    sequence: int
    kind: str
    sale_id: str
    recorded_at: str
    recorded_by: str
    payload: bytes


def newest_entry(connection: Connection) -> int:
    """Return the sequence of the newest entry about a sale, zero if there is none."""
    newest = select(func.max(ledger.c.sequence)).where(ledger.c.kind.in_(KINDS))
    return int(connection.execute(newest).scalar() or 0)


def entries_after(connection: Connection, sequence: int) -> list[SaleEntry]:
    """Return the entries about sales after a sequence, oldest first."""
    wanted = select(*_COLUMNS).where(ledger.c.kind.in_(KINDS), ledger.c.sequence > sequence)
    return _entries(connection, wanted.order_by(ledger.c.sequence))


def entries_about(connection: Connection, sale_ids: Sequence[str]) -> list[SaleEntry]:
    """Return the entries about some sales, oldest first."""
    found: list[SaleEntry] = []
    for start in range(0, len(sale_ids), _CHUNK):
        some = sale_ids[start : start + _CHUNK]
        found += _entries(connection, select(*_COLUMNS).where(ledger.c.subject.in_(some), ledger.c.kind.in_(KINDS)))
    return sorted(found, key=lambda entry: entry.sequence)


def ids_after(connection: Connection, sequence: int, most: int, kind: str = SALE) -> list[tuple[int, str]]:
    """Return sequence and sale id of the next entries of a kind, oldest first."""
    wanted = select(ledger.c.sequence, ledger.c.subject).where(ledger.c.kind == kind, ledger.c.sequence > sequence)
    rows = connection.execute(wanted.order_by(ledger.c.sequence).limit(most))
    return [(row.sequence, row.subject) for row in rows]


def _entries(connection: Connection, wanted: Select[tuple[object, ...]]) -> list[SaleEntry]:
    return [
        SaleEntry(row.sequence, row.kind, row.subject, row.recorded_at, row.recorded_by, bytes(row.payload))
        for row in connection.execute(wanted)
    ]
