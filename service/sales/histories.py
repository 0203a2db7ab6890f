"""Finds the history of each sold pack (成交电池的履历): the first one known together with its sale.

Events up to the day of sale count, whenever they were recorded; later records never change the history. Without a
history the sale waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from service.sales.states import ReportedSale
from service.store import packs
from service.store.tables import ledger, valuations

_CHUNK = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownHistory:
    """The trace record of a sold pack, and the time from which it is known together with the sale."""

    known_at: str
    record: bytes


def first_known_histories(connection: Connection, reported: Sequence[ReportedSale]) -> dict[int, KnownHistory]:
    """Return the history of each sold pack, by ledger sequence of the sale.

    In order of preference: the ledger's history when the sale was recorded; the record of the pack's last valuation up
    to the day of sale, if stored by then; else the first one of either kind that was recorded later.
    """
    found: dict[int, KnownHistory] = {}
    for start in range(0, len(reported), _CHUNK):
        some = reported[start : start + _CHUNK]
        codes = sorted({one.sale.battery_code for one in some})
        entered = _entered(connection, codes)
        valued = _valued(connection, codes)
        for one in some:
            code = one.sale.battery_code
            rows = entered.get(code, [])
            history = _history_from_ledger(one, rows)
            if code in valued and (history is None or rows[0].sequence > one.sequence):
                history = _history_from_valuation(connection, one, history)
            if history is not None:
                found[one.sequence] = history
    return found


def _entered(connection: Connection, codes: Sequence[str]) -> dict[str, list[Any]]:
    """Return the ledger entries about packs, oldest first."""
    columns = (ledger.c.sequence, ledger.c.subject, ledger.c.kind, ledger.c.recorded_at, ledger.c.payload)
    wanted = select(*columns).where(ledger.c.subject.in_(codes), ledger.c.kind.in_(("pack", "event")))
    rows = connection.execute(wanted.order_by(ledger.c.subject, ledger.c.sequence)).all()
    return {code: list(about) for code, about in groupby(rows, key=lambda row: row.subject)}


def _valued(connection: Connection, codes: Sequence[str]) -> set[str]:
    """Return which packs have a stored valuation."""
    wanted = select(valuations.c.battery_code).where(valuations.c.battery_code.in_(codes)).distinct()
    return {row.battery_code for row in connection.execute(wanted)}


def _history_from_ledger(one: ReportedSale, rows: list[Any]) -> KnownHistory | None:
    """Return the history in the ledger when the sale was recorded, else the first later report."""
    if not rows:
        return None
    known_at = max(one.recorded_at, rows[0].recorded_at)
    known = [row for row in rows if row.sequence < one.sequence]
    if not known:  # all entries of the first report have the same time
        known = [row for row in rows if row.recorded_at == rows[0].recorded_at]
    record = packs.assemble(
        one.sale.battery_code,
        [bytes(row.payload) for row in known if row.kind == "pack"],
        [bytes(row.payload) for row in known if row.kind == "event"],
    )
    return KnownHistory(known_at=known_at, record=record)


def _history_from_valuation(
    connection: Connection, one: ReportedSale, fallback: KnownHistory | None
) -> KnownHistory | None:
    """Return the record of a valuation as of the day of sale or earlier, or the fallback if that was known first."""
    kept = (
        select(valuations.c.record, ledger.c.recorded_at)
        .join(ledger, (ledger.c.subject == valuations.c.valuation_id) & (ledger.c.kind == "valuation"))
        .where(valuations.c.battery_code == one.sale.battery_code, valuations.c.as_of <= one.sale.sold_on.isoformat())
    )
    before = kept.where(ledger.c.sequence < one.sequence)
    row = connection.execute(before.order_by(valuations.c.as_of.desc(), ledger.c.sequence.desc()).limit(1)).first()
    if row is None:
        row = connection.execute(kept.order_by(ledger.c.sequence).limit(1)).first()
    if row is None:
        return fallback
    known_at = max(row.recorded_at, one.recorded_at)
    if fallback is not None and fallback.known_at <= known_at:
        return fallback
    return KnownHistory(known_at=known_at, record=bytes(row.record))
