"""The model that answers."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from service.dependencies import JSON, counter_of
from valuation.version import __version__

router = APIRouter(prefix="/v1/model")


class ModelAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """Which model answers; `structural` where none is trained and the formulas answer alone."""

    name: str
    version: str
    digest: str
    trained_through: str | None
    demonstration: bool
    structural: bool
    features: list[str]
    code_version: str


@router.get("")
async def describe(request: Request) -> Response:
    """Return which model answers."""
    model = counter_of(request).model
    answer = ModelAnswer(
        name=model.name if model else "structural",
        version=model.version if model else __version__,
        digest=model.digest if model else "",
        trained_through=model.trained_through if model else None,
        demonstration=model.demonstration if model else False,
        structural=model is None,
        features=list(model.feature_names) if model else [],
        code_version=__version__,
    )
    return Response(msgspec.json.encode(answer), media_type=JSON)
