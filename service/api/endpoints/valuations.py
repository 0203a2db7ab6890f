"""Endpoints that value one pack and return a stored valuation or its report."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import HTMLResponse
from pydantic import WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from service.answers.valuation import ValuationAnswer
from service.api.dependencies import CurrentService, ServerPools, Submission, bearer_key, idempotency_key, submission_of
from service.api.micro_batching import PendingRequest, Reader, StoredAnswer
from service.api.openapi_bodies import EXAMPLE_PACK, STORING, documented_body, documented_responses
from service.api.raw_route import JsonBytes, RawRoute
from service.api.request_decoding import NotInMemory, ValuationRequest, read_valuation
from service.store import valuations
from service.store.idempotency import Outcome
from service.valuation_service import ValuationService
from valuation.errors import CanzhiError

ValuationId = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 80}), Path()]

raw_router = APIRouter(tags=["valuations"], route_class=RawRoute, dependencies=[Depends(bearer_key)])
router = APIRouter(tags=["valuations"], dependencies=[Depends(bearer_key)])


@raw_router.post(
    "/v1/valuations",
    operation_id="createValuation",
    dependencies=[Depends(idempotency_key)],
    openapi_extra=documented_body(ValuationRequest, {"trace": EXAMPLE_PACK, "as_of": "2026-11-20"}),
    responses=documented_responses(ValuationAnswer, refused=(*STORING, 404)),
)
async def create_valuation(request: Request) -> Outcome:
    """Value one pack and store the valuation.

    The pack is given as a trace record, a battery passport, or the code of a stored history.
    """
    sent = await submission_of(request)
    if sent.earlier_outcome is not None:
        return sent.earlier_outcome
    read = partial(read_valuation, sent.service, sent.body)
    try:
        try:
            stored = await _value(sent, partial(read, may_wait=False))
        except NotInMemory:
            known = await sent.pools.store(read)
            stored = await _value(sent, lambda: known)
    except CanzhiError as error:
        request.state.refused = [error.code]
        raise
    request.state.valued = [stored.best_route]
    return stored.outcome


async def _value(sent: Submission, read: Reader) -> StoredAnswer:
    pending = PendingRequest(service=sent.service, read=read, caller=sent.caller, request_key=sent.request_key)
    return await sent.batcher.value(pending)


@router.get(
    "/v1/valuations/{valuation_id}",
    operation_id="getValuation",
    responses=documented_responses(ValuationAnswer, refused=(404, 503)),
)
async def get_valuation(valuation_id: ValuationId, service: CurrentService, pools: ServerPools) -> Response:
    """Return a stored valuation, byte for byte as first answered."""
    return JsonBytes(await pools.store(_stored, service, valuation_id))


def _stored(service: ValuationService, valuation_id: str) -> bytes:
    with service.database.reading() as connection:
        return valuations.find(connection, valuation_id).answer


@router.get(
    "/v1/valuations/{valuation_id}/report",
    operation_id="getValuationReport",
    response_class=HTMLResponse,
    responses=documented_responses(refused=(404, 503)),
)
async def get_report(
    request: Request,
    valuation_id: ValuationId,
    _lang: Annotated[
        str | None,
        WithJsonSchema({"type": "string"}),
        Query(alias="lang", description="en or zh; without it, what the Accept-Language header prefers."),
    ] = None,
) -> Response:
    """Return the report on a stored valuation as HTML, in English or Chinese."""
    report: Response = await request.app.state.render_report(request, valuation_id)
    return report
