"""The ledger: what was reported and answered, appended and never changed, each entry sealed with the one before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy import Connection, func, select

from service.clock import now, recorded_day
from service.store.database import insert_rows
from service.store.tables import ledger

GENESIS_HASH = "sha256:" + "0" * 64
"""What stands before the first entry."""

_NEWEST = (
    select(ledger.c.sequence, ledger.c.entry_hash, ledger.c.recorded_at).order_by(ledger.c.sequence.desc()).limit(1)
)
_COLUMNS = tuple(column.name for column in ledger.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing to be entered: its kind (pack, event, sale, valuation …), whom it concerns and its bytes."""

    kind: str
    subject: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPayload:
    """The bytes of an entry, and the day on which they were recorded (入库日期)."""

    payload: bytes
    recorded_on: date


def append(connection: Connection, entries: Sequence[Entry], *, recorded_by: str) -> str:
    """Append entries in their order and return the new head of the chain.

    The connection must come from :meth:`service.store.database.Database.writing`, so that nobody appends in between.
    Moments never run backwards, whatever clocks do: a day that has ended stays as it was.
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
    """Return number and hash of the newest entry; zero and :data:`GENESIS_HASH` for an empty ledger."""
    row = connection.execute(_NEWEST).first()
    return (0, GENESIS_HASH) if row is None else (row.sequence, row.entry_hash)


def payloads(connection: Connection, subject: str, kind: str) -> tuple[bytes, ...]:
    """Return what was entered about a subject, oldest first."""
    return tuple(one.payload for one in recorded_payloads(connection, subject, kind))


def recorded_payloads(connection: Connection, subject: str, kind: str) -> tuple[RecordedPayload, ...]:
    """Return what was entered about a subject and on which days, oldest first."""
    wanted = select(ledger.c.payload, ledger.c.recorded_at).where(ledger.c.subject == subject, ledger.c.kind == kind)
    rows = connection.execute(wanted.order_by(ledger.c.sequence))
    return tuple(RecordedPayload(payload=bytes(row.payload), recorded_on=recorded_day(row.recorded_at)) for row in rows)


def count(connection: Connection, kind: str) -> int:
    """Return how many entries of a kind there are."""
    return connection.execute(select(func.count()).where(ledger.c.kind == kind)).scalar_one()


def count_about(connection: Connection, subject: str, kind: str) -> int:
    """Return how many entries of a kind there are about a subject."""
    wanted = select(func.count()).where(ledger.c.subject == subject, ledger.c.kind == kind)
    return connection.execute(wanted).scalar_one()


def chain_hash(previous: str, about: Iterable[object], payload: bytes) -> str:
    """Return the hash that ties an entry to everything before it.

    >>> chain_hash(GENESIS_HASH, (1, "sale"), b"{}") == chain_hash(GENESIS_HASH, (1, "sale"), b"{ }")
    False
    """
    return digest(msgspec.json.encode([previous, *about, digest(payload)]))


def digest(content: bytes) -> str:
    """Return the name of some bytes: their hash.

    >>> digest(b"")[:15]
    'sha256:e3b0c442'
    """
    return "sha256:" + hashlib.sha256(content).hexdigest()


def broken_entries(connection: Connection) -> Iterator[int]:
    """Yield the number of every entry that is not what was entered, or does not follow the one before it."""
    before, previous = 0, GENESIS_HASH
    for row in connection.execute(select(ledger).order_by(ledger.c.sequence)):
        about = (row.sequence, row.kind, row.subject, row.recorded_at, row.recorded_by)
        expected = chain_hash(previous, about, bytes(row.payload))
        if row.sequence != before + 1 or row.previous != previous or row.entry_hash != expected:
            yield row.sequence
        before, previous = row.sequence, row.entry_hash
