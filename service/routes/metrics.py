"""Numbers for Prometheus."""

from __future__ import annotations

from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.clock import today
from service.dependencies import service_of, telemetry_of
from service.monitoring import Drift
from service.sales.live_recentring import AnchorSummary
from service.telemetry import Telemetry


async def numbers(request: Request) -> Response:
    """Return the numbers of this server process."""
    telemetry, counter = telemetry_of(request), service_of(request)
    telemetry.quote_age.set((today() - counter.market.last_day).days)
    telemetry.trained.set(counter.model is not None)
    watch = request.app.state.watch
    telemetry.champion_usable.set(watch.problem == "")
    telemetry.model_swaps.set(watch.swaps)
    _show_anchor(telemetry, counter.models.current.summary or AnchorSummary())
    if watch.drift is not None:
        _show(telemetry, watch.drift)
    return Response(generate_latest(telemetry.registry), headers={"content-type": CONTENT_TYPE_LATEST})


def _show_anchor(telemetry: Telemetry, anchor: AnchorSummary) -> None:
    """Set the numbers that tell what reported sales make of the model of today."""
    telemetry.sales_used.set(anchor.used)
    telemetry.sales_held.set(anchor.held)
    telemetry.anchor_point.set(0.0 if anchor.moved is None else anchor.moved.point or 0.0)
    telemetry.anchor_week.set(anchor.week_move or 0.0)


def _show(telemetry: Telemetry, drift: Drift) -> None:
    """Set the numbers that tell of drift."""
    telemetry.realised_sales.set(drift.realised.sales)
    if drift.realised.sales:
        telemetry.realised_coverage.set(drift.realised.coverage)
    telemetry.drifted.set(len(drift.moved))


ROUTES = (Route("/metrics", numbers),)
