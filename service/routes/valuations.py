"""Valuations: ask for one, ask for many, bring one back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.batch_request import spell_batch, value_items
from service.coalescing import Asked
from service.dependencies import (
    JSON,
    answered_before,
    caller_of,
    claim_of,
    coalescer_of,
    json_body,
    json_response,
    named,
    pools_of,
    service_of,
    telemetry_of,
)
from service.reading import read_one, terms_of
from service.schemas import BatchRequest, ValuationRequest, decode, within_limit
from service.store import valuations
from service.store.idempotency import Outcome
from service.valuation_service import Answer, ValuationService
from valuation.errors import CanzhiError


async def value_one(request: Request) -> Response:
    """Value one pack and keep the valuation."""
    coalescer_of(request).see_room()
    body = await json_body(request)
    laid = claim_of(request, body)
    before = await answered_before(request, laid)
    if before is not None:
        return json_response(before)
    counter = service_of(request)
    asked = decode(ValuationRequest, body)
    terms = terms_of(asked)
    if not counter.models.at_hand(terms.as_of):
        await pools_of(request).store(counter.models.on, terms.as_of)
    if isinstance(asked.battery_code, str):  # the only way of naming a pack that asks the store
        traces = await pools_of(request).store(read_one, counter, asked)
    else:
        traces = read_one(counter, asked)
    wanted = Asked(counter=counter, traces=traces, terms=terms, caller=caller_of(request), claim=laid)
    try:
        kept = await coalescer_of(request).value(wanted)
    except CanzhiError as error:
        telemetry_of(request).refusals.labels(error.code).inc()
        raise
    telemetry_of(request).valued(kept.answer.best_route)
    return json_response(kept.outcome)


async def value_batch(request: Request) -> Response:
    """Value up to a thousand packs; each item answers or carries its own problem."""
    body = await json_body(request)
    laid = claim_of(request, body)
    before = await answered_before(request, laid)
    if before is not None:
        return json_response(before)
    counter = service_of(request)
    asked = decode(BatchRequest, body)
    within_limit(len(asked.items), counter.settings.batch_limit)

    def work() -> tuple[Outcome, list[Answer | CanzhiError]]:
        results = value_items(counter, asked.items)
        given = [one for one in results if isinstance(one, Answer)]
        outcome = Outcome(status=200, body=spell_batch(results))
        return counter.keep(given, outcome, claim=laid, recorded_by=caller_of(request)), results

    outcome, results = await pools_of(request).batch(work)
    _count(request, results)
    return json_response(outcome)


async def bring_back(request: Request) -> Response:
    """Return a kept valuation: the very bytes that were answered."""
    kept = await pools_of(request).store(_kept, service_of(request), named(request, "valuation_id"))
    return Response(kept, media_type=JSON)


def _kept(counter: ValuationService, valuation_id: str) -> bytes:
    with counter.database.reading() as connection:
        return valuations.find(connection, valuation_id).answer


def _count(request: Request, results: list[Answer | CanzhiError]) -> None:
    telemetry = telemetry_of(request)
    for one in results:
        if isinstance(one, Answer):
            telemetry.valued(one.best_route)
        else:
            telemetry.refusals.labels(one.code).inc()


ROUTES = (
    Route("/v1/valuations", value_one, methods=["POST"]),
    Route("/v1/valuations/batch", value_batch, methods=["POST"]),
    Route("/v1/valuations/{valuation_id}", bring_back),
)
