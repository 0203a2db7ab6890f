"""Canonical JSON of a history and its digest: equal histories give equal bytes on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from valuation.record.fields import PACK_FIELDS
from valuation.record.history import PackHistory, TraceEvent

_PACK_NAMES = tuple(field.name for field in PACK_FIELDS)


def write_trace(history: PackHistory, events: Sequence[bytes] | None = None) -> bytes:
    """Return a history as a canonical trace record (JSON in UTF-8); reading it back gives an equal history.

    Parameters
    ----------
    history
        The history to write.
    events
        Its events as :func:`write_events` returns them, if the caller has them already.

    >>> write_trace(PackHistory(chemistry="LFP", rated_energy_kwh=52.5))
    b'{"chemistry":"LFP","rated_energy_kwh":52.5}'
    """
    written = write_events(history) if events is None else events
    record = _record(history)
    if written:
        record = {**record, "events": [msgspec.Raw(event) for event in written]}
    return _canonical(record)


def write_events(history: PackHistory) -> tuple[bytes, ...]:
    """Return each event as canonical JSON, in the history's order."""
    return tuple([_canonical(_event(event)) for event in history.events])


def input_digest(history: PackHistory, events: Sequence[bytes] | None = None) -> str:
    """Return the SHA-256 digest of a history, independent of order and repetition of its events.

    >>> input_digest(PackHistory(chemistry="LFP", rated_energy_kwh=52.5))[:14]
    'sha256:df171d5'
    """
    return digest_of(_canonical(_record(history)), write_events(history) if events is None else events)


def digest_of(record: bytes, events: Sequence[bytes]) -> str:
    """Return the digest of a canonical record without events, and its canonical events."""
    content = b"\n".join((record, *sorted(set(events))))
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _canonical(record: Mapping[str, object]) -> bytes:
    """Return an object as JSON with sorted names and shortest numbers; days are written YYYY-MM-DD."""
    return msgspec.json.encode(record, order="deterministic")


def _record(history: PackHistory) -> dict[str, object]:
    """Return a history without its events as a trace record, without unknown fields."""
    record = dict(history.extras)
    for name in _PACK_NAMES:
        value = getattr(history, name)
        if value is not None:
            record[name] = value
    if history.composition:
        record["composition"] = dict(history.composition)
    if history.modules:
        record["modules"] = [
            _known({"battery_code": module.battery_code, "soh": module.soh}) for module in history.modules
        ]
    return record


def _event(event: TraceEvent) -> dict[str, object]:
    """Return an event as an object of a trace record."""
    record = dict(event.extras)
    record["type"] = event.type
    record["on"] = event.on
    if event.reported_on is not None:
        record["reported_on"] = event.reported_on
    if event.recorded_on is not None:
        record["recorded_on"] = event.recorded_on
    if event.reporter is not None:
        record["reporter"] = event.reporter
    if event.reporter_kind is not None:
        record["reporter_kind"] = event.reporter_kind
    record.update(event.facts)
    return record


def _known(record: Mapping[str, object]) -> dict[str, object]:
    """Return a record without unknown fields."""
    return {name: value for name, value in record.items() if value is not None}
