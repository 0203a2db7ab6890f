"""Endpoint for a batch of valuations; items with the same terms are computed together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends
from msgspec import Meta, Raw
from starlette.requests import Request

from service.api.dependencies import bearer_key, idempotency_key, submission_of
from service.api.openapi_bodies import EXAMPLE_PACK, SCHEMA_REF, STORING, documented_body, documented_responses
from service.api.problems import Problem, Refusal, problem_of
from service.api.raw_route import RawRoute
from service.api.request_decoding import decode, json_of, read_valuation
from service.store.idempotency import Outcome
from service.valuation_service import Answer, ValuationService, ValuationTask
from valuation.errors import CanzhiError

_ITEM = Meta(
    extra_json_schema={
        "anyOf": [
            {"$ref": SCHEMA_REF.format(name="ValuationRequest")},
            {"description": "Answered with its own problem."},
        ]
    }
)


class BatchRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Packs to value, each independent of the others."""

    items: Annotated[list[Annotated[Raw, _ITEM]], Meta(min_length=1)]


class BatchItem(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Result of one item: its valuation, or its problem."""

    valuation: Annotated[Raw, json_of("ValuationAnswer")] | None = None
    problem: Problem | None = None


class BatchAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """Results in the order of the items, with the number of valued and refused packs."""

    items: list[BatchItem]
    valued: int
    refused: int


raw_router = APIRouter(tags=["valuations"], route_class=RawRoute, dependencies=[Depends(bearer_key)])


@raw_router.post(
    "/v1/valuations/batch",
    operation_id="createValuationBatch",
    dependencies=[Depends(idempotency_key)],
    openapi_extra=documented_body(BatchRequest, {"items": [{"trace": EXAMPLE_PACK, "as_of": "2026-11-20"}]}),
    responses=documented_responses(BatchAnswer, refused=STORING),
)
async def create_valuation_batch(request: Request) -> Outcome:
    """Value up to a thousand packs; each item has its own valuation or problem.

    All valuations are stored in one transaction.
    """
    sent = await submission_of(request)
    if sent.earlier_outcome is not None:
        return sent.earlier_outcome
    service = sent.service
    items = decode(BatchRequest, sent.body).items
    _refuse_above(service.settings.batch_limit, len(items))

    def work() -> tuple[Outcome, list[Answer | CanzhiError]]:
        results = value_items(service, items)
        given = [one for one in results if isinstance(one, Answer)]
        outcome = Outcome(status=200, body=encode_batch(results))
        return service.save(given, outcome, request_key=sent.request_key, recorded_by=sent.caller), results

    outcome, results = await sent.pools.batch(work)
    request.state.valued = [one.best_route for one in results if isinstance(one, Answer)]
    request.state.refused = [one.code for one in results if isinstance(one, CanzhiError)]
    return outcome


def _refuse_above(limit: int, items: int) -> None:
    """Refuse a batch with more items than the limit."""
    if items > limit:
        raise Refusal(413, "batch-too-large", items=items, most=limit)


def value_items(service: ValuationService, items: Sequence[Raw]) -> list[Answer | CanzhiError]:
    """Return the answer or the error of each item; nothing is stored."""
    tasks: list[ValuationTask] = []
    refused: dict[int, CanzhiError] = {}
    for place, item in enumerate(items):
        try:
            tasks.append(read_valuation(service, bytes(item)))
        except CanzhiError as error:
            refused[place] = error
    answered = iter(service.value_each(tasks, channel="http"))
    return [refused[place] if place in refused else next(answered) for place in range(len(items))]


def encode_batch(results: Sequence[Answer | CanzhiError]) -> bytes:
    """Return the response body of a batch."""
    items = [
        BatchItem(problem=problem_of(one)) if isinstance(one, CanzhiError) else BatchItem(valuation=Raw(one.body))
        for one in results
    ]
    refused = sum(isinstance(one, CanzhiError) for one in results)
    return msgspec.json.encode(BatchAnswer(items=items, valued=len(items) - refused, refused=refused))
