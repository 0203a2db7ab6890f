"""Reports about packs in the ledger: appended as received, assembled to one trace record."""

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
from valuation.ingest.fields.aliases import NAMEPLATE_SCOPE
from valuation.ingest.fields.days import LAST_DAY
from valuation.ingest.fields.headings import field_name
from valuation.ingest.fields.values import is_placeholder
from valuation.record.fields import EVENT_COMMON_FIELDS

_REPORTED_ON = next(field for field in EVENT_COMMON_FIELDS if field.name == "reported_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPack:
    """The stored trace record of a pack, and the number of reports it consists of."""

    battery_code: str
    record: bytes
    reports: int
    events: int


def canonical_code(battery_code: str) -> str:
    """Return the canonical battery code of any accepted spelling (blanks, lower case, full-width letters).

    Raises
    ------
    FieldError
        If the text is not a code, or is ambiguous.

    >>> canonical_code("t01pb0a0000001 a680000123")
    'T01PB0A0000001A680000123'
    """
    name = decode(battery_code, today()).identity
    if name is None:
        raise FieldError("store.no_one_pack", field="battery_code", value=battery_code)
    return name


def append_report(
    connection: Connection, battery_code: str, pack: bytes | None, events: Sequence[bytes], *, recorded_by: str
) -> str:
    """Append a report about a pack, and return the newest hash of the ledger.

    An event without a reporting day gets the recording day (UTC+8). A report never changes a valuation as of a day
    before it was recorded.

    Raises
    ------
    FieldError
        If the pack would exceed the limit of events per record.
    """
    known, most = ledger.count_about(connection, battery_code, "event"), Limits().events
    if known + len(events) > most:
        raise FieldError("store.too_many_events", field="events", known=known, more=len(events), most=most)
    entries = [] if pack is None else [ledger.Entry(kind="pack", subject=battery_code, payload=pack)]
    day = today()
    entries += [
        ledger.Entry(kind="event", subject=battery_code, payload=with_reported_on(event, day)) for event in events
    ]
    return ledger.append(connection, entries, recorded_by=recorded_by)


def with_reported_on(event: bytes, day: date) -> bytes:
    """Return an event with its reporting day (上报日期): as reported, else the given day.

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
    """Return the stored history of a pack.

    Parameters
    ----------
    connection
        Connection to the store.
    battery_code
        Battery code in any accepted spelling.
    as_of : date, optional
        Valuation day: the nameplate as recorded by then; the record contains the day on which a newer nameplate was
        recorded. All events are returned with their recording days and are cut later. Default: newest nameplate.

    Raises
    ------
    UnknownPack
        If nothing is stored under the code, or the pack was not identified by the day.
    FieldError
        If the text is not a battery code.
    """
    battery_code, packs, events = _ledger_entries(connection, battery_code)
    later = [one.recorded_on for one in packs if as_of is not None and one.recorded_on > as_of]
    if later and len(later) == len(packs) and decode(battery_code, LAST_DAY).chemistry is None:
        raise UnknownPack(
            "store.no_nameplate_yet",
            field="as_of",
            value=str(as_of),
            code=battery_code[:64],
            day=as_of,
            first=min(later),
        )
    record = assemble(
        battery_code,
        [one.payload for one in packs[: len(packs) - len(later)]],
        [with_recorded_on(one) for one in events],
        superseded_on=min(later, default=None),
    )
    return StoredPack(battery_code=battery_code, record=record, reports=len(packs) + len(events), events=len(events))


def _ledger_entries(
    connection: Connection, battery_code: str
) -> tuple[str, tuple[RecordedPayload, ...], tuple[RecordedPayload, ...]]:
    """Return the canonical code of a pack, and its stored nameplates and events."""
    battery_code = canonical_code(battery_code)
    packs = ledger.recorded_payloads(connection, battery_code, "pack")
    events = ledger.recorded_payloads(connection, battery_code, "event")
    if not packs and not events:
        raise UnknownPack("store.unknown_pack", field="battery_code", value=battery_code, code=battery_code[:64])
    return battery_code, packs, events


def assemble(
    battery_code: str, packs: Sequence[bytes], events: Sequence[bytes], *, superseded_on: date | None = None
) -> bytes:
    """Return one trace record from reports: later nameplate fields replace earlier ones, all events are kept.

    Reports may use different aliases of a field. A field repeated within one report stays repeated, so that `ingest`
    rejects it. `superseded_on`, the day on which a newer nameplate was recorded, is set only here.

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
    """Return an event with the day on which the ledger recorded it (入库日期).

    >>> with_recorded_on(RecordedPayload(payload=b'{"type":"sold","on":"2024-01-01"}', recorded_on=date(2024, 1, 3)))
    b'{"type":"sold","on":"2024-01-01","recorded_on":"2024-01-03"}'
    """
    fields = msgspec.json.decode(event.payload, type=dict[str, msgspec.Raw])
    given = {name: value for name, value in fields.items() if field_name(name, ("recorded_on",)) is None}
    return msgspec.json.encode({**given, "recorded_on": event.recorded_on})


def _with_canonical_names(fields: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """Return the fields of a report under their canonical names; repeated fields keep their spelling."""
    found: dict[str, msgspec.Raw] = {}
    for spelled, value in fields.items():
        name = field_name(spelled, NAMEPLATE_SCOPE)
        found[spelled if name is None or name in found or name in fields else name] = value
    return found
