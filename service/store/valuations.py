"""Kept valuations: the answer's bytes and everything from which it can be worked out again."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

import msgspec
from sqlalchemy import Connection, insert, select

from service.clock import now
from service.store import ledger
from service.store.database import insert_rows
from service.store.tables import markets, valuations
from valuation.errors import StoreNotReady, UnknownValuation


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptValuation:
    """One valuation as it is kept; see :data:`service.store.tables.valuations` for the columns."""

    valuation_id: str
    battery_code: str | None
    as_of: str
    created_at: str
    door: str
    request: bytes
    record: bytes
    notes: bytes
    input_digest: str
    market_digest: str
    model_reference: str | None
    model_digest: str | None
    code_version: str
    answer: bytes


_COLUMNS = tuple(field.name for field in fields(KeptValuation))
_VALUES = attrgetter(*_COLUMNS)


def keep(connection: Connection, kept: Sequence[KeptValuation], *, recorded_by: str) -> None:
    """Keep valuations and seal them in the ledger, within the caller's transaction."""
    if not kept:
        return
    insert_rows(connection, valuations, [dict(zip(_COLUMNS, _VALUES(one), strict=True)) for one in kept])
    ledger.append(connection, [_sealed(one) for one in kept], recorded_by=recorded_by)


def _sealed(kept: KeptValuation) -> ledger.Entry:
    """Return the ledger entry that ties answer, inputs, market and model of a valuation together."""
    payload = {
        "answer": ledger.digest(kept.answer),
        "request": ledger.digest(kept.request),
        "record": ledger.digest(kept.record),
        "notes": ledger.digest(kept.notes),
        "market": kept.market_digest,
        "model": kept.model_digest,
        "code_version": kept.code_version,
    }
    return ledger.Entry(kind="valuation", subject=kept.valuation_id, payload=msgspec.json.encode(payload))


def find(connection: Connection, valuation_id: str) -> KeptValuation:
    """Return a kept valuation.

    Raises
    ------
    UnknownValuation
        If none is kept under that id.
    """
    row = (
        connection.execute(select(valuations).where(valuations.c.valuation_id == valuation_id[:80])).mappings().first()
    )
    if row is None:
        raise UnknownValuation(
            f"no valuation is kept under the id {valuation_id[:80]!r}",
            hint="the id stands in the answer as valuation_id; another CANZHI_HOME or database keeps others",
            field="valuation_id",
            value=valuation_id,
        )
    return KeptValuation(**row)


def record_before(connection: Connection, battery_code: str, day: str) -> bytes | None:
    """Return the record of a pack as it was valued last on or before a day, None where it was not."""
    wanted = select(valuations.c.record).where(valuations.c.battery_code == battery_code, valuations.c.as_of <= day)
    row = connection.execute(
        wanted.order_by(valuations.c.as_of.desc(), valuations.c.created_at.desc()).limit(1)
    ).first()
    return None if row is None else bytes(row.record)


def answer_before(connection: Connection, battery_code: str, day: str) -> bytes | None:
    """Return the last answer about a pack for a day on or before one, None where there is none."""
    wanted = select(valuations.c.answer).where(valuations.c.battery_code == battery_code, valuations.c.as_of <= day)
    row = connection.execute(
        wanted.order_by(valuations.c.as_of.desc(), valuations.c.created_at.desc()).limit(1)
    ).first()
    return None if row is None else bytes(row.answer)


def newest_records(connection: Connection, most: int) -> list[tuple[bytes, str | None, bytes]]:
    """Return record, battery code and request of the newest valuations, the newest first."""
    wanted = select(valuations.c.record, valuations.c.battery_code, valuations.c.request)
    rows = connection.execute(wanted.order_by(valuations.c.created_at.desc()).limit(most))
    return [(bytes(row.record), row.battery_code, bytes(row.request)) for row in rows]


def keep_market(connection: Connection, digest: str, content: bytes) -> None:
    """Keep the quotes a valuation used, once for all valuations that used them."""
    if connection.execute(select(markets.c.digest).where(markets.c.digest == digest)).first() is None:
        deflated = zlib.compress(content, 6)
        connection.execute(insert(markets).values(digest=digest, content=deflated, first_used_at=now()))


def market_content(connection: Connection, digest: str) -> bytes:
    """Return kept quotes as they were read.

    Raises
    ------
    StoreNotReady
        If they are not there, which only a damaged store can bring about.
    """
    row = connection.execute(select(markets.c.content).where(markets.c.digest == digest)).first()
    try:
        return zlib.decompress(bytes(row.content)) if row else b""
    except zlib.error as reason:
        raise StoreNotReady(
            f"the kept market {digest} is damaged", hint="restore the store from its last backup"
        ) from reason
