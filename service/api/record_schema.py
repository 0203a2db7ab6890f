"""JSON Schema of a trace record, generated from the table of fields in `valuation.record.fields`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from service.api.openapi_bodies import SCHEMA_REF
from valuation.ingest.fields.values import CONTRACT_PLACEHOLDERS
from valuation.record.fields import (
    COMPOSITION_FIELDS,
    EVENT_COMMON_FIELDS,
    EVENT_FIELDS,
    EVENT_TYPES,
    PACK_FIELDS,
    Field,
    event_field,
)

_MODULE_FIELDS: Final = (PACK_FIELDS[0], event_field("soh"))
Schema = dict[str, Any]


def record_schemas() -> dict[str, Schema]:
    """Return the schemas of a trace record and its parts by name.

    Only the English field names are listed. Aliases are accepted too, and unknown fields are kept with a caution, so
    additional properties are not forbidden.
    """
    nameplate = _properties(PACK_FIELDS) | {
        "composition": _reference("Composition"),
        "modules": {"type": "array", "items": _reference("PackModule")},
    }
    event = {"type": _reference("EventType")} | _properties(EVENT_COMMON_FIELDS) | _properties(EVENT_FIELDS, "Event")
    own = {name: schema for name, schema in nameplate.items() if name != "battery_code"}
    events = {"type": "array", "items": _reference("TraceEvent")}
    return {
        **_enumerations((*PACK_FIELDS, *EVENT_COMMON_FIELDS)),
        **_enumerations(EVENT_FIELDS, "Event"),
        "EventType": {"type": "string", "enum": list(EVENT_TYPES), "description": "What happened to the pack."},
        "NotKnown": {
            "description": "What people write where a value is not known; it is read so, with a caution.",
            "anyOf": [
                {"type": "null"},
                {"type": "integer", "const": -1},
                {"type": "string", "enum": sorted(CONTRACT_PLACEHOLDERS)},
            ],
        },
        "Composition": _object("Mass of each material in the pack. [kg]", _properties(COMPOSITION_FIELDS)),
        "PackModule": _object("One module of the pack.", _properties(_MODULE_FIELDS)),
        "TraceRecord": _object(
            "One pack and its traced life; what is not known is absent or null.", {**nameplate, "events": events}
        ),
        "PackFields": _object("Nameplate fields of one pack.", own),
        "TraceEvent": {
            **_object("One reported event; the contract says which own fields belong to which type.", event),
            "required": ["type", "on"],
        },
        "BatteryPassport": {
            **_object("A battery passport as it is: Catena-X battery_pass, BatteryPass 1.2.x or IDTA 02035.", {}),
            "additionalProperties": True,
        },
    }


def _object(description: str, properties: Schema) -> Schema:
    return {"type": "object", "description": description, "properties": properties}


def _properties(fields: Sequence[Field], prefix: str = "") -> Schema:
    return {field.name: {"anyOf": [_schema(field, prefix), _reference("NotKnown")]} for field in fields}


def _schema(field: Field, prefix: str) -> Schema:
    """Return the schema of a field: its type with its bounds, or its enumeration."""
    if field.kind == "category":
        return _reference(_enumeration(field, prefix))
    if field.kind == "day":
        return {"type": "string", "format": "date"}
    if field.kind == "text":
        return {"type": "string"}
    schema: Schema = {"type": "number"}
    if not math.isinf(field.low):
        schema["minimum"] = field.low
    if not math.isinf(field.high):
        schema["maximum"] = field.high
    return schema


def _enumerations(fields: Sequence[Field], prefix: str = "") -> dict[str, Schema]:
    return {
        _enumeration(field, prefix): {"type": "string", "enum": list(field.choices)}
        for field in fields
        if field.kind == "category"
    }


def _enumeration(field: Field, prefix: str) -> str:
    """Return the schema name of an enumeration, such as `EventSohSource` for `soh_source` of an event."""
    return prefix + "".join(part.capitalize() for part in field.name.split("_"))


def _reference(name: str) -> Schema:
    return {"$ref": SCHEMA_REF.format(name=name)}
