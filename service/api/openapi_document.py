"""The OpenAPI document: FastAPI's description of the routes, with the schemas of the msgspec types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from inspect import cleandoc
from typing import Any, Final

import msgspec
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from service.api.openapi_bodies import SCHEMA_REF, registered_types
from service.api.record_schema import record_schemas
from valuation.version import __version__

_SERVERS: Final = [{"url": "/", "description": "The service that serves this description."}]
_TAGS: Final = [
    {"name": "valuations", "description": "What packs are worth, with a band and reasons; every answer is kept."},
    {"name": "checks", "description": "What is odd about a traced history."},
    {"name": "codes", "description": "Battery codes (GB/T 34014)."},
    {"name": "packs", "description": "Events reported about packs."},
    {"name": "sales", "description": "Deals that were made; they recentre the band."},
    {"name": "model", "description": "The model that answers."},
    {"name": "market", "description": "The quotes that valuations use."},
    {"name": "operations", "description": "Health and numbers for whoever runs the service."},
]


def describe(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of the routes."""
    found = get_openapi(
        title="canzhi",
        version=__version__,
        summary="Residual value of traction batteries, with an honest band.",
        description="Money is CNY without VAT, fractions are 0 to 1, dates ISO 8601; not known is null.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        servers=_SERVERS,
        tags=_TAGS,
        routes=routes,
    )
    for path in found["paths"].values():
        for operation in path.values():
            _without_default_refusal(operation)
            if "security" in operation:
                operation["security"].append({})  # without configured keys, this machine needs none
    found["components"]["schemas"] = schemas()
    return found


def _without_default_refusal(operation: dict[str, Any]) -> None:
    """Remove the 422 response that FastAPI adds; the endpoints respond with problems instead."""
    refusal = operation["responses"].get("422", {})
    if "application/json" in refusal.get("content", {}):
        del operation["responses"]["422"]


def schemas() -> dict[str, Any]:
    """Return the schemas of all registered types and of the trace record."""
    _, found = msgspec.json.schema_components(registered_types(), ref_template=SCHEMA_REF)
    made: dict[str, Any] = found | record_schemas()
    for schema in made.values():
        _name_types(schema)
        for described in schema.get("properties", {}).values():
            _describe_default(described)
        if "description" in schema:
            schema["description"] = cleandoc(
                schema["description"]
            )  # before Python 3.13 docstrings keep their indentation
    return {name: made[name] for name in sorted(made)}


def _describe_default(schema: dict[str, Any]) -> None:
    """Move a default into the description, because client generators treat fields with a default as required."""
    default = schema.pop("default", None)
    if default not in (None, [], ()):
        text = f"Without it: {json.dumps(default)}."
        schema["description"] = f"{schema['description']} {text}" if "description" in schema else text


def _name_types(schema: Any) -> None:  # noqa: ANN401 - any part of a JSON Schema
    """Add `type: string` to every enumeration of strings, so that generated clients use an enum."""
    if isinstance(schema, list):
        for part in schema:
            _name_types(part)
    elif isinstance(schema, dict):
        choices = schema.get("enum")
        if isinstance(choices, list) and all(isinstance(one, str) for one in choices):
            schema.setdefault("type", "string")
        for part in schema.values():
            _name_types(part)
