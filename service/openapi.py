"""The description of the HTTP door (OpenAPI 3.1), made from the same types that decode and encode.

Each route is one row of :data:`OPERATIONS`; a test compares the table with the routes that exist.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, Final

import msgspec

from service.answers import ValuationAnswer
from service.batch_request import BatchAnswer
from service.checking import CheckAnswer
from service.code_answer import CodeAnswer
from service.problems import MEDIA_TYPE, Problem
from service.record_schema import PASSPORT_SCHEMA, record_schemas
from service.routes.health import Readiness
from service.routes.market import MarketAnswer
from service.routes.model import ModelAnswer
from service.routes.packs import PackAnswer, PackReport
from service.sale_reports import MOST_LISTED, SaleAnswer, SalesPage, SalesReport
from service.schemas import BatchRequest, CheckRequest, EventsRequest, SalesRequest, StepRequest, ValuationRequest
from valuation.version import __version__

REF: Final = "#/components/schemas/{name}"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One path and method: what it takes, what it answers, which problems it may answer with."""

    method: str
    path: str
    name: str
    summary: str
    answer: type | str
    body: type[msgspec.Struct] | None = None
    body_needed: bool = True
    status: int = 200
    problems: tuple[int, ...] = ()
    query: tuple[str, ...] = ()


_STORING: Final = (400, 413, 415, 422, 503)

OPERATIONS: Final = (
    Operation(
        method="post",
        path="/v1/valuations",
        name="valueOne",
        summary="Value one pack and keep the valuation.",
        answer=ValuationAnswer,
        body=ValuationRequest,
        problems=(*_STORING, 404),
    ),
    Operation(
        method="post",
        path="/v1/valuations/batch",
        name="valueBatch",
        summary="Value up to a thousand packs; each item answers or carries its own problem.",
        answer=BatchAnswer,
        body=BatchRequest,
        problems=_STORING,
    ),
    Operation(
        method="get",
        path="/v1/valuations/{valuation_id}",
        name="bringBack",
        summary="Return a kept valuation, the very bytes that were answered.",
        answer=ValuationAnswer,
        problems=(404, 503),
    ),
    Operation(
        method="get",
        path="/v1/valuations/{valuation_id}/report",
        name="report",
        summary="Return the report on a kept valuation as a page to be read or printed, in English or Chinese.",
        answer="text/html",
        problems=(404, 503),
        query=("lang",),
    ),
    Operation(
        method="post",
        path="/v1/checks",
        name="checkHistory",
        summary="Examine one pack's history; no price, nothing kept.",
        answer=CheckAnswer,
        body=CheckRequest,
        problems=(*_STORING, 404),
    ),
    Operation(
        method="get",
        path="/v1/codes/{code}",
        name="readCode",
        summary="Decode and check a battery code (GB/T 34014); an invalid one is answered with the reason.",
        answer=CodeAnswer,
        problems=(422,),
    ),
    Operation(
        method="post",
        path="/v1/packs/{code}/events",
        name="reportEvents",
        summary=(
            "Enter what is reported about a pack, all or nothing. The service records the day (UTC+8): a valuation as"
            " of an earlier day uses neither the events nor the nameplate fields and says so in not_used. An event"
            " without reported_on is reported on that day; recorded_on and superseded_on are the service's own."
        ),
        answer=PackReport,
        body=EventsRequest,
        status=201,
        problems=_STORING,
    ),
    Operation(
        method="get",
        path="/v1/packs/{code}",
        name="knownPack",
        summary="Return what the ledger knows about a pack.",
        answer=PackAnswer,
        problems=(404, 422, 503),
    ),
    Operation(
        method="post",
        path="/v1/sales",
        name="reportSales",
        summary=(
            "Enter deals that were made, all or none. A price far outside the band of its pack is held: it moves no"
            " value until it is confirmed."
        ),
        answer=SalesReport,
        body=SalesRequest,
        status=201,
        problems=_STORING,
    ),
    Operation(
        method="get",
        path="/v1/sales",
        name="listSales",
        summary="List reported sales in the order of their reporting, of one state or of all.",
        answer=SalesPage,
        problems=(422, 503),
        query=("after", "limit", "state"),
    ),
    Operation(
        method="post",
        path="/v1/sales/{sale_id}/confirm",
        name="confirmSale",
        summary="Let a held sale count from today on.",
        answer=SaleAnswer,
        body=StepRequest,
        body_needed=False,
        problems=(*_STORING, 404, 409),
    ),
    Operation(
        method="post",
        path="/v1/sales/{sale_id}/void",
        name="voidSale",
        summary="Let a sale count no more from today on; valuations as of earlier days stay as they are.",
        answer=SaleAnswer,
        body=StepRequest,
        body_needed=False,
        problems=(*_STORING, 404, 409),
    ),
    Operation(
        method="get",
        path="/v1/model",
        name="describeModel",
        summary="Return which model answers.",
        answer=ModelAnswer,
    ),
    Operation(
        method="get",
        path="/v1/market",
        name="describeMarket",
        summary="Return the last quote of every instrument on a day.",
        answer=MarketAnswer,
        problems=(422,),
        query=("as_of", "region"),
    ),
    Operation(method="get", path="/healthz", name="alive", summary="Say that the process answers.", answer="status"),
    Operation(
        method="get",
        path="/readyz",
        name="ready",
        summary="Say whether store, market and model stand ready.",
        answer=Readiness,
        problems=(503,),
    ),
    Operation(method="get", path="/metrics", name="numbers", summary="Numbers for Prometheus.", answer="text/plain"),
)

_PARAMETERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "valuation_id": {"type": "string", "minLength": 1, "maxLength": 80},
    "sale_id": {"type": "string", "minLength": 1, "maxLength": 128},
    "code": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[^/]+$"},
    "as_of": {"type": "string", "format": "date"},
    "region": {"type": "string", "minLength": 2, "maxLength": 16},
    "after": {"type": "integer", "minimum": 0, "description": "next_after of the page before."},
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": 100},
    "state": {"enum": ["accepted", "held", "confirmed", "voided", "corrected"]},
    "lang": {"type": "string", "description": "en or zh; without it, what the Accept-Language header prefers."},
}


def description() -> dict[str, Any]:
    """Return the whole description."""
    paths: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "canzhi 残值",
            "version": __version__,
            "summary": "Residual value of traction batteries, with an honest band.",
            "description": "Money is CNY without VAT, fractions are 0 to 1, dates ISO 8601; not known is null.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"key": []}, {}],
    }


def _schemas() -> dict[str, Any]:
    """Return every type by name, the record's own fields among them."""
    types: list[type] = [Problem]
    for one in OPERATIONS:
        types += [kind for kind in (one.body, one.answer) if isinstance(kind, type)]
    _, found = msgspec.json.schema_components(types, ref_template=REF)
    for schema in found.values():
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])  # Python 3.13 keeps docstrings without indentation
    schemas: dict[str, Any] = dict(found) | record_schemas()
    for name in ("ValuationRequest", "CheckRequest"):
        schemas[name]["properties"]["trace"] = {"$ref": REF.format(name="TraceRecord")}
        schemas[name]["properties"]["passport"] = PASSPORT_SCHEMA
        schemas[name]["oneOf"] = [{"required": [way]} for way in ("trace", "passport", "battery_code")]
    schemas["BatchRequest"]["properties"]["items"]["items"] = {
        "anyOf": [{"$ref": REF.format(name="ValuationRequest")}, {"description": "Answered with its own problem."}]
    }
    schemas["BatchItem"]["properties"]["valuation"] = {"$ref": REF.format(name="ValuationAnswer")}
    schemas["EventsRequest"]["properties"]["pack"] = {"$ref": REF.format(name="PackFields")}
    schemas["EventsRequest"]["properties"]["events"]["items"] = {"$ref": REF.format(name="TraceEvent")}
    schemas["EventsRequest"]["anyOf"] = [{"required": ["pack"]}, {"required": ["events"]}]
    schemas["PackAnswer"]["properties"]["trace"] = {"type": "object"}
    return schemas


def _operation(one: Operation) -> dict[str, Any]:
    """Return one operation in OpenAPI's words."""
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "responses": {str(one.status): _answer(one.answer)},
    }
    parameters = _parameters(one)
    if one.body is not None:
        schema = {"$ref": REF.format(name=one.body.__name__)}
        described["requestBody"] = {"required": one.body_needed, "content": {JSON: {"schema": schema}}}
    if parameters:
        described["parameters"] = parameters
    for status in sorted({*one.problems, 401, 403}):
        schema = {"$ref": REF.format(name="Problem")}
        described["responses"][str(status)] = {
            "description": "Refused, with the reason and the way out.",
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
    return described


def _answer(answer: type | str) -> dict[str, Any]:
    if isinstance(answer, str) and answer.startswith("text/"):
        return {"description": "Done.", "content": {answer: {"schema": {"type": "string"}}}}
    if isinstance(answer, str):
        schema: dict[str, Any] = {"type": "object", "properties": {answer: {"type": "string"}}, "required": [answer]}
    else:
        schema = {"$ref": REF.format(name=answer.__name__)}
    return {"description": "Done.", "content": {JSON: {"schema": schema}}}


def _parameters(one: Operation) -> Sequence[Mapping[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, schema in _PARAMETERS.items():
        if f"{{{name}}}" in one.path:
            found.append({"name": name, "in": "path", "required": True, "schema": schema})
        elif name in one.query:
            found.append({"name": name, "in": "query", "required": False, "schema": schema})
    if one.body is not None and one.name != "checkHistory":
        schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema})
    return found


if __name__ == "__main__":  # the snapshot of the tests is written by this
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(description()), indent=1).decode() + "\n")
