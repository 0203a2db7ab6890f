"""Endpoint for the findings on a history, without a price; nothing is stored."""

from __future__ import annotations

from datetime import date

import msgspec
from fastapi import APIRouter, Depends
from starlette.requests import Request

from service.answers.checks import CheckAnswer, check_traces
from service.api.dependencies import bearer_key, json_body, pools_of, service_of
from service.api.openapi_bodies import EXAMPLE_PACK, STORING, documented_body, documented_responses
from service.api.raw_route import RawRoute
from service.api.request_decoding import PackReference, decode, read_pack
from service.clock import today
from service.store.idempotency import Outcome

raw_router = APIRouter(tags=["checks"], route_class=RawRoute, dependencies=[Depends(bearer_key)])


class CheckRequest(PackReference, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A request to check the history of one pack: exactly one of `trace`, `passport` and `battery_code`."""

    as_of: date | None = None


@raw_router.post(
    "/v1/checks",
    operation_id="createCheck",
    openapi_extra=documented_body(CheckRequest, {"trace": EXAMPLE_PACK, "as_of": "2026-11-20"}),
    responses=documented_responses(CheckAnswer, refused=(*STORING, 404)),
)
async def create_check(request: Request) -> Outcome:
    """Check the history of one pack: evidence tier, trust grade and findings; no price, nothing is stored."""
    request_data = decode(CheckRequest, await json_body(request))
    day = request_data.as_of or today()
    traces = await pools_of(request).store(read_pack, service_of(request), request_data, day)
    (answer,) = check_traces(traces, day)
    return Outcome(status=200, body=msgspec.json.encode(answer))
