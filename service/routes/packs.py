"""Packs: report what happened to one, and read what is known about it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.dependencies import (
    JSON,
    caller_of,
    claim_of,
    code_of,
    json_body,
    json_response,
    named,
    pools_of,
    service_of,
)
from service.reading import only_one
from service.schemas import EventsRequest, decode
from service.store import packs
from service.store.idempotency import Outcome, once
from service.valuation_service import ValuationService
from valuation.errors import FieldError
from valuation.ingest import Document, read_trace
from valuation.ingest.decode_bytes import decode_json


class PackReport(msgspec.Struct, kw_only=True, frozen=True):
    """What was entered, and the head of the ledger after it."""

    battery_code: str
    events_added: int
    pack_updated: bool
    ledger_head: str


class PackAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """What the ledger knows about a pack: its trace record and the number of reports it was made of."""

    battery_code: str
    reports: int
    events: int
    trace: msgspec.Raw


async def report(request: Request) -> Response:
    """Enter what is reported about a pack, all or nothing; undated reports of events count from today."""
    body = await json_body(request)
    laid = claim_of(request, body)
    asked = decode(EventsRequest, body)
    pack = None if isinstance(asked.pack, msgspec.UnsetType) else bytes(asked.pack)
    events = [bytes(event) for event in asked.events]
    name = packs.name_of(code_of(named(request, "code")))
    check_report(name, pack, events)
    database, caller = service_of(request).database, caller_of(request)

    def work(connection: Connection) -> Outcome:
        head = packs.enter(connection, name, pack, events, recorded_by=caller)
        answer = PackReport(
            battery_code=name, events_added=len(events), pack_updated=pack is not None, ledger_head=head
        )
        return Outcome(status=201, body=msgspec.json.encode(answer))

    return json_response(await pools_of(request).store(once, database, laid, work))


async def known(request: Request) -> Response:
    """Return what the ledger knows about a pack."""
    code = code_of(named(request, "code"))
    return Response(await pools_of(request).store(_known, service_of(request), code), media_type=JSON)


def check_report(code: str, pack: bytes | None, events: Sequence[bytes]) -> None:
    """Refuse a report that could not be read back, or that speaks of another pack.

    Raises
    ------
    TraceError
        If a field cannot be used; the message names it.
    """
    if pack is None and not events:
        raise FieldError(
            "the report holds neither pack nor events", hint='send {"events": [{"type": "usage", "on": "…"}]}'
        )
    if pack is not None:
        _check_pack(code, pack)
    only_one(read_trace(packs.assemble(code, () if pack is None else (pack,), events)))


def _check_pack(code: str, pack: bytes) -> None:
    """Refuse a nameplate that is none, gives a field twice, or belongs to another pack."""
    fields = decode_json(Document(name="pack", content=pack))
    if not isinstance(fields, dict):
        raise FieldError("pack is not an object", hint="send nameplate fields by name", field="pack")
    own = fields.get("battery_code", code)
    if not isinstance(own, str) or packs.name_of(own) != code:
        raise FieldError(
            "pack.battery_code is not the code of the address",
            hint="report each pack under its own code",
            field="pack.battery_code",
        )
    if "events" in fields:
        raise FieldError("pack holds events", hint="put events beside pack, not into it", field="pack.events")


def _known(counter: ValuationService, code: str) -> bytes:
    with counter.database.reading() as connection:
        kept = packs.find(connection, code)
    answer = PackAnswer(
        battery_code=kept.battery_code, reports=kept.reports, events=kept.events, trace=msgspec.Raw(kept.record)
    )
    return msgspec.json.encode(answer)


ROUTES = (
    Route("/v1/packs/{code}/events", report, methods=["POST"]),
    Route("/v1/packs/{code}", known),
)
