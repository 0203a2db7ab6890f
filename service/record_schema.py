"""The trace record (CONTRACT section 2) as JSON Schema, made from the core's own table of fields and bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from valuation.ingest.values import PLACEHOLDERS
from valuation.record.fields import (
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPES,
    PACK_FIELDS,
    Field,
    event_field,
)

MODULE_FIELDS: Final = (PACK_FIELDS[0], event_field("soh"))

PASSPORT_SCHEMA: Final = {
    "type": "object",
    "description": "A battery passport as it is: Catena-X battery_pass, BatteryPass 1.2.x or IDTA 02035.",
}


NOT_KNOWN: Final = {"$ref": "#/components/schemas/NotKnown"}


def record_schemas() -> dict[str, Any]:
    """Return the schemas of a trace record and its parts by name.

    Only our own names are described; Chinese and other spellings are taken too, and unknown fields are kept with a
    caution, which is why nothing forbids them.
    """
    pack = _properties(PACK_FIELDS)
    pack["composition"] = {"type": "object", "properties": _properties(COMPOSITION_FIELDS)}
    pack["modules"] = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": _properties(MODULE_FIELDS),
        },
    }
    event: dict[str, Any] = {"type": {"type": "string", "enum": list(EVENT_TYPES)}}
    event |= _properties(EVENT_COMMON_FIELDS) | _properties(EVENT_FIELDS)
    own = {name: schema for name, schema in pack.items() if name != "battery_code"}
    events = {"type": "array", "items": {"$ref": "#/components/schemas/TraceEvent"}}
    return {
        "NotKnown": {
            "description": "What people write where a value is not known; it is read so, with a caution.",
            "enum": [None, -1, *sorted(PLACEHOLDERS)],
        },
        "TraceRecord": {
            "type": "object",
            "description": "One pack and its traced life; what is not known is absent or null.",
            "properties": {**pack, "events": events},
        },
        "PackFields": {"type": "object", "description": "Nameplate fields of one pack.", "properties": own},
        "TraceEvent": {
            "type": "object",
            "description": "One reported event; which own fields belong to which type is told in the contract.",
            "properties": event,
            "required": ["type", "on"],
        },
    }


def _properties(fields: Sequence[Field]) -> dict[str, Any]:
    return {field.name: {"anyOf": [_schema(field), NOT_KNOWN]} for field in fields}


def _schema(field: Field) -> dict[str, Any]:
    """Return what a field holds where it is known: its kind, and its possible range or choices."""
    if field.kind == "category":
        return {"enum": list(field.choices)}
    if field.kind == "day":
        return {"type": "string", "format": "date"}
    if field.kind == "text":
        return {"type": "string"}
    schema: dict[str, Any] = {"type": "number"}
    if not math.isinf(field.low):
        schema["minimum"] = field.low
    if not math.isinf(field.high):
        schema["maximum"] = field.high
    return schema
