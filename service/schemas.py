"""What the HTTP door takes: request envelopes, decoded strictly; an unknown field of an envelope is an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, UnsetType

from service.problems import Refusal
from valuation.errors import FieldError, UnreadableRecord
from valuation.ingest.decode_bytes import refuse_repeated, refuse_too_deep

Level = Annotated[float, Meta(ge=0.5, le=0.99, description="Share of deals the band is to hold.")]
Region = Annotated[str, Meta(min_length=2, max_length=16, description="Region whose quotes are preferred.")]
Factor = Annotated[float, Meta(gt=0.0, le=100.0)]
CodeText = Annotated[str, Meta(min_length=1, max_length=64, description="Battery code (GB/T 34014).")]
ShortText = Annotated[str, Meta(min_length=1, max_length=128)]


class ValuationRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One pack to be valued: exactly one of `trace`, `passport` and `battery_code`, and what is asked of it."""

    trace: Raw | UnsetType = UNSET
    passport: Raw | UnsetType = UNSET
    battery_code: CodeText | UnsetType = UNSET
    as_of: date | None = None
    level: Level = 0.9
    region: Region = "CN"
    market_shift: dict[str, Factor] | None = None
    explain: bool = True


class BatchRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Packs to be valued, each as if it had come alone."""

    items: Annotated[list[Raw], Meta(min_length=1)]


class CheckRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One pack whose history is to be examined: exactly one of `trace`, `passport` and `battery_code`."""

    trace: Raw | UnsetType = UNSET
    passport: Raw | UnsetType = UNSET
    battery_code: CodeText | UnsetType = UNSET
    as_of: date | None = None


class EventsRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """What is reported about one pack: its nameplate fields, events, or both."""

    pack: Raw | UnsetType = UNSET
    events: Annotated[list[Raw], Meta(max_length=10_000)] = []


class Sale(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One deal that was made (CONTRACT section 4); a negative price is a gate fee that the seller paid."""

    sale_id: ShortText
    battery_code: CodeText
    sold_on: date
    vat_included: bool
    price_cny: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    region: Region = "CN"
    buyer_kind: ShortText | None = None
    seller_kind: ShortText | None = None
    lot_id: ShortText | None = None
    lot_price_cny: Annotated[float, Meta(ge=-1e10, le=1e10)] | None = None
    route: ShortText | None = None
    corrects: Annotated[ShortText, Meta(description="Id of the sale that this one puts right.")] | None = None


class FiledSale(Sale, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A deal as a file or the command line reports it, where `reporter` names who did; over HTTP the caller did."""

    reporter: Annotated[str, Meta(min_length=1, max_length=80)] | None = None


class EnteredSale(FiledSale, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A deal as it is entered: `judged_by` names the model against whose band its price was held that day."""

    judged_by: str | None = None


class StepRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Why a sale is confirmed or voided; it is kept with who said so and when."""

    note: ShortText | None = None


class SalesRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """Deals to be entered, all or none."""

    sales: Annotated[list[Sale], Meta(min_length=1, max_length=10_000)]


_EXAMINED_HERE = ("market_shift", "sales")
"""What of an envelope the porch never sees: there too, a field that is given twice is an error."""

Envelope = TypeVar("Envelope", bound=msgspec.Struct)


def decode(kind: type[Envelope], body: bytes) -> Envelope:
    """Return a request body as its envelope.

    Raises
    ------
    UnreadableRecord
        If the body is no JSON, is nested too deep, or gives a field twice.
    FieldError
        If a field of the envelope is unknown, missing, of a wrong type or out of bounds.
    """
    refuse_too_deep(body, "the request body")
    try:
        asked = msgspec.json.decode(body, type=kind)
        refuse_repeated(body, _EXAMINED_HERE)
    except msgspec.ValidationError as reason:
        problem, _, place = str(reason).partition(" - at `$")
        field = place.rstrip("`").lstrip(".") or None
        raise FieldError(
            f"the request {f'field {field}' if field else 'body'} is refused: {problem}",
            hint="/openapi.json lists the fields of every request with their types and bounds",
            field=field,
        ) from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise UnreadableRecord(
            "the request body is no JSON", hint="send one JSON object in UTF-8, as /openapi.json describes it"
        ) from None
    return asked


def the_one(choices: Mapping[str, Raw | str | UnsetType]) -> tuple[str, bytes]:
    """Return which of several ways of naming a pack was used, and its bytes.

    Raises
    ------
    FieldError
        If none or more than one was used.
    """
    given = [(name, value) for name, value in choices.items() if not isinstance(value, UnsetType)]
    if len(given) != 1:
        raise FieldError(
            f"the request names {len(given)} of {', '.join(choices)}; it must name exactly one",
            hint='for example {"trace": {"battery_code": "…"}}',
        )
    name, value = given[0]
    content = value.encode("utf-8", "replace") if isinstance(value, str) else bytes(value)
    if not isinstance(value, str) and not content.lstrip().startswith(b"{"):
        raise FieldError(f"{name} is not a JSON object", hint="send one object with named fields", field=name)
    return name, content


def within_limit(items: int, limit: int) -> None:
    """Refuse a batch that holds more packs than are taken at once.

    Raises
    ------
    Refusal
        With status 413.
    """
    if items > limit:
        raise Refusal(
            413,
            "batch-too-large",
            f"the batch holds {items} packs, more than the {limit} that are taken at once",
            hint=f"send {limit} at a time, or use canzhi score for whole fleets",
        )
