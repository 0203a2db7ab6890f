"""Endpoints that report, list, confirm and void sales."""

from __future__ import annotations

from functools import partial
from typing import Annotated, get_args

import msgspec
from fastapi import APIRouter, Depends, Path, Query
from msgspec import Meta
from pydantic import WithJsonSchema
from starlette.responses import Response

from service.api.dependencies import (
    CurrentService,
    OptionalSubmission,
    ServerPools,
    Submission,
    Submitted,
    bearer_key,
    whole_number,
)
from service.api.openapi_bodies import STORING, documented_body, documented_responses
from service.api.raw_route import JsonBytes
from service.api.request_decoding import decode
from service.field_types import ShortText
from service.sale_reports.reporting import MAX_PAGE, SaleAnswer, SalesPage, SalesReport, change_state, list_sales
from service.sale_reports.reporting import report_sales as enter_sales
from service.sales.record_sales import StepKind
from service.sales.sale_types import Sale
from service.sales.states import State
from service.store.sales import CONFIRMED, VOIDED


class SalesRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Sales to record, all or none."""

    sales: Annotated[list[Sale], Meta(min_length=1, max_length=10_000)]


class StepRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Why a sale is confirmed or voided; stored with the caller and the time."""

    note: ShortText | None = None


_EXAMPLE = {
    "sale_id": "S-2026-0001",
    "battery_code": "001PB0A0000001A680000123",
    "sold_on": "2026-11-02",
    "price_cny": 4210.0,
    "vat_included": False,
}
_STEP_REFUSED = (*STORING, 404, 409)
_LAST = 2**62

SaleId = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 128}), Path()]

router = APIRouter(tags=["sales"], dependencies=[Depends(bearer_key)])


@router.post(
    "/v1/sales",
    operation_id="reportSales",
    status_code=201,
    openapi_extra=documented_body(SalesRequest, {"sales": [_EXAMPLE]}),
    responses=documented_responses(SalesReport, status=201, refused=STORING),
)
async def report_sales(submitted: Submitted) -> Response:
    """Record sales, all or none; a repeated report with the same content changes nothing.

    A sale with a price far outside the band of its pack is held: it does not affect values until it is confirmed.
    """
    sales = decode(SalesRequest, submitted.body).sales
    return await submitted.enter(
        partial(enter_sales, submitted.service, sales, submitted.caller, submitted.request_key)
    )


@router.get(
    "/v1/sales",
    operation_id="listSales",
    responses=documented_responses(SalesPage, refused=(422, 503)),
)
async def get_sales(
    service: CurrentService,
    pools: ServerPools,
    after: Annotated[
        str | None,
        WithJsonSchema({"type": "integer", "minimum": 0}),
        Query(description="next_after of the page before."),
    ] = None,
    limit: Annotated[
        str | None,
        WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 100}),
        Query(description="Most sales of the page."),
    ] = None,
    state: Annotated[
        str | None, WithJsonSchema({"type": "string", "enum": list(get_args(State))}), Query(description="Only these.")
    ] = None,
) -> Response:
    """List reported sales in order of reporting, optionally of one state."""
    first = whole_number("after", after, 0, (0, _LAST))
    most = whole_number("limit", limit, 100, (1, MAX_PAGE))
    page = await pools.store(list_sales, service, first, most, state)
    return JsonBytes(msgspec.json.encode(page))


@router.post(
    "/v1/sales/{sale_id:path}/confirm",
    operation_id="confirmSale",
    openapi_extra=documented_body(StepRequest, {"note": "checked with the buyer"}, required=False),
    responses=documented_responses(SaleAnswer, refused=_STEP_REFUSED),
)
async def confirm_sale(submitted: OptionalSubmission, sale_id: SaleId) -> Response:
    """Confirm a held sale; it counts from today."""
    return await _step(submitted, sale_id, CONFIRMED)


@router.post(
    "/v1/sales/{sale_id:path}/void",
    operation_id="voidSale",
    openapi_extra=documented_body(StepRequest, {"note": "typed wrongly"}, required=False),
    responses=documented_responses(SaleAnswer, refused=_STEP_REFUSED),
)
async def void_sale(submitted: OptionalSubmission, sale_id: SaleId) -> Response:
    """Void a sale from today; valuations as of earlier days do not change."""
    return await _step(submitted, sale_id, VOIDED)


async def _step(submitted: Submission, sale_id: str, kind: StepKind) -> Response:
    """Confirm or void a sale; the body with a note is optional."""
    note = decode(StepRequest, submitted.body).note if submitted.body else None
    said = (note, submitted.caller)
    return await submitted.enter(partial(change_state, submitted.service, sale_id, kind, said, submitted.request_key))
