"""Sales: enter deals that were made; within a second they re-anchor the band, and a model learns from them later."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.dependencies import caller_of, claim_of, counter_of, json_body, json_response, pools_of
from service.reported_sales import enter_sales
from service.schemas import SalesRequest, decode
from service.store.idempotency import Outcome, once


class SalesReport(msgspec.Struct, kw_only=True, frozen=True):
    """How many deals were new, how many were known already, and the head of the ledger after them."""

    sales_added: int
    sales_known: int
    ledger_head: str


async def report(request: Request) -> Response:
    """Enter deals, all or none."""
    body = await json_body(request)
    laid = claim_of(request, body)
    sales = decode(SalesRequest, body).sales
    database, caller = counter_of(request).database, caller_of(request)
    work = enter_sales(sales, caller, spell)
    return json_response(await pools_of(request).store(once, database, laid, work))


def spell(added: int, known: int, ledger_head: str) -> Outcome:
    """Return the answer to sales that were entered."""
    answer = SalesReport(sales_added=added, sales_known=known, ledger_head=ledger_head)
    return Outcome(status=201, body=msgspec.json.encode(answer))


ROUTES = (Route("/v1/sales", report, methods=["POST"]),)
