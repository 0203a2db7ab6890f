"""Whether the server lives, and whether it can value and keep.

Watchmen ask with GET or HEAD; the server leaves out the body of what is answered to HEAD.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.dependencies import JSON, pools_of, service_of
from service.store.upgrade import REVISION, revision
from service.supervisor import workers_state
from service.valuation_service import ValuationService
from valuation.errors import StoreNotReady


class Readiness(msgspec.Struct, kw_only=True, frozen=True):
    """What stands ready; `model` is `structural` where no trained model answers.

    `model_problem` says why the champion could not be read: then the one before it, named in `model`, still answers.
    `watch_problem` says why reported sales or drift could not be looked at. Of `workers` server processes
    `workers_missing` do not serve, for the reasons in `workers_problem`; they are started again.
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


async def alive(_request: Request) -> Response:
    """Say that the process answers."""
    return Response(b'{"status":"ok"}', media_type=JSON)


async def ready(request: Request) -> Response:
    """Say whether store, market and model stand ready; 503 where the store does not."""
    counter = service_of(request)
    await pools_of(request).store(_see_store, counter)
    watch, processes = request.app.state.watch, workers_state()
    answer = Readiness(
        status="ready",
        store=REVISION,
        model=counter.model.version if counter.model else "structural",
        market_last_day=counter.market.last_day.isoformat(),
        model_problem=watch.problem,
        watch_problem=watch.watch_problem,
        workers=processes.workers,
        workers_missing=processes.missing,
        workers_problem=processes.problem,
    )
    return Response(msgspec.json.encode(answer), media_type=JSON)


def _see_store(counter: ValuationService) -> None:
    with counter.database.reading() as connection:
        found = revision(connection)
    if found != REVISION:
        raise StoreNotReady(f"the store is at step {found}, not {REVISION}", hint="start canzhi serve again")


ROUTES = (
    Route("/healthz", alive),
    Route("/readyz", ready),
)
