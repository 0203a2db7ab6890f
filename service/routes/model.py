"""The model that answers."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.anchoring import summary_of, trained_digest
from service.dependencies import JSON, counter_of, pools_of
from valuation.version import __version__


class ModelAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """Which model answers; `structural` where none is trained and the formulas answer alone.

    `digest` names the model as it answers, re-anchored on the reported sales; `trained_digest` the model as it was
    trained. `anchor_sales` sales re-anchor it, `anchor_left_out` could not be used, and `anchor_point_ratio` says by
    which share they moved the points.
    """

    name: str
    version: str
    digest: str
    trained_digest: str
    anchor_sales: int
    anchor_left_out: int
    anchor_point_ratio: float | None
    trained_through: str | None
    demonstration: bool
    structural: bool
    features: list[str]
    code_version: str


async def describe(request: Request) -> Response:
    """Return which model answers."""
    counter = counter_of(request)
    model = counter.model
    anchor = await pools_of(request).store(summary_of, model, counter.database)
    moved = None if anchor is None else anchor.moved
    answer = ModelAnswer(
        name=model.name if model else "structural",
        version=model.version if model else __version__,
        digest=model.digest if model else "",
        trained_digest=trained_digest(model),
        anchor_sales=0 if anchor is None else len(anchor.used),
        anchor_left_out=0 if anchor is None else sum(anchor.left_out.values()),
        anchor_point_ratio=None if moved is None else moved.point,
        trained_through=model.trained_through if model else None,
        demonstration=model.demonstration if model else False,
        structural=model is None,
        features=list(model.feature_names) if model else [],
        code_version=__version__,
    )
    return Response(msgspec.json.encode(answer), media_type=JSON)


ROUTES = (Route("/v1/model", describe),)
