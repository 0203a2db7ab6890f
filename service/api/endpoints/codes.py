"""Endpoint that decodes a battery code."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, Depends
from starlette.responses import Response

from service.answers.codes import CodeAnswer, code_answer
from service.api.dependencies import BatteryCode, bearer_key
from service.api.openapi_bodies import documented_responses
from service.api.raw_route import JsonBytes
from service.clock import today
from valuation.battery_code.decoding import decode

router = APIRouter(tags=["codes"], dependencies=[Depends(bearer_key)])


@router.get(
    "/v1/codes/{code}",
    operation_id="getCode",
    responses=documented_responses(CodeAnswer, refused=(422,)),
)
async def get_code(code: BatteryCode) -> Response:
    """Decode and check a battery code (GB/T 34014); the answer for an invalid code contains the reason."""
    return JsonBytes(msgspec.json.encode(code_answer(decode(code, today()))))
