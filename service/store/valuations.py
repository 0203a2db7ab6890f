"""Stored valuations: the answer with all inputs needed to reproduce it."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache

import msgspec
from msgspec.structs import astuple
from sqlalchemy import Connection, bindparam, insert, select

from models.artifact.hash_chain import digest
from service.clock import now
from service.store import ledger
from service.store.database import Database, insert_rows
from service.store.idempotency import IdempotencyKey, Outcome, record_or_replay
from service.store.tables import markets, valuations
from valuation.errors import CanzhiError, StoreNotReady, UnknownValuation


class StoredValuation(msgspec.Struct, frozen=True, kw_only=True):
    """One stored valuation; columns as in :data:`service.store.tables.valuations`."""

    valuation_id: str
    battery_code: str | None
    as_of: str
    created_at: str
    channel: str
    request: bytes
    record: bytes
    notes: bytes
    input_digest: str
    market_digest: str
    model_reference: str | None
    model_digest: str | None
    code_version: str
    answer: bytes


class ValuationToStore(msgspec.Struct, frozen=True, kw_only=True):
    """A valuation to store, with the caller and the idempotency key of its request."""

    stored: StoredValuation
    request_key: IdempotencyKey | None
    recorded_by: str


def save_each(
    database: Database, wanted: Sequence[ValuationToStore], *, market_digest: str, market_content: bytes
) -> list[Outcome | CanzhiError]:
    """Store valuations of several requests in one transaction, each under its own idempotency key.

    Raises
    ------
    StoreNotReady
        If the store cannot be written; then nothing is stored.
    """
    with database.writing() as connection:
        save_market(connection, market_digest, market_content)
        outcomes: list[Outcome | CanzhiError] = []
        fresh: dict[str, list[StoredValuation]] = {}
        for one in wanted:
            answered = Outcome(status=200, body=one.stored.answer)
            outcome = answered if one.request_key is None else record_or_replay(connection, one.request_key, answered)
            outcomes.append(outcome)
            if isinstance(outcome, Outcome) and not outcome.replayed:
                fresh.setdefault(one.recorded_by, []).append(one.stored)
        for caller, stored in fresh.items():
            save(connection, stored, recorded_by=caller)
    return outcomes


def save(connection: Connection, stored: Sequence[StoredValuation], *, recorded_by: str) -> None:
    """Store valuations and seal them in the ledger, within the caller's transaction."""
    if not stored:
        return
    insert_rows(connection, valuations, StoredValuation.__struct_fields__, [astuple(one) for one in stored])
    ledger.append(connection, [_ledger_entry(one) for one in stored], recorded_by=recorded_by)


def _ledger_entry(stored: StoredValuation) -> ledger.Entry:
    """Return the ledger entry with the digests of answer, inputs, market and model."""
    payload = {
        "answer": digest(stored.answer),
        "request": _cached_digest(stored.request),
        "record": digest(stored.record),
        "notes": _cached_digest(stored.notes),
        "market": stored.market_digest,
        "model": stored.model_digest,
        "code_version": stored.code_version,
    }
    return ledger.Entry(kind="valuation", subject=stored.valuation_id, payload=msgspec.json.encode(payload))


@lru_cache(maxsize=1024)
def _cached_digest(content: bytes) -> str:
    """Return the digest of bytes, cached because terms and notes repeat."""
    return digest(content)


def find(connection: Connection, valuation_id: str) -> StoredValuation:
    """Return a stored valuation.

    Raises
    ------
    UnknownValuation
        If no valuation is stored under the id.
    """
    row = (
        connection.execute(select(valuations).where(valuations.c.valuation_id == valuation_id[:80])).mappings().first()
    )
    if row is None:
        raise UnknownValuation(
            "store.unknown_valuation", field="valuation_id", value=valuation_id, identity=valuation_id[:80]
        )
    return StoredValuation(**row)


_NEWEST_FIRST = (valuations.c.as_of.desc(), valuations.c.created_at.desc(), valuations.c.valuation_id.desc())


def last_answer(connection: Connection, battery_code: str, day: str) -> bytes | None:
    """Return the last answer for a pack as of a day or earlier, None if there is none."""
    wanted = select(valuations.c.answer).where(valuations.c.battery_code == battery_code, valuations.c.as_of <= day)
    row = connection.execute(wanted.order_by(*_NEWEST_FIRST).limit(1)).first()
    return None if row is None else bytes(row.answer)


def newest_records(connection: Connection, most: int) -> list[tuple[bytes, str | None, bytes]]:
    """Return record, battery code and request of the newest valuations, newest first."""
    wanted = select(valuations.c.record, valuations.c.battery_code, valuations.c.request)
    rows = connection.execute(wanted.order_by(valuations.c.created_at.desc()).limit(most))
    return [(bytes(row.record), row.battery_code, bytes(row.request)) for row in rows]


_MARKET = select(markets.c.digest).where(markets.c.digest == bindparam("wanted"))


def save_market(connection: Connection, digest: str, content: bytes) -> None:
    """Store the quotes of valuations, once per digest."""
    if connection.execute(_MARKET, {"wanted": digest}).first() is None:
        deflated = zlib.compress(content, 6)
        connection.execute(insert(markets).values(digest=digest, content=deflated, first_used_at=now()))


def market_content(connection: Connection, digest: str) -> bytes:
    """Return stored quotes as they were read.

    Raises
    ------
    StoreNotReady
        If they are missing or damaged.
    """
    row = connection.execute(select(markets.c.content).where(markets.c.digest == digest)).first()
    try:
        return zlib.decompress(bytes(row.content)) if row else b""
    except zlib.error as reason:
        raise StoreNotReady("store.market_damaged", hint="store.restore", digest=digest) from reason
