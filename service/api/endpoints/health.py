"""Liveness and readiness endpoints; they need no API key."""

from __future__ import annotations

from typing import Literal

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.api.dependencies import CurrentService, ServerPools, refresher_of
from service.api.openapi_bodies import documented_responses
from service.api.problems import Refusal
from service.api.raw_route import JsonBytes
from service.store.upgrade import REVISION, revision
from service.valuation_service import ValuationService
from service.workers_state import workers_state
from valuation.errors import StoreNotReady


class Readiness(msgspec.Struct, kw_only=True, frozen=True):
    """State of the service; `model` is `structural` without a trained model.

    `model_problem`: why the champion could not be loaded; the previous model in `model` remains in use.
    `watch_problem`: why polling of reported sales or drift failed. `workers_missing` of `workers` server processes are
    not serving, for the reasons in `workers_problem`; they are being restarted.
    """

    status: str
    store: str
    model: str
    market_last_day: str
    model_problem: str = ""
    watch_problem: str = ""
    workers: int = 1
    workers_missing: int = 0
    workers_problem: str = ""


class Liveness(msgspec.Struct, kw_only=True, frozen=True):
    """The process responds."""

    status: Literal["ok"] = "ok"


router = APIRouter(tags=["operations"])


@router.get(
    "/healthz",
    operation_id="getLiveness",
    responses=documented_responses(Liveness),
)
async def get_liveness() -> Response:
    """Return 200 if the process responds."""
    return JsonBytes(msgspec.json.encode(Liveness()))


@router.get(
    "/readyz",
    operation_id="getReadiness",
    responses=documented_responses(Readiness, refused=(503,)),
)
async def get_readiness(request: Request, service: CurrentService, pools: ServerPools) -> Response:
    """Return the state of store, market, model and server processes; 503 if the store or the processes are not ready.

    After the start, the service is ready once all server processes have served, or after a minute with those that have.
    """
    await pools.store(_check_store, service)
    refresher, processes = refresher_of(request), workers_state()
    if processes.starting:
        raise Refusal(
            503, "starting", missing=processes.missing, workers=processes.workers, headers={"retry-after": "1"}
        )
    answer = Readiness(
        status="ready",
        store=REVISION,
        model=service.model.version if service.model else "structural",
        market_last_day=service.market.last_day.isoformat(),
        model_problem=refresher.problem,
        watch_problem=refresher.watch_problem,
        workers=processes.workers,
        workers_missing=processes.missing,
        workers_problem=processes.problem,
    )
    return JsonBytes(msgspec.json.encode(answer))


def _check_store(service: ValuationService) -> None:
    with service.database.reading() as connection:
        found = revision(connection)
    if found != REVISION:
        raise StoreNotReady("store.step", found=found, wanted=REVISION)
