"""Request and response bodies in the OpenAPI description.

msgspec decodes and encodes the bodies, so FastAPI does not see their types. Each route registers its types here, and
:mod:`service.api.openapi_document` adds their schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from service.api.problems import MEDIA_TYPE, Problem

JSON: Final = "application/json"
SCHEMA_REF: Final = "#/components/schemas/{name}"
STORING: Final = (400, 413, 415, 422, 503)
"""Error statuses of a route that reads a body and writes to the store."""


Responses = dict[int | str, dict[str, Any]]

_REGISTERED: dict[str, type] = {}


def documented_responses(kind: type | None = None, *, status: int = 200, refused: tuple[int, ...] = ()) -> Responses:
    """Return the `responses` argument of a route: its JSON answer and its possible problems."""
    problem = {
        "description": "Refused, with the reason and the way out.",
        "content": {MEDIA_TYPE: {"schema": _reference(Problem)}},
    }
    found: Responses = {} if kind is None else {status: {"description": "Done.", "content": _json(kind)}}
    return found | dict.fromkeys(sorted({*refused, 401, 403}), problem)


def documented_body(kind: type, example: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    """Return the `openapi_extra` argument of a route: its request body with a valid example."""
    content = _json(kind)
    content[JSON]["example"] = example
    return {"requestBody": {"required": required, "content": content}}


EXAMPLE_PACK: Final = {
    "battery_code": "001PB0A0000001A680000123",
    "chemistry": "LFP",
    "rated_energy_kwh": 52.5,
    "made_on": "2020-06-08",
    "events": [{"type": "usage", "on": "2024-03-31", "odometer_km": 181234, "soh": 0.84, "soh_source": "bms"}],
}


def registered_types() -> tuple[type, ...]:
    """Return every type that a route has registered."""
    return tuple(_REGISTERED.values())


def _json(kind: type) -> dict[str, Any]:
    return {JSON: {"schema": _reference(kind)}}


def _reference(kind: type) -> dict[str, str]:
    if _REGISTERED.setdefault(kind.__name__, kind) is not kind:
        raise TypeError(f"two types of the HTTP interface are called {kind.__name__}")
    return {"$ref": SCHEMA_REF.format(name=kind.__name__)}
