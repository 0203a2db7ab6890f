"""Sales: enter deals that were made; they are what a model learns from and what re-anchors the band."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from service.clock import today
from service.dependencies import caller_of, claim_of, counter_of, json_body, json_response, pools_of
from service.schemas import Sale, SalesRequest, decode
from service.store import packs
from service.store.idempotency import Outcome, once
from valuation.errors import FieldError
from valuation.intake.values import FIRST_DAY

router = APIRouter(prefix="/v1/sales")


class SalesReport(msgspec.Struct, kw_only=True, frozen=True):
    """How many deals were new, how many were known already, and the head of the ledger after them."""

    sales_added: int
    sales_known: int
    ledger_head: str


@router.post("")
async def report(request: Request) -> Response:
    """Enter deals, all or none."""
    body = await json_body(request)
    laid = claim_of(request, body)
    sales = decode(SalesRequest, body).sales
    for sale in sales:
        check_sale(sale)
    content = [(sale.sale_id, _entered(sale)) for sale in sales]
    database, caller = counter_of(request).database, caller_of(request)

    def work(connection: Connection) -> Outcome:
        added, head = packs.enter_sales(connection, content, recorded_by=caller)
        answer = SalesReport(sales_added=added, sales_known=len(content) - added, ledger_head=head)
        return Outcome(status=201, body=msgspec.json.encode(answer))

    return json_response(await pools_of(request).store(once, database, laid, work))


def _entered(sale: Sale) -> bytes:
    """Return a deal as it is entered: under the one name of its pack, however the code was spelled."""
    return msgspec.json.encode(msgspec.structs.replace(sale, battery_code=packs.name_of(sale.battery_code)))


def check_sale(sale: Sale) -> None:
    """Refuse a deal that names no price, a lot's price without its lot, no pack, or a day that cannot be.

    Raises
    ------
    FieldError
        Naming the sale.
    """
    packs.name_of(sale.battery_code)
    if not FIRST_DAY <= sale.sold_on <= today() + timedelta(days=1):
        raise FieldError(
            f"sale {sale.sale_id[:64]!r} is of {sale.sold_on.isoformat()}, a day on which it cannot have been made",
            hint="give the day of the deal as YYYY-MM-DD; a deal is reported once it was made",
            field="sold_on",
            value=sale.sold_on.isoformat(),
        )
    if sale.price_cny is None and (sale.lot_price_cny is None or sale.lot_id is None):
        raise FieldError(
            f"sale {sale.sale_id[:64]!r} names no price",
            hint="give price_cny, or lot_price_cny together with lot_id",
            field="price_cny",
        )
