"""A history written as canonical JSON, and the digest that names it: same history, same bytes, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date

import msgspec

from valuation.record.fields import PACK_FIELDS
from valuation.record.history import PackHistory, TraceEvent


def write_trace(history: PackHistory) -> bytes:
    """Return a history as a canonical trace record (JSON in UTF-8); reading it back gives an equal history.

    >>> write_trace(PackHistory(chemistry="LFP", rated_energy_kwh=52.5))
    b'{"chemistry":"LFP","rated_energy_kwh":52.5}'
    """
    return _canonical(_record(history, history.events))


def input_digest(history: PackHistory) -> str:
    """Return the SHA-256 name of what a history says, whatever order its events came in and however often.

    >>> input_digest(PackHistory(chemistry="LFP", rated_energy_kwh=52.5))[:14]
    'sha256:df171d5'
    """
    events = sorted({_canonical(_event(event)) for event in history.events})
    content = b"\n".join((_canonical(_record(history, ())), *events))
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _canonical(record: Mapping[str, object]) -> bytes:
    """Return an object as JSON with sorted names and shortest numbers."""
    return msgspec.json.encode(record, order="deterministic")


def _record(history: PackHistory, events: tuple[TraceEvent, ...]) -> dict[str, object]:
    """Return a history as a trace record, absent where not known."""
    record = {field.name: _plain(getattr(history, field.name)) for field in PACK_FIELDS}
    if history.composition:
        record["composition"] = dict(history.composition)
    if history.modules:
        record["modules"] = [
            _known({"battery_code": module.battery_code, "soh": module.soh}) for module in history.modules
        ]
    if events:
        record["events"] = [_event(event) for event in events]
    return {**history.extras, **_known(record)}


def _event(event: TraceEvent) -> dict[str, object]:
    """Return an event as a part of a trace record."""
    common = {
        "type": event.type,
        "on": event.on.isoformat(),
        "reported_on": _plain(event.reported_on),
        "reporter": event.reporter,
        "reporter_kind": event.reporter_kind,
    }
    return {**event.extras, **_known(common), **event.facts}


def _plain(value: object) -> object:
    """Return a day as text, anything else as it is."""
    return value.isoformat() if isinstance(value, date) else value


def _known(record: Mapping[str, object]) -> dict[str, object]:
    """Return a record without what is not known."""
    return {name: value for name, value in record.items() if value is not None}
