"""`create_app(settings)`: the FastAPI application with its routes, middleware and lifespan."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import Receive, Scope, Send

from service.api import docs_pages
from service.api.admission import Admission
from service.api.endpoints import batches, checks, codes, health, market, metrics, model, packs, sales, valuations
from service.api.error_handlers import HANDLERS
from service.api.micro_batching import MicroBatcher
from service.api.model_refresh import ModelRefresher
from service.api.security import read_keys
from service.api.thread_pools import Pools
from service.settings import Settings
from service.telemetry import Telemetry, log
from service.valuation_service import ValuationService, open_valuation_service
from valuation.version import __version__

RAW_ROUTERS = (valuations.raw_router, batches.raw_router, checks.raw_router)
"""Hot paths, registered first because routes are matched in order."""
ROUTERS = (
    valuations.router,
    codes.router,
    packs.router,
    sales.router,
    model.router,
    market.router,
    health.router,
    metrics.router,
)


class ServiceApp(FastAPI):
    """FastAPI application whose OpenAPI document includes the msgspec types."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document, generated on first use."""
        from service.api.openapi_document import describe  # noqa: PLC0415 - the types are needed only for the document

        self.openapi_schema = self.openapi_schema or describe(self.routes)
        return self.openapi_schema


def create_app(settings: Settings | None = None, service: ValuationService | None = None) -> FastAPI:
    """Return the ASGI application; without `service`, one is opened at start-up.

    Raises
    ------
    SettingError
        If the settings or the file of API keys are invalid.
    """
    chosen = Settings.from_environment() if settings is None else settings
    telemetry = Telemetry()
    app = ServiceApp(
        title="canzhi",
        version=__version__,
        routes=[route for router in RAW_ROUTERS for route in router.routes],
        openapi_url=docs_pages.DESCRIPTION if chosen.docs else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # one spelling per address
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "auto_configure": False,
        },  # Prometheus is used instead
        lifespan=_lifespan,
        exception_handlers=HANDLERS,
    )
    app.add_middleware(Admission, settings=chosen, keys=read_keys(chosen.api_keys), telemetry=telemetry)
    for router in ROUTERS:
        app.include_router(router)
    if chosen.docs:
        app.router.routes.extend(docs_pages.ROUTES)
    app.router.default = _page
    app.state.settings = chosen
    app.state.opened = service
    app.state.telemetry = telemetry
    app.state.render_report = _report
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open the service before the first request, and close it after the last."""
    settings: Settings = app.state.settings
    service = app.state.opened or open_valuation_service(settings)
    app.state.refresher = ModelRefresher(service)
    app.state.batcher = MicroBatcher(settings.value_queue)
    app.state.pools = Pools(settings.batch_threads, settings.batch_queue)
    looking = asyncio.create_task(app.state.refresher.poll_forever())
    try:
        log().info(
            "ready",
            version=__version__,
            model=service.model.version if service.model else "structural",
            market=service.market.source,
            market_digest=service.market.digest,
        )
        yield
    finally:
        looking.cancel()
        await app.state.batcher.close()
        app.state.pools.close()
        service.database.close()


async def _page(scope: Scope, receive: Receive, send: Send) -> None:
    """Pass all other paths to the routes of the web page."""
    await _pages()[0](scope, receive, send)


async def _report(request: Request, valuation_id: str) -> Response:
    """Return the report on a stored valuation as HTML."""
    return await _pages()[1](request, valuation_id)


@cache
def _pages() -> tuple[Router, Callable[[Request, str], Awaitable[Response]]]:
    """Return the routes of the web page and the report, loaded on first use."""
    from service.web import routes  # noqa: PLC0415 - the API starts without the page

    return Router(routes.ROUTES, redirect_slashes=False), routes.report


if __name__ == "__main__":  # writes the snapshot of the tests
    sys.stdout.write(json.dumps(create_app(Settings(home=Path())).openapi(), ensure_ascii=False, indent=1) + "\n")
