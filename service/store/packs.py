"""Traced histories and sales in the ledger: entered as they were reported, read back as one trace record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from service.store import ledger
from valuation.errors import FieldError, UnknownPack


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPack:
    """What the ledger tells about one pack: the trace record, and how many reports it is made of."""

    battery_code: str
    record: bytes
    reports: int
    events: int


def enter(
    connection: Connection, battery_code: str, pack: bytes | None, events: Sequence[bytes], *, recorded_by: str
) -> str:
    """Append what was reported about a pack and return the new head of the ledger."""
    entries = [] if pack is None else [ledger.Entry(kind="pack", subject=battery_code, payload=pack)]
    entries += [ledger.Entry(kind="event", subject=battery_code, payload=event) for event in events]
    return ledger.append(connection, entries, recorded_by=recorded_by)


def find(connection: Connection, battery_code: str) -> KeptPack:
    """Return a pack's history as the ledger knows it.

    Raises
    ------
    UnknownPack
        If nothing was reported under that code.
    """
    packs = ledger.payloads(connection, battery_code, "pack")
    events = ledger.payloads(connection, battery_code, "event")
    if not packs and not events:
        raise UnknownPack(
            f"no history is kept under the battery code {battery_code[:64]!r}",
            hint="report it with POST /v1/packs/{code}/events, or send the trace itself",
            field="battery_code",
            value=battery_code,
        )
    record = assemble(battery_code, packs, events)
    return KeptPack(battery_code=battery_code, record=record, reports=len(packs) + len(events), events=len(events))


def assemble(battery_code: str, packs: Sequence[bytes], events: Sequence[bytes]) -> bytes:
    """Return one trace record from reports: a later nameplate field replaces an earlier one, events are all kept.

    >>> assemble("C", [b'{"chemistry": "LFP"}'], [b'{"type":"sold","on":"2024-01-01"}'])
    b'{"battery_code":"C","chemistry":"LFP","events":[{"type":"sold","on":"2024-01-01"}]}'
    """
    record: dict[str, object] = {"battery_code": battery_code}
    for pack in packs:
        record |= msgspec.json.decode(pack, type=dict[str, msgspec.Raw])
    record["events"] = [msgspec.Raw(event) for event in events]
    return msgspec.json.encode(record)


def enter_sales(connection: Connection, sales: Sequence[tuple[str, bytes]], *, recorded_by: str) -> tuple[int, str]:
    """Append sales that are not known yet and return how many were new, and the new head of the ledger.

    Parameters
    ----------
    sales : sequence of (sale id, canonical bytes)

    Raises
    ------
    FieldError
        If a sale id is known with another content; nothing is entered then.
    """
    fresh: dict[str, bytes] = {}
    for sale_id, content in sales:
        known = [fresh[sale_id]] if sale_id in fresh else ledger.payloads(connection, sale_id, "sale")
        if known and known[0] != content:
            raise FieldError(
                f"sale {sale_id[:64]!r} is already entered with another content",
                hint="a sale is entered once and never changed; give a corrected sale its own sale_id",
                field="sale_id",
                value=sale_id,
            )
        if not known:
            fresh[sale_id] = content
    entries = [ledger.Entry(kind="sale", subject=sale_id, payload=content) for sale_id, content in fresh.items()]
    return len(entries), ledger.append(connection, entries, recorded_by=recorded_by)
