"""The reference: a FastAPI and pydantic service that decodes and validates the same request and returns the same bytes.

`typed` has a typed body and a typed answer; `raw` reads and returns bytes.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field, create_model

from valuation.record.fields import COMPOSITION_FIELDS, EVENT_COMMON_FIELDS, EVENT_FIELDS, EVENT_TYPES, PACK_FIELDS
from valuation.record.fields import Field as RecordField

ANSWER_FILE = "ECHO_ANSWER"


class Caution(BaseModel):
    """As in the contract."""

    id: str
    severity: str
    message_en: str
    message_zh: str
    effect: str


class Band(BaseModel):
    """As in the contract."""

    point: float
    lower: float
    upper: float
    level: float
    per_kwh: float
    quantiles: dict[str, float]


class RouteValue(BaseModel):
    """As in the contract."""

    route: str
    value: float
    probability: float
    open: bool
    blocked_by: list[str]


class Health(BaseModel):
    """As in the contract."""

    value: float
    sd: float
    source: str


class State(BaseModel):
    """As in the contract."""

    soh: Health
    full_cycles: float | None
    calendar_age_a: float | None


class Metal(BaseModel):
    """As in the contract."""

    element: str
    mass_kg: float
    value_cny: float
    value_change_per_pct_cny: float


class Driver(BaseModel):
    """As in the contract."""

    feature: str
    label_en: str
    label_zh: str
    effect_cny: float


class NextEvidence(BaseModel):
    """As in the contract."""

    action: str
    band_width_now_cny: float
    band_width_after_cny: float


class Evidence(BaseModel):
    """As in the contract."""

    tier: str
    grade: str
    next_best: list[NextEvidence]


class ModelCard(BaseModel):
    """As in the contract."""

    model_config = ConfigDict(extra="allow")

    name: str
    version: str
    digest: str
    trained_through: date | None
    demonstration: bool
    group_used: str
    effective_sales: float


class MarketCard(BaseModel):
    """As in the contract."""

    digest: str
    oldest_quote_days: float | None
    quotes: dict[str, date]
    synthetic: bool


class Answer(BaseModel):
    """As in the contract."""

    valuation_id: str
    battery_code: str | None
    as_of: date
    currency: str
    vat_included: bool
    region: str
    residual_value: Band
    routes: list[RouteValue]
    best_route: str | None
    state: State
    metals: list[Metal]
    drivers: list[Driver]
    base_cny: float
    evidence: Evidence
    cautions: list[Caution]
    model: ModelCard
    market: MarketCard
    input_digest: str


def _kind(field: RecordField) -> object:
    """Return the pydantic type of a field."""
    if field.kind == "category":
        return Literal[field.choices] | None
    if field.kind == "day":
        return date | None
    if field.kind == "text":
        return str | None
    return Annotated[float, Field(ge=field.low, le=field.high)] | None


def _fields(fields: tuple[RecordField, ...]) -> dict[str, object]:
    return {field.name: (_kind(field), None) for field in fields}


Event: Any = create_model(  # type: ignore[call-overload]  # fields come from the table of fields
    "Event", type=(Literal[EVENT_TYPES], ...), **_fields((*EVENT_COMMON_FIELDS, *EVENT_FIELDS))
)
Composition = create_model("Composition", **_fields(COMPOSITION_FIELDS))  # type: ignore[call-overload]  # as above
Module: Any = create_model("Module", battery_code=(str | None, None), soh=(float | None, None))
Trace: Any = create_model(  # type: ignore[call-overload]  # as above
    "Trace",
    composition=(Composition | None, None),
    modules=(list[Module], []),
    events=(list[Event], []),
    **_fields(PACK_FIELDS),
)


class PackRequest(BaseModel):
    """The request envelope."""

    model_config = ConfigDict(extra="forbid")

    trace: Trace
    as_of: date | None = None
    level: Annotated[float, Field(ge=0.5, le=0.99)] = 0.9
    region: str = "CN"
    market_shift: dict[str, float] | None = None
    explain: bool = True


def create_app() -> FastAPI:
    """Return the echo service, which answers with the file in ECHO_ANSWER."""
    content = Path(os.environ[ANSWER_FILE]).read_bytes()
    answer = Answer.model_validate_json(content)
    app = FastAPI()

    @app.post("/typed")
    async def typed(asked: PackRequest) -> Answer:  # noqa: ARG001 - it was checked, which is what is measured
        return answer

    @app.post("/raw")
    async def raw(request: Request) -> Response:
        PackRequest.model_validate_json(await request.body())
        return Response(content, media_type="application/json")

    return app
