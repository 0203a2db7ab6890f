"""Idempotency keys: a repeated request returns the bytes of the first answer and has no further effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, insert, select

from models.artifact.hash_chain import digest
from service.clock import now
from service.store.database import Database
from service.store.tables import idempotency
from valuation.errors import IdempotencyConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """A caller's key for a request, and the fingerprint of the request."""

    caller: str
    key: str
    fingerprint: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Status and bytes of an answer, and whether it is a replay."""

    status: int
    body: bytes
    replayed: bool = False


def make_idempotency_key(caller: str, key: str, method: str, path: str, body: bytes) -> IdempotencyKey:
    """Return the idempotency key of a request with its fingerprint."""
    return IdempotencyKey(
        caller=caller, key=key, fingerprint=digest(b"\x00".join((method.encode(), path.encode(), body)))
    )


def find_outcome(connection: Connection, request_key: IdempotencyKey) -> Outcome | None:
    """Return the stored outcome of a key, None if it is new.

    Raises
    ------
    IdempotencyConflict
        If the key was used for another request.
    """
    wanted = select(idempotency).where(idempotency.c.caller == request_key.caller, idempotency.c.key == request_key.key)
    row = connection.execute(wanted).first()
    if row is None:
        return None
    if row.fingerprint != request_key.fingerprint:
        raise IdempotencyConflict("store.key_reused", field="Idempotency-Key", value=request_key.key)
    return Outcome(status=row.status, body=bytes(row.body), replayed=True)


def record_or_replay(
    connection: Connection, request_key: IdempotencyKey, outcome: Outcome
) -> Outcome | IdempotencyConflict:
    """Record an outcome under a new key, or return the stored outcome or the conflict.

    On a replay the caller must not store anything.
    """
    try:
        before = find_outcome(connection, request_key)
    except IdempotencyConflict as conflict:
        return conflict
    if before is not None:
        return before
    _record(connection, request_key, outcome)
    return outcome


def run_once(database: Database, request_key: IdempotencyKey | None, work: Callable[[Connection], Outcome]) -> Outcome:
    """Run work and record its outcome in one transaction; for a known key only return the stored outcome."""
    with database.writing() as connection:
        before = find_outcome(connection, request_key) if request_key else None
        if before is not None:
            return before
        outcome = work(connection)
        if request_key is not None:
            _record(connection, request_key, outcome)
        return outcome


def _record(connection: Connection, request_key: IdempotencyKey, outcome: Outcome) -> None:
    """Record an outcome under a key."""
    connection.execute(
        insert(idempotency).values(
            caller=request_key.caller,
            key=request_key.key,
            fingerprint=request_key.fingerprint,
            status=outcome.status,
            body=outcome.body,
            created_at=now(),
        )
    )
