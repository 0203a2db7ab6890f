"""Types of a reported sale (CONTRACT section 4): over HTTP, from a file, and as stored. Unknown fields are errors."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import Meta

from service.field_types import CodeText, Region, ShortText


class Sale(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """One sale (CONTRACT section 4); a negative price is a gate fee paid by the seller."""

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
    """A sale from a file or the command line, with its reporter; over HTTP the caller is the reporter."""

    reporter: Annotated[str, Meta(min_length=1, max_length=80)] | None = None


class EnteredSale(FiledSale, kw_only=True, forbid_unknown_fields=True, frozen=True):
    """A sale as stored; `judged_by` is the digest of the model whose band reviewed its price."""

    judged_by: str | None = None
