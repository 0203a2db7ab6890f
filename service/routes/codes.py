"""Battery codes: what a code on a label tells."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.clock import today
from service.code_answer import code_answer
from service.dependencies import JSON, code_of, named


async def read_code(request: Request) -> Response:
    """Decode and check a battery code; an invalid one is answered too, with the reason."""
    code = code_of(named(request, "code"))
    return Response(msgspec.json.encode(code_answer(code, today())), media_type=JSON)


ROUTES = (Route("/v1/codes/{code}", read_code),)
