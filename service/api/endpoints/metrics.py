"""Prometheus metrics endpoint."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response

from service.api.dependencies import CurrentService, bearer_key, refresher_of, telemetry_of
from service.api.openapi_bodies import documented_responses
from service.clock import today
from service.monitoring import DriftReport
from service.sales.live_recentring import AnchorSummary
from service.telemetry import Telemetry

router = APIRouter(tags=["operations"], dependencies=[Depends(bearer_key)])


@router.get(
    "/metrics",
    operation_id="getMetrics",
    response_class=PlainTextResponse,
    responses=documented_responses(),
)
async def get_metrics(request: Request, service: CurrentService) -> Response:
    """Return the Prometheus metrics of this server process."""
    telemetry = telemetry_of(request)
    telemetry.quote_age.set((today() - service.market.last_day).days)
    telemetry.trained.set(service.model is not None)
    refresher = refresher_of(request)
    telemetry.champion_usable.set(refresher.problem == "")
    telemetry.model_swaps.set(refresher.swaps)
    _show_anchor(telemetry, service.models.current.summary or AnchorSummary())
    if refresher.drift is not None:
        _show(telemetry, refresher.drift)
    return Response(generate_latest(telemetry.registry), headers={"content-type": CONTENT_TYPE_LATEST})


def _show_anchor(telemetry: Telemetry, anchor: AnchorSummary) -> None:
    """Set the gauges of the recentring by reported sales."""
    telemetry.sales_used.set(anchor.used)
    telemetry.sales_held.set(anchor.held)
    telemetry.anchor_point.set(0.0 if anchor.moved is None else anchor.moved.point or 0.0)
    telemetry.anchor_week.set(anchor.week_move or 0.0)


def _show(telemetry: Telemetry, drift: DriftReport) -> None:
    """Set the gauges of drift."""
    telemetry.realised_sales.set(drift.realised.sales)
    if drift.realised.sales:
        telemetry.realised_coverage.set(drift.realised.coverage)
    telemetry.drifted.set(len(drift.moved))
