"""Stored anchors: the recentred band of a model, shared by all server processes and sealed in the ledger."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, insert, select

from models.artifact.hash_chain import digest
from service.clock import now
from service.store import ledger as chain
from service.store.tables import anchors
from valuation.errors import StoreNotReady


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnchor:
    """The anchor of one model on one day, from the sale entries up to a ledger sequence.

    ``digest`` identifies model and anchor; if no sale was used, it is the digest of the model, and ``content`` is
    empty. ``market_digest`` is the hash of the quotes up to the day. ``summary`` is JSON: sales used, sales left out by
    reason, shift of the model. ``as_of`` is empty for anchors stored before they had a day.
    """

    model_digest: str
    as_of: str
    sale_sequence: int
    market_digest: str
    digest: str
    summary: bytes
    content: bytes

    @property
    def key(self) -> AnchorKey:
        """The key of the anchor."""
        return AnchorKey(
            model_digest=self.model_digest,
            as_of=self.as_of,
            sale_sequence=self.sale_sequence,
            market_digest=self.market_digest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorKey:
    """Everything an anchor depends on: model, day, newest entry about a sale, quotes up to the day."""

    model_digest: str
    as_of: str
    sale_sequence: int
    market_digest: str


def find(connection: Connection, key: AnchorKey) -> StoredAnchor | None:
    """Return the anchor of a model on a day, None if it was not computed yet."""
    wanted = select(anchors).where(
        anchors.c.model_digest == key.model_digest,
        anchors.c.as_of == key.as_of,
        anchors.c.sale_sequence == key.sale_sequence,
        anchors.c.market_digest == key.market_digest,
    )
    return _kept(connection, wanted)


def find_by_digest(connection: Connection, digest: str) -> StoredAnchor | None:
    """Return the anchor with a digest, None for the digest of a model as trained."""
    wanted = select(anchors).where(anchors.c.digest == digest, anchors.c.digest != anchors.c.model_digest).limit(1)
    return _kept(connection, wanted)


def save(connection: Connection, anchor: StoredAnchor, *, recorded_by: str) -> StoredAnchor:
    """Store an anchor unless another process has stored it first, and return the stored one."""
    before = find(connection, anchor.key)
    if before is not None:
        return before
    connection.execute(
        insert(anchors).values(
            model_digest=anchor.model_digest,
            as_of=anchor.as_of,
            sale_sequence=anchor.sale_sequence,
            market_digest=anchor.market_digest,
            digest=anchor.digest,
            summary=anchor.summary,
            content=zlib.compress(anchor.content, 0),  # quantiles hardly shrink: 10 % less for 12 ms
            created_at=now(),
        )
    )
    sealed = {
        "model": anchor.model_digest,
        "as_of": anchor.as_of,
        "sales_through": anchor.sale_sequence,
        "market": anchor.market_digest,
        "summary": digest(anchor.summary),
    }
    entry = chain.Entry(kind="anchor", subject=anchor.digest, payload=msgspec.json.encode(sealed))
    chain.append(connection, [entry], recorded_by=recorded_by)
    return anchor


def _kept(connection: Connection, wanted: object) -> StoredAnchor | None:
    row = connection.execute(wanted).first()  # type: ignore[call-overload]  # selects whole rows
    if row is None:
        return None
    try:
        content = zlib.decompress(bytes(row.content))
    except zlib.error as reason:
        raise StoreNotReady("store.anchor_damaged", hint="store.restore", digest=row.digest) from reason
    return StoredAnchor(
        model_digest=row.model_digest,
        as_of=row.as_of,
        sale_sequence=row.sale_sequence,
        market_digest=row.market_digest,
        digest=row.digest,
        summary=bytes(row.summary),
        content=content,
    )
