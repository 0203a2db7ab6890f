"""Records reported sales (成交上报) in the ledger, all or none, and confirms or voids them.

A sale with a price far outside the band of its pack is held: it does not affect the model until it is confirmed. A
wrong sale is voided, or corrected by another sale that names it. Each step is an entry of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal, TypeVar

import msgspec
from sqlalchemy import Connection

from service.clock import today
from service.sales.sale_types import EnteredSale, Sale
from service.sales.states import COUNTS, Correction, Hold, Note, ReportedSale, State, apply_entries
from service.store import ledger, packs, sales
from service.store.ledger import Entry
from valuation.dossier import Dossier
from valuation.errors import FieldError, SaleClosed, UnknownSale
from valuation.ingest.fields.aliases import choice_name
from valuation.ingest.fields.days import FIRST_DAY
from valuation.messages import Message
from valuation.routes.closed_sales import ClosedSales, find_closed_sales
from valuation.routes.route_choice import ROUTES

Result = TypeVar("Result")
StepKind = Literal["sale_confirmed", "sale_voided"]

_CLOSED_STATES: tuple[State, ...] = ("voided", "corrected")


class SaleReview(msgspec.Struct, frozen=True, kw_only=True):
    """Review of a sale by a model, with the reason for a hold, if any; or why it does not recentre the model yet.

    ``unused`` is the message id of the reason.
    """

    model: str | None = None
    hold: Hold | None = None
    unused: str = ""


class SaleOutcome(msgspec.Struct, kw_only=True, frozen=True):
    """Result for one reported sale: its present state, the reason if it is held, and that if it is not used yet."""

    sale_id: str
    outcome: Literal["accepted", "held", "known"]
    state: State
    hold: Hold | None = None
    unused: str = ""


class EnteredReport(msgspec.Struct, kw_only=True, frozen=True):
    """Results for all sales of one report, and the newest hash of the ledger."""

    sales: list[SaleOutcome]
    ledger_head: str

    def count(self, outcome: str) -> int:
        """Return the number of sales with an outcome."""
        return sum(one.outcome == outcome for one in self.sales)


def checked_sales(reported: Sequence[Sale]) -> list[EnteredSale]:
    """Return validated sales, each with the canonical code of its pack.

    Raises
    ------
    FieldError
        If a sale has no price, no valid battery code, or an impossible day.
    """
    for sale in reported:
        check_sale(sale)
    return [
        EnteredSale(**(msgspec.structs.asdict(sale) | {"battery_code": packs.canonical_code(sale.battery_code)}))
        for sale in reported
    ]


def enter_sales(
    reported: Sequence[EnteredSale],
    reviews: dict[str, SaleReview],
    caller: str,
    render: Callable[[EnteredReport], Result],
) -> Callable[[Connection], Result]:
    """Return the database work that records sales and renders the results.

    Raises
    ------
    FieldError
        If a known sale has other content, or a correction is not possible; nothing is recorded.
    """

    def work(connection: Connection) -> Result:
        ids = {one.sale_id for one in reported} | {one.corrects for one in reported if one.corrects is not None}
        known = known_sales(connection, sorted(ids))
        entries: list[Entry] = []
        outcomes = [_enter(one, reviews[one.sale_id], known, entries) for one in reported]
        return render(EnteredReport(sales=outcomes, ledger_head=ledger.append(connection, entries, recorded_by=caller)))

    return work


def known_sales(connection: Connection, sale_ids: Sequence[str]) -> dict[str, ReportedSale]:
    """Return the reported sales with these ids, in their present state."""
    known: dict[str, ReportedSale] = {}
    apply_entries(known, sales.entries_about(connection, sale_ids))
    return known


def _enter(sale: EnteredSale, review: SaleReview, known: dict[str, ReportedSale], entries: list[Entry]) -> SaleOutcome:
    """Append the ledger entries of one sale, and return its result."""
    before = known.get(sale.sale_id)
    if before is not None:
        _check_same_content(sale, before)
        unused = review.unused if before.state in COUNTS else ""
        return SaleOutcome(sale_id=sale.sale_id, outcome="known", state=before.state, hold=before.hold, unused=unused)
    sale, hold = msgspec.structs.replace(sale, judged_by=review.model), review.hold
    state: Literal["accepted", "held"] = "accepted" if hold is None else "held"
    entries.append(Entry(kind=sales.SALE, subject=sale.sale_id, payload=msgspec.json.encode(sale)))
    if hold is not None:
        entries.append(Entry(kind=sales.HELD, subject=sale.sale_id, payload=msgspec.json.encode(hold)))
    if sale.corrects is not None:
        corrected = _find_corrected(sale, known)
        payload = msgspec.json.encode(Correction(corrected_by=sale.sale_id))
        entries.append(Entry(kind=sales.CORRECTED, subject=sale.corrects, payload=payload))
        corrected.state, corrected.corrected_by = "corrected", sale.sale_id
    known[sale.sale_id] = ReportedSale(sequence=0, sale=sale, recorded_at="", reporter="", state=state, hold=hold)
    return SaleOutcome(sale_id=sale.sale_id, outcome=state, state=state, hold=hold, unused=review.unused)


def _check_same_content(sale: EnteredSale, before: ReportedSale) -> None:
    """Refuse a known sale id with other content; reporter and review may differ."""
    apart = {"judged_by": None, "reporter": None}
    if msgspec.structs.replace(before.sale, **apart) != msgspec.structs.replace(sale, **apart):
        raise FieldError("sale.other_content", field="sale_id", value=sale.sale_id, sale=sale.sale_id[:64])


def _find_corrected(sale: EnteredSale, known: dict[str, ReportedSale]) -> ReportedSale:
    """Return the sale that another sale corrects.

    Raises
    ------
    FieldError
        If it is unknown, voided or already corrected.
    """
    wrong = known.get(str(sale.corrects))
    if wrong is None or wrong.state in _CLOSED_STATES:
        what = Message("sale.was_unknown") if wrong is None else _describe_closed(wrong)
        raise FieldError(
            "sale.corrects",
            field="corrects",
            value=sale.corrects,
            sale=sale.sale_id[:64],
            corrected=str(sale.corrects)[:64],
            what=what,
        )
    return wrong


def step_on_sale(sale_id: str, kind: StepKind, note: str | None, caller: str) -> Callable[[Connection], ReportedSale]:
    """Return the database work that confirms or voids a sale (确认、作废); repeating it has no effect.

    Raises
    ------
    UnknownSale
        If the sale is unknown.
    SaleClosed
        If a voided sale is to be confirmed, or the sale was corrected.
    """

    def work(connection: Connection) -> ReportedSale:
        sale = find_sale(connection, sale_id)
        if kind == sales.VOIDED and sale.state == "voided":
            return sale
        if sale.state in _CLOSED_STATES:
            raise SaleClosed(
                "sale.closed", field="sale_id", value=sale_id, sale=sale_id[:64], what=_describe_closed(sale)
            )
        if kind == sales.CONFIRMED and sale.state != "held" and not _not_reviewed(sale):
            return sale
        payload = msgspec.json.encode(Note(note=note))
        ledger.append(connection, [Entry(kind=kind, subject=sale_id, payload=payload)], recorded_by=caller)
        return find_sale(connection, sale_id)

    return work


def find_sale(connection: Connection, sale_id: str) -> ReportedSale:
    """Return a reported sale in its present state.

    Raises
    ------
    UnknownSale
        If the sale is unknown.
    """
    found = known_sales(connection, [sale_id]).get(sale_id)
    if found is None:
        raise UnknownSale("sale.unknown", field="sale_id", value=sale_id, sale=sale_id[:64])
    return found


def _not_reviewed(sale: ReportedSale) -> bool:
    """Return whether the sale was accepted without a review; it may be held later, and can be confirmed now."""
    return sale.state == "accepted" and sale.sale.judged_by is None


def _describe_closed(sale: ReportedSale) -> Message:
    if sale.state == "voided":
        return Message("sale.was_voided")
    return Message("sale.was_corrected", other=str(sale.corrected_by)[:64])


def check_sale(sale: Sale) -> None:
    """Refuse a sale without a price, with a lot price but no lot, without a pack, or with an impossible day.

    Raises
    ------
    FieldError
        If a field is invalid; the message names the sale.
    """
    packs.canonical_code(sale.battery_code)
    if not FIRST_DAY <= sale.sold_on <= today() + timedelta(days=1):
        raise FieldError(
            "sale.day", field="sold_on", value=sale.sold_on.isoformat(), sale=sale.sale_id[:64], day=sale.sold_on
        )
    if sale.price_cny is None and (sale.lot_price_cny is None or sale.lot_id is None):
        raise FieldError("sale.no_price", field="price_cny", sale=sale.sale_id[:64])


def closed_sales(sales: Sequence[Sale], dossier: Dossier) -> ClosedSales:
    """Return which sales went into a route that findings close, certainly or possibly (已关闭途径的成交).

    Parameters
    ----------
    sales : sequence of Sale
        The sales; their route may have any accepted spelling.
    dossier : Dossier
        The pack of each sale as known on the day of the sale.
    """
    stated = [None if sale.route is None else choice_name(sale.route, "route", ROUTES) for sale in sales]
    return find_closed_sales(dossier.routes, stated)
