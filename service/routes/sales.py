"""Sales: report deals, list them, confirm one that is held, void one that was wrong; the band follows at once."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.dependencies import (
    JSON,
    caller_of,
    claim_of,
    json_body,
    json_response,
    named,
    pools_of,
    query_number,
    service_of,
)
from service.sale_reports import MOST_LISTED, list_sales, report_sales, step
from service.sales.enter_sales import StepKind
from service.schemas import SalesRequest, StepRequest, decode
from service.store.sales import CONFIRMED, VOIDED


async def report(request: Request) -> Response:
    """Enter deals, all or none; a price far outside the band of its pack is held until it is confirmed."""
    body = await json_body(request)
    laid = claim_of(request, body)
    sales = decode(SalesRequest, body).sales
    outcome = await pools_of(request).store(report_sales, service_of(request), sales, caller_of(request), laid)
    return json_response(outcome)


async def confirm(request: Request) -> Response:
    """Let a held sale count."""
    return await _step(request, CONFIRMED)


async def void(request: Request) -> Response:
    """Let a sale count no more."""
    return await _step(request, VOIDED)


async def listed(request: Request) -> Response:
    """Return reported sales in the order of their reporting."""
    after = query_number(request, "after", 0, (0, 2**62))
    limit = query_number(request, "limit", 100, (1, MOST_LISTED))
    state = request.query_params.get("state")
    page = await pools_of(request).store(list_sales, service_of(request), after, limit, state)
    return Response(msgspec.json.encode(page), media_type=JSON)


async def _step(request: Request, kind: StepKind) -> Response:
    """Take a step on a sale; the body may be empty, or say why."""
    body = await request.body() and await json_body(request)
    laid = claim_of(request, body)
    said = (decode(StepRequest, body).note if body else None), caller_of(request)
    return json_response(
        await pools_of(request).store(step, service_of(request), named(request, "sale_id"), kind, said, laid)
    )


ROUTES = (
    Route("/v1/sales", report, methods=["POST"]),
    Route("/v1/sales", listed),
    Route("/v1/sales/{sale_id:path}/confirm", confirm, methods=["POST"]),
    Route("/v1/sales/{sale_id:path}/void", void, methods=["POST"]),
)
