"""The ledger: an append-only hash chain of reports, sales and answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, func, select

from models.artifact.hash_chain import Link, broken_links, digest
from service.clock import now, recorded_day
from service.store.database import insert_rows
from service.store.tables import ledger

GENESIS_HASH = "sha256:" + "0" * 64
"""Hash before the first entry."""

_NEWEST = (
    select(ledger.c.sequence, ledger.c.entry_hash, ledger.c.recorded_at).order_by(ledger.c.sequence.desc()).limit(1)
)
_COLUMNS = tuple(column.name for column in ledger.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A new entry: kind (pack, event, sale, valuation …), subject and payload."""

    kind: str
    subject: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPayload:
    """The payload of an entry and the day on which it was recorded (入库日期)."""

    payload: bytes
    recorded_on: date


def append(connection: Connection, entries: Sequence[Entry], *, recorded_by: str) -> str:
    """Append entries in order, and return the newest hash of the chain.

    The connection must come from :meth:`service.store.database.Database.writing`, which excludes other writers. Times
    never decrease, even if the clock is set back, so that past days stay unchanged.
    """
    newest = connection.execute(_NEWEST).first()
    sequence, previous, before = (0, GENESIS_HASH, "") if newest is None else newest
    moment = max(now(), before)
    rows = []
    for entry in entries:
        sequence += 1
        sealed = chain_hash(previous, (sequence, entry.kind, entry.subject, moment, recorded_by), entry.payload)
        rows.append((sequence, entry.kind, entry.subject, moment, recorded_by, entry.payload, previous, sealed))
        previous = sealed
    insert_rows(connection, ledger, _COLUMNS, rows)
    return previous


def head(connection: Connection) -> tuple[int, str]:
    """Return sequence and hash of the newest entry; zero and :data:`GENESIS_HASH` for an empty ledger."""
    row = connection.execute(_NEWEST).first()
    return (0, GENESIS_HASH) if row is None else (row.sequence, row.entry_hash)


def recorded_payloads(connection: Connection, subject: str, kind: str) -> tuple[RecordedPayload, ...]:
    """Return the payloads about a subject with their recording days, oldest first."""
    wanted = select(ledger.c.payload, ledger.c.recorded_at).where(ledger.c.subject == subject, ledger.c.kind == kind)
    rows = connection.execute(wanted.order_by(ledger.c.sequence))
    return tuple(RecordedPayload(payload=bytes(row.payload), recorded_on=recorded_day(row.recorded_at)) for row in rows)


def count(connection: Connection, kind: str) -> int:
    """Return the number of entries of a kind."""
    return connection.execute(select(func.count()).where(ledger.c.kind == kind)).scalar_one()


def count_about(connection: Connection, subject: str, kind: str) -> int:
    """Return the number of entries of a kind about a subject."""
    wanted = select(func.count()).where(ledger.c.subject == subject, ledger.c.kind == kind)
    return connection.execute(wanted).scalar_one()


def chain_hash(previous: str, about: Iterable[object], payload: bytes) -> str:
    """Return the hash of an entry, chained to the previous one.

    >>> chain_hash(GENESIS_HASH, (1, "sale"), b"{}") == chain_hash(GENESIS_HASH, (1, "sale"), b"{ }")
    False
    """
    return digest(msgspec.json.encode([previous, *about, digest(payload)]))


def broken_entries(connection: Connection) -> Iterator[int]:
    """Return the sequence of every entry that was changed or breaks the chain."""
    entries = connection.execute(select(ledger).order_by(ledger.c.sequence))
    return broken_links((_link(row) for row in entries), GENESIS_HASH)


def _link(row: Row[Any]) -> Link:
    about = (row.sequence, row.kind, row.subject, row.recorded_at, row.recorded_by)
    return Link(row.sequence, row.previous, row.entry_hash, chain_hash(row.previous, about, bytes(row.payload)))
