"""Checks: the findings on a history, without a price; nothing is kept."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.checking import check_traces
from service.dependencies import JSON, json_body, pools_of, service_of
from service.reading import day_of, read_one
from service.schemas import CheckRequest, decode


async def check(request: Request) -> Response:
    """Examine one pack's history."""
    asked = decode(CheckRequest, await json_body(request))
    counter = service_of(request)
    traces = await pools_of(request).store(read_one, counter, asked)
    (answer,) = check_traces(traces, day_of(asked))
    return Response(msgspec.json.encode(answer), media_type=JSON)


ROUTES = (Route("/v1/checks", check, methods=["POST"]),)
