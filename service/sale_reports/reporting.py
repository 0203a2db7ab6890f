"""API answers about reported sales (成交答复): reporting, confirming, voiding and listing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal, get_args
from urllib.parse import quote

import msgspec

from service.sale_reports.review import review_sales
from service.sales.record_sales import (
    EnteredReport,
    SaleOutcome,
    StepKind,
    checked_sales,
    enter_sales,
    known_sales,
    step_on_sale,
)
from service.sales.sale_types import FiledSale, Sale
from service.sales.states import Hold, ReportedSale, State, Step
from service.store import sales
from service.store.idempotency import IdempotencyKey, Outcome, run_once
from service.valuation_service import ValuationService
from valuation.errors import FieldError
from valuation.messages import Message, both

MAX_PAGE: Final = 1000
_STATES: Final = get_args(State)


class HoldAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """Why a sale is held, and what to do; amounts are CNY for the pack without VAT.

    The band is that of the pack on the day of its sale, by the model in service when the sale was reported.
    """

    price_cny: float
    lower_cny: float
    upper_cny: float
    level: float
    message_en: str
    message_zh: str
    hint_en: str
    hint_zh: str


class UnusedAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """Why an accepted sale does not affect values, or not yet."""

    message_id: str
    message_en: str
    message_zh: str


class ReportedAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """Result for one reported sale, with its present state.

    A held sale does not affect values, nor does an accepted sale with `unused`, for the reason given there.
    """

    sale_id: str
    outcome: Literal["accepted", "held", "known"]
    state: State
    held: HoldAnswer | None = None
    unused: UnusedAnswer | None = None


class SalesReport(msgspec.Struct, kw_only=True, frozen=True):
    """Number of new, held and already known sales, and the result for each.

    `ledger_head` is the newest hash of the ledger.
    """

    sales_added: int
    sales_held: int
    sales_known: int
    ledger_head: str
    sales: list[ReportedAnswer]


class SaleAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """A reported sale with its reporter, its present state and its history of steps."""

    sale_id: str
    battery_code: str
    sold_on: date
    vat_included: bool
    price_cny: float | None
    lot_id: str | None
    lot_price_cny: float | None
    region: str
    route: str | None
    reporter: str
    recorded_at: str
    state: State
    held: HoldAnswer | None
    corrects: str | None
    corrected_by: str | None
    steps: list[Step]


class SalesPage(msgspec.Struct, kw_only=True, frozen=True):
    """Reported sales in order of reporting; `next_after` is the cursor of the next page, null at the end."""

    sales: list[SaleAnswer]
    next_after: int | None


def report_sales(
    service: ValuationService, reported: Sequence[Sale], caller: str, request_key: IdempotencyKey | None
) -> Outcome:
    """Review and record sales, all or none, and return the answer.

    Raises
    ------
    FieldError
        If a sale is invalid.
    """
    wanted = checked_sales(reported)
    work = enter_sales(wanted, review_sales(service, wanted), caller, _entered)
    return run_once(service.database, request_key, work)


def enter_filed_sales(service: ValuationService, reported: Sequence[FiledSale], caller: str) -> EnteredReport:
    """Review and record sales from a file, all or none, and return the results.

    Raises
    ------
    FieldError
        If a sale is invalid.
    """
    wanted = checked_sales(reported)
    reviews = review_sales(service, wanted)
    with service.database.writing() as connection:
        return enter_sales(wanted, reviews, caller, lambda entered: entered)(connection)


def change_state(
    service: ValuationService,
    sale_id: str,
    kind: StepKind,
    said: tuple[str | None, str],
    request_key: IdempotencyKey | None,
) -> Outcome:
    """Confirm or void a sale and return its new state; ``said`` is the note and the caller.

    Raises
    ------
    UnknownSale, SaleClosed
        If the sale is unknown, or is already voided or corrected.
    """
    work = step_on_sale(sale_id, kind, *said)
    return run_once(
        service.database,
        request_key,
        lambda connection: Outcome(status=200, body=msgspec.json.encode(_answer(work(connection), frozenset()))),
    )


def list_sales(service: ValuationService, after: int, limit: int, state: str | None) -> SalesPage:
    """Return up to `limit` reported sales after a cursor, optionally of one state.

    Raises
    ------
    FieldError
        If the state is unknown.
    """
    if state is not None and state not in _STATES:
        raise FieldError("sale.state", field="state", state=state[:40], choices=_STATES)
    unconfirmed = _unconfirmed(service)
    found: list[SaleAnswer] = []
    with service.database.reading() as connection:
        while True:
            page = sales.ids_after(connection, after, MAX_PAGE)
            known = known_sales(connection, [sale_id for _, sale_id in page])
            for number, sale_id in page:
                answer = _answer(known[sale_id], unconfirmed)
                if state is None or answer.state == state:
                    if len(found) == limit:
                        return SalesPage(sales=found, next_after=after)
                    found.append(answer)
                after = number
            if len(page) < MAX_PAGE:
                return SalesPage(sales=found, next_after=None)


def hold_answer(hold: Hold, sale_id: str) -> HoldAnswer:
    """Return why a sale is held and what to do, in English and Chinese."""
    why = hold_reason(hold)
    hint = both("sale.held.hint", address=f"/v1/sales/{quote(sale_id, safe='')}")
    return HoldAnswer(
        price_cny=hold.price_cny,
        lower_cny=hold.lower_cny,
        upper_cny=hold.upper_cny,
        level=hold.level,
        message_en=str(why),
        message_zh=why.in_language("zh"),
        hint_en=hint.en,
        hint_zh=hint.zh,
    )


def hold_reason(hold: Hold) -> Message:
    """Return why a sale is held."""
    return Message("sale.held", price_cny=hold.price_cny, lower_cny=hold.lower_cny, upper_cny=hold.upper_cny)


def _entered(entered: EnteredReport) -> Outcome:
    report = SalesReport(
        sales_added=len(entered.sales) - entered.count("known"),
        sales_held=entered.count("held"),
        sales_known=entered.count("known"),
        ledger_head=entered.ledger_head,
        sales=[_outcome(one) for one in entered.sales],
    )
    return Outcome(status=201, body=msgspec.json.encode(report))


def _outcome(one: SaleOutcome) -> ReportedAnswer:
    held = hold_answer(one.hold, one.sale_id) if one.hold is not None and one.state == "held" else None
    return ReportedAnswer(
        sale_id=one.sale_id, outcome=one.outcome, state=one.state, held=held, unused=_unused(one.unused)
    )


def _unused(reason: str) -> UnusedAnswer | None:
    """Return the reason of a message id in both languages, None without one."""
    if not reason:
        return None
    wording = both(reason)
    return UnusedAnswer(message_id=reason, message_en=wording.en, message_zh=wording.zh)


def _unconfirmed(service: ValuationService) -> frozenset[str]:
    """Return the ids of sales that are held by today's model although they were accepted when reported."""
    summary = service.models.current.summary
    return frozenset() if summary is None else frozenset(summary.unconfirmed)


def _answer(one: ReportedSale, unconfirmed: frozenset[str]) -> SaleAnswer:
    sale = one.sale
    waits = one.state == "accepted" and sale.sale_id in unconfirmed
    return SaleAnswer(
        sale_id=sale.sale_id,
        battery_code=sale.battery_code,
        sold_on=sale.sold_on,
        vat_included=sale.vat_included,
        price_cny=sale.price_cny,
        lot_id=sale.lot_id,
        lot_price_cny=sale.lot_price_cny,
        region=sale.region,
        route=sale.route,
        reporter=one.reporter,
        recorded_at=one.recorded_at,
        state="held" if waits else one.state,
        held=hold_answer(one.hold, sale.sale_id) if one.hold is not None and one.state == "held" else None,
        corrects=sale.corrects,
        corrected_by=one.corrected_by,
        steps=one.steps,
    )
