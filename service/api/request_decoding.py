"""Decodes a request body: a strict envelope, then the trace record, passport or stored code of one pack."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from service.api.openapi_bodies import SCHEMA_REF
from service.clock import today
from service.field_types import CodeText, Region
from service.valuation_service import RequestTerms, ValuationService, ValuationTask
from valuation.errors import FieldError, UnreadableRecord
from valuation.ingest import Traces, read_given, read_passport, read_trace
from valuation.ingest.decode_bytes import refuse_repeated, refuse_too_deep
from valuation.ingest.given_facts import GIVEN_FIELDS
from valuation.market.invoice import Invoice

Level = Annotated[float, Meta(ge=0.5, le=0.99, description="Share of deals the band is to hold.")]
Factor = Annotated[float, Meta(gt=0.0, le=100.0)]


def json_of(name: str) -> Meta:
    """Return metadata for a field that stays undecoded, with a reference to its schema."""
    return Meta(extra_json_schema={"$ref": SCHEMA_REF.format(name=name)})


_TYPES: Final[Mapping[str, Any]] = {"number": float, "day": date, "text": str, "category": str}
Given: Final = msgspec.defstruct(
    "Given",
    [
        (field.name, (CodeText if field.name == "battery_code" else _TYPES[field.kind]) | None, None)
        for field in GIVEN_FIELDS
    ],
    namespace={
        "__doc__": "Facts given beside a record, passport or code, which complete it: as on the label, or measured."
    },
    kw_only=True,
    forbid_unknown_fields=True,
    frozen=True,
    omit_defaults=True,
)
"""The facts of :data:`valuation.ingest.given_facts.GIVEN_FIELDS` in a request; their values are checked there."""


class PackReference(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A request about one pack: exactly one of `trace`, `passport` and `battery_code`, and what completes it."""

    trace: Annotated[Raw, json_of("TraceRecord")] | UnsetType = UNSET
    passport: Annotated[Raw, json_of("BatteryPassport")] | UnsetType = UNSET
    battery_code: CodeText | UnsetType = UNSET
    given: Given | UnsetType = UNSET  # type: ignore[valid-type]  # made of the table


class ValuationRequest(PackReference, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A request to value one pack: exactly one of `trace`, `passport` and `battery_code`, with the terms."""

    as_of: date | None = None
    level: Level = 0.9
    region: Region = "CN"
    market_shift: dict[str, Factor] | None = None
    explain: bool = True
    invoice: Invoice = "general"


class NotInMemory(Exception):
    """A required stored history or model of a day is not in memory; it must be loaded in another thread."""


_ENVELOPE_FIELDS: Final = ("market_shift", "sales")
"""Objects in envelopes that `valuation.ingest` does not decode; repeated keys are checked here."""

Envelope = TypeVar("Envelope", bound=msgspec.Struct)


def read_valuation(service: ValuationService, body: bytes, *, may_wait: bool = True) -> ValuationTask:
    """Return the task of a valuation request; the default valuation day is today.

    Raises
    ------
    CanzhiError
        If the envelope or the record is invalid.
    NotAtHand
        If `may_wait` is false and a stored history or the model of the day must be loaded.
    """
    envelope = decode(ValuationRequest, body)
    terms = RequestTerms(
        as_of=envelope.as_of or today(),
        level=envelope.level,
        region=envelope.region,
        market_shift=envelope.market_shift or {},
        explain=envelope.explain,
        invoice=envelope.invoice,
    )
    if not may_wait and (isinstance(envelope.battery_code, str) or not service.models.in_memory(terms.as_of)):
        raise NotInMemory
    traces = read_pack(service, envelope, terms.as_of)
    return ValuationTask(traces=traces, terms=terms, model=service.models.on(terms.as_of).model)


def decode(kind: type[Envelope], body: bytes) -> Envelope:
    """Return a request body decoded as an envelope.

    Raises
    ------
    UnreadableRecord
        If the body is not JSON, is nested too deep, or repeats a field.
    FieldError
        If a field of the envelope is unknown, missing, of a wrong type or out of bounds.
    """
    refuse_too_deep(body, "the request body")
    try:
        envelope = msgspec.json.decode(body, type=kind)
        refuse_repeated(body, _ENVELOPE_FIELDS)
    except msgspec.ValidationError as reason:
        problem, _, place = str(reason).partition(" - at `$")
        field = place.rstrip("`").lstrip(".") or None
        raise FieldError(
            "request.field" if field else "request.body",
            hint="request.see_openapi",
            field=field,
            name=field,
            reason=problem,
        ) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise UnreadableRecord("request.body_not_json") from None
    return envelope


def read_pack(service: ValuationService, envelope: PackReference, as_of: date) -> Traces:
    """Return the pack of a request, as known on the valuation day.

    Raises
    ------
    FieldError
        If the request does not contain exactly one pack.
    TraceError
        If the record is invalid.
    UnknownPack
        If no history is stored under the code.
    """
    field, content = exactly_one(
        {"trace": envelope.trace, "passport": envelope.passport, "battery_code": envelope.battery_code}
    )
    if field == "battery_code":
        content = service.reported_record(content.decode(), as_of)
    given = None
    facts: Any = envelope.given  # its type is made of the table
    if facts is not UNSET:
        given = read_given(msgspec.structs.asdict(facts), source="request", as_of=as_of)
    if field == "passport":
        return single_pack(read_passport(content, given=given))
    return single_pack(read_trace(content, undated_on=as_of, given=given))


def exactly_one(choices: Mapping[str, Raw | str | UnsetType]) -> tuple[str, bytes]:
    """Return the name and bytes of the one field that is set.

    Raises
    ------
    FieldError
        If none or several are set.
    """
    given = [(name, value) for name, value in choices.items() if not isinstance(value, UnsetType)]
    if len(given) != 1:
        raise FieldError("request.one_of", count=len(given), choices=choices)
    name, value = given[0]
    content = value.encode("utf-8", "replace") if isinstance(value, str) else bytes(value)
    if not isinstance(value, str) and not content.lstrip().startswith(b"{"):
        raise FieldError("request.not_a_json_object", field=name, name=name)
    return name, content


def single_pack(traces: Traces) -> Traces:
    """Return the traces if they contain exactly one pack.

    Raises
    ------
    TraceError
        If the record was rejected, or does not contain exactly one pack.
    """
    if traces.problems:  # a valid pack beside a rejected one is ambiguous
        raise traces.problems[0].error
    if traces.packs == 1:
        return traces
    if not traces.packs:
        raise UnreadableRecord("request.no_pack")
    raise FieldError("request.several_packs", field="trace", packs=traces.packs)
