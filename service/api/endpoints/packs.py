"""Endpoints that record reports about a pack and return its stored record."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from msgspec import UNSET, Meta, Raw, UnsetType
from sqlalchemy import Connection
from starlette.responses import Response

from service.api.dependencies import BatteryCode, CurrentService, ServerPools, Submitted, bearer_key
from service.api.openapi_bodies import EXAMPLE_PACK, STORING, documented_body, documented_responses
from service.api.raw_route import JsonBytes
from service.api.request_decoding import decode, json_of, single_pack
from service.store import packs
from service.store.idempotency import Outcome, run_once
from service.valuation_service import ValuationService
from valuation.errors import FieldError
from valuation.ingest import Document, read_trace
from valuation.ingest.decode_bytes import decode_json


class EventsRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A report about one pack: nameplate fields, events, or both."""

    pack: Annotated[Raw, json_of("PackFields")] | UnsetType = UNSET
    events: Annotated[list[Annotated[Raw, json_of("TraceEvent")]], Meta(max_length=10_000)] = []


class PackReport(msgspec.Struct, kw_only=True, frozen=True):
    """What was recorded, and the newest hash of the ledger."""

    battery_code: str
    events_added: int
    pack_updated: bool
    ledger_head: str


class PackAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """The stored record of a pack and the number of reports it consists of."""

    battery_code: str
    reports: int
    events: int
    trace: Annotated[Raw, json_of("TraceRecord")]


router = APIRouter(tags=["packs"], dependencies=[Depends(bearer_key)])


@router.post(
    "/v1/packs/{code}/events",
    operation_id="reportEvents",
    status_code=201,
    openapi_extra=documented_body(EventsRequest, {"events": EXAMPLE_PACK["events"]}),
    responses=documented_responses(PackReport, status=201, refused=STORING),
)
async def report_events(submitted: Submitted, code: BatteryCode) -> Response:
    """Record a report about a pack completely, or not at all.

    The service records the day (UTC+8): a valuation as of an earlier day uses neither the events nor the nameplate
    fields, and counts them in `not_used`. The default of `reported_on` is that day; `recorded_on` and `superseded_on`
    are set by the service.
    """
    request_data = decode(EventsRequest, submitted.body)
    pack = None if isinstance(request_data.pack, UnsetType) else bytes(request_data.pack)
    events = [bytes(event) for event in request_data.events]
    name = packs.canonical_code(code)
    check_report(name, pack, events)

    def work(connection: Connection) -> Outcome:
        head = packs.append_report(connection, name, pack, events, recorded_by=submitted.caller)
        answer = PackReport(
            battery_code=name, events_added=len(events), pack_updated=pack is not None, ledger_head=head
        )
        return Outcome(status=201, body=msgspec.json.encode(answer))

    return await submitted.enter(partial(run_once, submitted.service.database, submitted.request_key, work))


@router.get(
    "/v1/packs/{code}",
    operation_id="getPack",
    responses=documented_responses(PackAnswer, refused=(404, 422, 503)),
)
async def get_pack(code: BatteryCode, service: CurrentService, pools: ServerPools) -> Response:
    """Return the trace record assembled from the reports about a pack."""
    return JsonBytes(await pools.store(_stored, service, code))


def check_report(code: str, pack: bytes | None, events: Sequence[bytes]) -> None:
    """Refuse a report that is invalid, or that is about another pack.

    Raises
    ------
    TraceError
        If a field is invalid; the message names it.
    """
    if pack is None and not events:
        raise FieldError("request.report_is_empty")
    if pack is not None:
        _check_pack(code, pack)
    single_pack(read_trace(packs.assemble(code, () if pack is None else (pack,), events)))


def _check_pack(code: str, pack: bytes) -> None:
    """Refuse a nameplate that is not an object, repeats a field, or belongs to another pack."""
    fields = decode_json(Document(name="pack", content=pack))
    if not isinstance(fields, dict):
        raise FieldError("request.pack_not_an_object", field="pack")
    own = fields.get("battery_code", code)
    if not isinstance(own, str) or packs.canonical_code(own) != code:
        raise FieldError("request.pack_of_another_code", field="pack.battery_code")
    if "events" in fields:
        raise FieldError("request.pack_holds_events", field="pack.events")


def _stored(service: ValuationService, code: str) -> bytes:
    with service.database.reading() as connection:
        kept = packs.find(connection, code)
    answer = PackAnswer(
        battery_code=kept.battery_code, reports=kept.reports, events=kept.events, trace=Raw(kept.record)
    )
    return msgspec.json.encode(answer)
