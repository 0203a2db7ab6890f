"""Endpoint for the quotes of a day: the last quote of every instrument."""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated

import msgspec
import numpy as np
from fastapi import APIRouter, Depends, Query
from pydantic import WithJsonSchema
from starlette.responses import Response

from service.api.dependencies import CurrentService, bearer_key
from service.api.openapi_bodies import documented_responses
from service.api.raw_route import JsonBytes
from service.clock import today
from valuation.errors import FieldError
from valuation.market.instruments import INSTRUMENTS
from valuation.record.to_columns import calendar_day, day_number
from valuation.terms import valuation_day


class QuoteAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """The last quote of one instrument: price without VAT in its unit, day and age."""

    instrument: str
    label_en: str
    label_zh: str
    price: float
    unit: str
    quoted_on: date | None
    age_days: float | None
    estimated: bool


class MarketAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """The quotes as of a day; all prices are without VAT."""

    digest: str
    synthetic: bool
    as_of: date
    region: str
    last_day: date
    quotes: list[QuoteAnswer]


router = APIRouter(tags=["market"], dependencies=[Depends(bearer_key)])


@router.get(
    "/v1/market",
    operation_id="getMarket",
    responses=documented_responses(MarketAnswer, refused=(422,)),
)
async def get_market(
    service: CurrentService,
    as_of: Annotated[str | None, WithJsonSchema({"type": "string", "format": "date"}), Query()] = None,
    region: Annotated[
        str,
        WithJsonSchema({"type": "string", "minLength": 2, "maxLength": 16, "default": "CN"}),
        Query(description="Region whose quotes are preferred."),
    ] = "CN",
) -> Response:
    """Return the last quote of every instrument as of a day; default: today (UTC+8)."""
    day = today() if as_of is None else valuation_day(as_of[:40])
    if not 2 <= len(region) <= 16:
        raise FieldError("request.region", field="region", count=len(region))
    market = service.market.history.on(np.array([day_number(day)]), region=region)
    quotes = []
    for name in sorted(market.price):
        price, quoted = float(market.price[name][0]), calendar_day(float(market.quoted_day[name][0]))
        if math.isnan(price):
            continue
        instrument = INSTRUMENTS[name]
        quotes.append(
            QuoteAnswer(
                instrument=name,
                label_en=instrument.label.en,
                label_zh=instrument.label.zh,
                price=round(price, 6),
                unit=instrument.unit,
                quoted_on=quoted,
                age_days=None if quoted is None else float((day - quoted).days),
                estimated=quoted is None,
            )
        )
    answer = MarketAnswer(
        digest=service.market.digest,
        synthetic=service.market.history.synthetic,
        as_of=day,
        region=region,
        last_day=service.market.last_day,
        quotes=quotes,
    )
    return JsonBytes(msgspec.json.encode(answer))
