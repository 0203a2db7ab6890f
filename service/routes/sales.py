"""Sales: enter deals that were made; they are what a model learns from and what re-anchors the band."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from service.dependencies import caller_of, claim_of, counter_of, json_body, json_response, pools_of
from service.schemas import Sale, SalesRequest, decode
from service.store import packs
from service.store.idempotency import Outcome, once
from valuation.errors import FieldError

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
    content = [(sale.sale_id, msgspec.json.encode(sale)) for sale in sales]
    database, caller = counter_of(request).database, caller_of(request)

    def work(connection: Connection) -> Outcome:
        added, head = packs.enter_sales(connection, content, recorded_by=caller)
        answer = SalesReport(sales_added=added, sales_known=len(content) - added, ledger_head=head)
        return Outcome(status=201, body=msgspec.json.encode(answer))

    return json_response(await pools_of(request).store(once, database, laid, work))


def check_sale(sale: Sale) -> None:
    """Refuse a deal that names no price, or a lot's price without its lot.

    Raises
    ------
    FieldError
        Naming the sale.
    """
    if sale.price_cny is None and (sale.lot_price_cny is None or sale.lot_id is None):
        raise FieldError(
            f"sale {sale.sale_id[:64]!r} names no price",
            hint="give price_cny, or lot_price_cny together with lot_id",
            field="price_cny",
        )
