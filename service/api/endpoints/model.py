"""Endpoint for the model in service."""

from __future__ import annotations

from datetime import date

import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from service.api.dependencies import CurrentService, bearer_key
from service.api.openapi_bodies import documented_responses
from service.api.raw_route import JsonBytes
from service.sales.live_recentring import AnchorSummary, trained_digest
from service.sales.selection import reason_text
from valuation.version import __version__


class ModelAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """The model in service; `structural` without a trained model.

    `digest` identifies the model of today (`anchor_day`), recentred by reported sales; `trained_digest` the model as
    trained. `anchor_sales`: sales used for recentring; `anchor_held`: waiting for confirmation; `anchor_voided`: voided
    or corrected; `anchor_left_out`: unusable, by reason in `anchor_left_out_reasons`. `anchor_point_ratio`: relative
    shift of the points since the training; `anchor_week_ratio`: within the last seven days.
    """

    name: str
    version: str
    digest: str
    trained_digest: str
    anchor_day: date
    anchor_sales: int
    anchor_held: int
    anchor_voided: int
    anchor_left_out: int
    anchor_left_out_reasons: dict[str, int]
    anchor_point_ratio: float | None
    anchor_week_ratio: float | None
    trained_through: str | None
    demonstration: bool
    structural: bool
    features: list[str]
    code_version: str


router = APIRouter(tags=["model"], dependencies=[Depends(bearer_key)])


@router.get(
    "/v1/model",
    operation_id="getModel",
    responses=documented_responses(ModelAnswer),
)
async def get_model(service: CurrentService) -> Response:
    """Return the model in service, and how far reported sales have shifted it."""
    model, summary = service.models.current.model, service.models.current.summary
    anchor = summary or AnchorSummary()
    moved = anchor.moved
    answer = ModelAnswer(
        name=model.name if model else "structural",
        version=model.version if model else __version__,
        digest=model.digest if model else "",
        trained_digest=trained_digest(model),
        anchor_day=service.models.day,
        anchor_sales=anchor.used,
        anchor_held=anchor.held,
        anchor_voided=anchor.voided,
        anchor_left_out=sum(anchor.left_out.values()),
        anchor_left_out_reasons={str(reason_text(reason)): count for reason, count in anchor.left_out.items()},
        anchor_point_ratio=None if moved is None else moved.point,
        anchor_week_ratio=anchor.week_move,
        trained_through=model.trained_through if model else None,
        demonstration=model.demonstration if model else False,
        structural=model is None,
        features=list(model.feature_names) if model else [],
        code_version=__version__,
    )
    return JsonBytes(msgspec.json.encode(answer))
