"""The OpenAPI description: FastAPI's own of every route, and the schemas of the types that routes name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from inspect import cleandoc
from typing import Any, Final

import msgspec
from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from service.api.content import SCHEMA_REF, named_types
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
    """Return the description of the routes of an application."""
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
                operation["security"].append({})  # without keys set up, this machine is served without one
    found["components"]["schemas"] = schemas()
    return found


def _without_default_refusal(operation: dict[str, Any]) -> None:
    """Leave out the refusal of parameters that FastAPI adds; ours are checked by the endpoints, as problems."""
    refusal = operation["responses"].get("422", {})
    if "application/json" in refusal.get("content", {}):
        del operation["responses"]["422"]


def schemas() -> dict[str, Any]:
    """Return the schema of every type that routes name, and of the record inside requests."""
    _, found = msgspec.json.schema_components(named_types(), ref_template=SCHEMA_REF)
    made: dict[str, Any] = found | record_schemas()
    for schema in made.values():
        _name_types(schema)
        for described in schema.get("properties", {}).values():
            _describe_default(described)
        if "description" in schema:
            schema["description"] = cleandoc(schema["description"])  # Python 3.13 keeps docstrings without indentation
    return {name: made[name] for name in sorted(made)}


def _describe_default(schema: dict[str, Any]) -> None:
    """Say in words what holds without a field: generators of clients take one with a default for required."""
    default = schema.pop("default", None)
    if default not in (None, [], ()):
        said = f"Without it: {json.dumps(default)}."
        schema["description"] = f"{schema['description']} {said}" if "description" in schema else said


def _name_types(schema: Any) -> None:  # noqa: ANN401 - any part of a JSON Schema
    """Say of every choice of texts that it is text: generated clients make an enumeration of it."""
    if isinstance(schema, list):
        for part in schema:
            _name_types(part)
    elif isinstance(schema, dict):
        choices = schema.get("enum")
        if isinstance(choices, list) and all(isinstance(one, str) for one in choices):
            schema.setdefault("type", "string")
        for part in schema.values():
            _name_types(part)
