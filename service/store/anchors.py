"""Kept anchors: what reported sales made of a model's band, once for all server processes, sealed in the ledger."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, func, insert, select

from service.clock import now
from service.store import ledger as chain
from service.store.tables import anchors, ledger
from valuation.errors import StoreNotReady


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnchor:
    """One model's anchor after the sales up to one entry of the ledger.

    ``digest`` names model and anchor together; where no sale could be used it is the model's own, ``content`` empty.
    ``summary`` is JSON: which sales were used, what was left out and why, how far the model has moved.
    """

    model_digest: str
    sale_sequence: int
    digest: str
    market_digest: str
    summary: bytes
    content: bytes


def newest_sale(connection: Connection) -> int:
    """Return the number of the newest sale's entry in the ledger, zero where none was reported."""
    newest = select(func.max(ledger.c.sequence)).where(ledger.c.kind == "sale")
    return int(connection.execute(newest).scalar() or 0)


def reported_sales(connection: Connection, through: int) -> list[bytes]:
    """Return the reported sales up to an entry of the ledger, oldest first."""
    wanted = select(ledger.c.payload).where(ledger.c.kind == "sale", ledger.c.sequence <= through)
    return [bytes(row.payload) for row in connection.execute(wanted.order_by(ledger.c.sequence))]


def find(connection: Connection, model_digest: str, sale_sequence: int) -> KeptAnchor | None:
    """Return a model's anchor after the sales up to an entry of the ledger, None where it was not made yet."""
    wanted = select(anchors).where(anchors.c.model_digest == model_digest, anchors.c.sale_sequence == sale_sequence)
    return _kept(connection, wanted)


def named(connection: Connection, digest: str) -> KeptAnchor | None:
    """Return the anchor that a valuation names by the digest of its model, None for a model as it was trained."""
    wanted = select(anchors).where(anchors.c.digest == digest, anchors.c.digest != anchors.c.model_digest).limit(1)
    return _kept(connection, wanted)


def keep(connection: Connection, anchor: KeptAnchor, *, recorded_by: str) -> KeptAnchor:
    """Keep an anchor unless another program was faster, and return the one that is kept: it holds for all."""
    before = find(connection, anchor.model_digest, anchor.sale_sequence)
    if before is not None:
        return before
    connection.execute(
        insert(anchors).values(
            model_digest=anchor.model_digest,
            sale_sequence=anchor.sale_sequence,
            digest=anchor.digest,
            market_digest=anchor.market_digest,
            summary=anchor.summary,
            content=zlib.compress(anchor.content, 6),
            created_at=now(),
        )
    )
    sealed = {
        "model": anchor.model_digest,
        "sales_through": anchor.sale_sequence,
        "market": anchor.market_digest,
        "summary": chain.digest(anchor.summary),
    }
    entry = chain.Entry(kind="anchor", subject=anchor.digest, payload=msgspec.json.encode(sealed))
    chain.append(connection, [entry], recorded_by=recorded_by)
    return anchor


def _kept(connection: Connection, wanted: object) -> KeptAnchor | None:
    row = connection.execute(wanted).first()  # type: ignore[call-overload]  # a select of whole rows
    if row is None:
        return None
    try:
        content = zlib.decompress(bytes(row.content))
    except zlib.error as reason:
        raise StoreNotReady(
            f"the kept anchor {row.digest} is damaged", hint="restore the store from its last backup"
        ) from reason
    return KeptAnchor(
        model_digest=row.model_digest,
        sale_sequence=row.sale_sequence,
        digest=row.digest,
        market_digest=row.market_digest,
        summary=bytes(row.summary),
        content=content,
    )
