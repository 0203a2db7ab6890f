"""The HTTP service put together: `create_app(settings)` opens the counter once and hangs the routes around it.

Every route reads and answers bytes, and `service.openapi` describes them from our own types; so a router is all that is
needed, and no framework that builds models of its own at every start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from service import problems
from service.coalescing import Coalescer
from service.door import PATH, ShortWay
from service.limits import BodyLimit
from service.model_refresh import Current, ModelRefresher
from service.pools import Pools
from service.routes import checks, codes, health, market, metrics, model, packs, sales, valuations
from service.security import Gate, read_keys
from service.settings import Settings
from service.telemetry import Measured, Telemetry, log
from service.valuation_service import ValuationService, open_valuation_service
from valuation.errors import CanzhiError
from valuation.version import __version__

ROUTES = (
    *valuations.ROUTES,
    *checks.ROUTES,
    *codes.ROUTES,
    *packs.ROUTES,
    *sales.ROUTES,
    *model.ROUTES,
    *market.ROUTES,
    *health.ROUTES,
    *metrics.ROUTES,
)
"""What programs ask, one module a subject."""


class Service(Starlette):
    """The application, and before all its stations the short way of what is asked most."""

    short_way: ShortWay | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self.short_way is not None and scope["type"] == "http" and scope["path"] == PATH:
            scope["app"] = self
            await self.short_way(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings | None = None, counter: ValuationService | None = None) -> Service:
    """Return the service as an ASGI application; the counter is opened when the server starts, if it is not yet.

    Raises
    ------
    SettingError
        If the settings or the file of API keys cannot be used.
    """
    chosen = Settings.from_environment() if settings is None else settings
    telemetry = Telemetry()
    keys = read_keys(chosen.api_keys)
    app = Service(
        routes=[*ROUTES, *([Route("/openapi.json", _description)] if chosen.docs else ())],
        lifespan=_lifespan,
        middleware=[
            Middleware(Measured, telemetry=telemetry),
            Middleware(Gate, keys=keys, host=chosen.host),
            Middleware(Current),
            Middleware(BodyLimit, limit_bytes=chosen.body_limit_bytes),
        ],
        exception_handlers={
            CanzhiError: problems.on_core_error,
            problems.Refusal: problems.on_refusal,
            HTTPException: problems.on_http_error,
            ClientDisconnect: problems.on_hang_up,
            Exception: _on_fault,
        },
    )
    app.router.redirect_slashes = False  # an address has one spelling
    app.router.default = _page
    app.short_way = ShortWay(
        super(Service, app).__call__, telemetry=telemetry, keys=keys, settings=chosen, on_fault=_on_fault
    )
    app.state.settings = chosen
    app.state.opened = counter
    app.state.telemetry = telemetry
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    """Open the counter before the first request, close it after the last."""
    settings: Settings = app.state.settings
    counter = app.state.opened or open_valuation_service(settings)
    app.state.watch = ModelRefresher(counter)
    app.state.coalescer = Coalescer(settings.value_queue)
    app.state.pools = Pools(settings.batch_threads, settings.batch_queue)
    looking = asyncio.create_task(app.state.watch.keep_looking())
    try:
        log().info(
            "ready",
            version=__version__,
            model=counter.model.version if counter.model else "structural",
            market=counter.market.source,
            market_digest=counter.market.digest,
        )
        yield
    finally:
        looking.cancel()
        await app.state.coalescer.close()
        app.state.pools.close()
        counter.database.close()


async def _page(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what no program asks."""
    await _pages()(scope, receive, send)


@cache
def _pages() -> Router:
    """Return the routes of the page, loaded when somebody first asks for one."""
    from service.web.routes import ROUTES as PAGES  # noqa: PLC0415 - programs do not wait for what only people see

    return Router(PAGES, redirect_slashes=False)


async def _description(_request: Request) -> Response:
    return Response(_described(), media_type="application/json")


@cache
def _described() -> bytes:
    """Return the description of the HTTP door, worded once."""
    from service.openapi import description  # noqa: PLC0415 - a hundred types that no valuation needs

    return msgspec.json.encode(description())


async def _on_fault(request: Request, error: Exception) -> Response:
    """Write a fault of ours into the log, without the payload, and answer without its inside."""
    route = getattr(request.scope.get("route"), "path", "other")
    log().error("fault", route=route, kind=type(error).__name__)
    return await problems.on_fault(request, error)
