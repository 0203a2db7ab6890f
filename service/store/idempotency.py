"""Idempotency keys: a request that comes again under its key gets the first answer's bytes and does nothing again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, insert, select

from service.clock import now
from service.store.database import Database
from service.store.ledger import digest
from service.store.tables import idempotency
from valuation.errors import IdempotencyConflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A caller's key for one request, with the fingerprint of everything that was asked."""

    caller: str
    key: str
    fingerprint: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered, and whether it was answered before."""

    status: int
    body: bytes
    replayed: bool = False


def claim(caller: str, key: str, method: str, path: str, body: bytes) -> Claim:
    """Return the claim that a request lays to its key."""
    return Claim(caller=caller, key=key, fingerprint=digest(b"\x00".join((method.encode(), path.encode(), body))))


def earlier(connection: Connection, laid: Claim) -> Outcome | None:
    """Return what was answered under the key before, None if nothing was.

    Raises
    ------
    IdempotencyConflict
        If the key came with another request.
    """
    wanted = select(idempotency).where(idempotency.c.caller == laid.caller, idempotency.c.key == laid.key)
    row = connection.execute(wanted).first()
    if row is None:
        return None
    if row.fingerprint != laid.fingerprint:
        raise IdempotencyConflict(
            "this Idempotency-Key came before with another request",
            hint="send a fresh key for a new request, or the very same request to get its answer again",
            field="Idempotency-Key",
            value=laid.key,
        )
    return Outcome(status=row.status, body=bytes(row.body), replayed=True)


def settle(connection: Connection, laid: Claim, outcome: Outcome) -> Outcome | IdempotencyConflict:
    """Return an outcome, noted under its claim; or what was answered under the claim before, or why it cannot be laid.

    Whoever is given the earlier outcome has nothing more to do.
    """
    try:
        before = earlier(connection, laid)
    except IdempotencyConflict as conflict:
        return conflict
    if before is not None:
        return before
    _note(connection, laid, outcome)
    return outcome


def once(database: Database, laid: Claim | None, work: Callable[[Connection], Outcome]) -> Outcome:
    """Do the work in one transaction together with the note that it was done; under a known key only answer again."""
    with database.writing() as connection:
        before = earlier(connection, laid) if laid else None
        if before is not None:
            return before
        outcome = work(connection)
        if laid is not None:
            _note(connection, laid, outcome)
        return outcome


def _note(connection: Connection, laid: Claim, outcome: Outcome) -> None:
    """Write down what was answered under a claim."""
    connection.execute(
        insert(idempotency).values(
            caller=laid.caller,
            key=laid.key,
            fingerprint=laid.fingerprint,
            status=outcome.status,
            body=outcome.body,
            created_at=now(),
        )
    )
