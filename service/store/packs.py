"""Traced histories and sales in the ledger: entered as they were reported, read back as one trace record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import msgspec
from sqlalchemy import Connection

from service.clock import today
from service.store import ledger
from service.store.ledger import RecordedPayload
from valuation.battery_code.decoding import decode
from valuation.errors import FieldError, UnknownPack
from valuation.ingest import Limits
from valuation.ingest.fields.aliases import NAMEPLATE_SCOPE, field_name
from valuation.ingest.fields.values import LAST_DAY, is_placeholder
from valuation.record.fields import EVENT_COMMON_FIELDS

_REPORTED_ON = next(field for field in EVENT_COMMON_FIELDS if field.name == "reported_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPack:
    """What the ledger tells about one pack: the trace record, and how many reports it is made of."""

    battery_code: str
    record: bytes
    reports: int
    events: int


def canonical_code(battery_code: str) -> str:
    """Return the one name under which a pack is kept, however its code was spelled (blanks, small or wide letters).

    Raises
    ------
    FieldError
        If the text names no pack, or may name two.

    >>> canonical_code("t01pb0a0000001 a680000123")
    'T01PB0A0000001A680000123'
    """
    name = decode(battery_code, today()).identity
    if name is None:
        raise FieldError(
            f"battery_code {battery_code[:64]!r} names no pack, or more than one",
            hint="give the one code on the label",
            field="battery_code",
            value=battery_code,
        )
    return name


def append_report(
    connection: Connection, battery_code: str, pack: bytes | None, events: Sequence[bytes], *, recorded_by: str
) -> str:
    """Append what was reported about a pack and return the new head of the ledger.

    An event whose reporter gives no day of reporting is reported on the day it is recorded (UTC+8). What is entered
    never changes a valuation as of a day before it was recorded, whatever days it names.

    Raises
    ------
    FieldError
        If the pack would have more events than can be read again.
    """
    known, most = ledger.count_about(connection, battery_code, "event"), Limits().events
    if known + len(events) > most:
        raise FieldError(
            f"{known} events are kept about the pack and {len(events)} more would be above the {most} that are read",
            hint="report readings less often, for example one a month",
            field="events",
        )
    entries = [] if pack is None else [ledger.Entry(kind="pack", subject=battery_code, payload=pack)]
    day = today()
    entries += [
        ledger.Entry(kind="event", subject=battery_code, payload=with_reported_on(event, day)) for event in events
    ]
    return ledger.append(connection, entries, recorded_by=recorded_by)


def with_reported_on(event: bytes, day: date) -> bytes:
    """Return a reported event with the day of its reporting (上报日期): its reporter's, else the one given.

    >>> with_reported_on(b'{"type":"sold","on":"2024-01-01"}', date(2024, 2, 1))
    b'{"type":"sold","on":"2024-01-01","reported_on":"2024-02-01"}'
    >>> with_reported_on('{"type":"sold","on":"2024-01-01","上报日期":"2024-01-05"}'.encode(), date(2024, 2, 1))[-14:]
    b':"2024-01-05"}'
    """
    fields = msgspec.json.decode(event, type=dict[str, msgspec.Raw])
    for spelled in [name for name in fields if field_name(name, ("reported_on",)) is not None]:
        found = msgspec.json.decode(fields[spelled])
        if found is not None and not is_placeholder(_REPORTED_ON, found):
            return event
        del fields[spelled]
    return msgspec.json.encode({**fields, "reported_on": day})


def find(connection: Connection, battery_code: str, *, as_of: date | None = None) -> StoredPack:
    """Return a pack's history as the ledger knows it.

    Parameters
    ----------
    connection
        To the store.
    battery_code
        The pack, however its code is spelled.
    as_of : date, optional
        The valuation day: the nameplate is the one recorded by then, and the record names the day on which a newer one
        was recorded. Events all come along with the day they were recorded on, for the cut at the valuation day.
        Without a day the newest nameplate is returned.

    Raises
    ------
    UnknownPack
        If nothing was reported under that code, or what says which pack it is was recorded after the day.
    FieldError
        If the text names no pack.
    """
    battery_code, packs, events = _entered(connection, battery_code)
    later = [one.recorded_on for one in packs if as_of is not None and one.recorded_on > as_of]
    if later and len(later) == len(packs) and decode(battery_code, LAST_DAY).chemistry is None:
        raise UnknownPack(
            f"no nameplate of {battery_code[:64]!r} was recorded by {as_of} (the first was on {min(later)}), and the"
            " code names no chemistry",
            hint="choose the day on which the nameplate was recorded, or a later one, as the valuation day",
            field="as_of",
            value=str(as_of),
        )
    record = assemble(
        battery_code,
        [one.payload for one in packs[: len(packs) - len(later)]],
        [with_recorded_on(one) for one in events],
        superseded_on=min(later, default=None),
    )
    return StoredPack(battery_code=battery_code, record=record, reports=len(packs) + len(events), events=len(events))


def _entered(
    connection: Connection, battery_code: str
) -> tuple[str, tuple[RecordedPayload, ...], tuple[RecordedPayload, ...]]:
    """Return the name of a pack, its nameplates and its events as they were entered."""
    battery_code = canonical_code(battery_code)
    packs = ledger.recorded_payloads(connection, battery_code, "pack")
    events = ledger.recorded_payloads(connection, battery_code, "event")
    if not packs and not events:
        raise UnknownPack(
            f"no history is kept under the battery code {battery_code[:64]!r}",
            hint="report it with POST /v1/packs/{code}/events, or send the trace itself",
            field="battery_code",
            value=battery_code,
        )
    return battery_code, packs, events


def assemble(
    battery_code: str, packs: Sequence[bytes], events: Sequence[bytes], *, superseded_on: date | None = None
) -> bytes:
    """Return one trace record from reports: a later nameplate field replaces an earlier one, events are all kept.

    A field may be spelled otherwise in every report (额定能量, then rated_energy_kwh); twice in one report it stays
    twice, for the porch to refuse. Only the ledger says when a newer nameplate was recorded (`superseded_on`), whatever
    a reporter gave as such.

    >>> assemble("C", [b'{"chemistry": "LFP"}'], [b'{"type":"sold","on":"2024-01-01"}'])
    b'{"battery_code":"C","chemistry":"LFP","events":[{"type":"sold","on":"2024-01-01"}]}'
    """
    record: dict[str, object] = {"battery_code": battery_code}
    for pack in packs:
        record |= _with_canonical_names(msgspec.json.decode(pack, type=dict[str, msgspec.Raw]))
    record["battery_code"] = battery_code
    record.pop("superseded_on", None)
    if superseded_on is not None:
        record["superseded_on"] = superseded_on
    record["events"] = [msgspec.Raw(event) for event in events]
    return msgspec.json.encode(record)


def with_recorded_on(event: RecordedPayload) -> bytes:
    """Return an event with the day on which the ledger recorded it (入库日期), whatever its reporter gave as such.

    >>> with_recorded_on(RecordedPayload(payload=b'{"type":"sold","on":"2024-01-01"}', recorded_on=date(2024, 1, 3)))
    b'{"type":"sold","on":"2024-01-01","recorded_on":"2024-01-03"}'
    """
    fields = msgspec.json.decode(event.payload, type=dict[str, msgspec.Raw])
    given = {name: value for name, value in fields.items() if field_name(name, ("recorded_on",)) is None}
    return msgspec.json.encode({**given, "recorded_on": event.recorded_on})


def _with_canonical_names(fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Return the fields of one report under our names where they have one, those given twice as they were spelled."""
    found: dict[str, msgspec.Raw] = {}
    for spelled, value in fields.items():
        name = field_name(spelled, NAMEPLATE_SCOPE)
        found[spelled if name is None or name in found or name in fields else name] = value
    return found
