"""Sales as they are reported (成交上报): checked, judged against the band of the day, entered once, all or none.

A price far outside the band of its own pack is held: it moves nothing until somebody confirms it. Whoever reported
wrongly voids a sale, or reports another one that names it. Every step is an entry of the ledger of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Literal, TypeVar

import msgspec
from sqlalchemy import Connection

from service.clock import today
from service.sales.sale_types import EnteredSale, Sale
from service.sales.states import Correction, Hold, Note, ReportedSale, State, apply_entries
from service.store import ledger, packs, sales
from service.store.ledger import Entry
from valuation.dossier import Dossier
from valuation.errors import FieldError, SaleClosed, UnknownSale
from valuation.ingest.fields.aliases import choice_name
from valuation.ingest.fields.values import FIRST_DAY
from valuation.routes.closed_sales import ClosedSales, find_closed_sales
from valuation.routes.route_choice import ROUTES

Result = TypeVar("Result")
StepKind = Literal["sale_confirmed", "sale_voided"]

_CLOSED_STATES: tuple[State, ...] = ("voided", "corrected")


class SaleReview(msgspec.Struct, frozen=True, kw_only=True):
    """What the band of the day makes of a sale: by which model it was judged, and why it is held, if it is."""

    model: str
    hold: Hold | None = None


class SaleOutcome(msgspec.Struct, kw_only=True, frozen=True):
    """What became of a reported sale; `state` is what it is now, `hold` why it waits to be confirmed."""

    sale_id: str
    outcome: Literal["accepted", "held", "known"]
    state: State
    hold: Hold | None = None


class EnteredReport(msgspec.Struct, kw_only=True, frozen=True):
    """What became of all sales of one report, and the head of the ledger after them."""

    sales: list[SaleOutcome]
    ledger_head: str

    def count(self, outcome: str) -> int:
        """Return how many sales came out so."""
        return sum(one.outcome == outcome for one in self.sales)


def checked_sales(reported: Sequence[Sale]) -> list[EnteredSale]:
    """Return sales as they are entered: checked, each under the one name of its pack, however the code was spelled.

    Raises
    ------
    FieldError
        If a sale names no price, no pack, or a day that cannot be.
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
    """Return the work that enters sales under one transaction and spells what became of them.

    Raises
    ------
    FieldError
        If a sale id is known with another content, or what a sale corrects cannot be corrected; nothing is entered.
    """

    def work(connection: Connection) -> Result:
        ids = {one.sale_id for one in reported} | {one.corrects for one in reported if one.corrects is not None}
        known = known_sales(connection, sorted(ids))
        entries: list[Entry] = []
        outcomes = [_enter(one, reviews.get(one.sale_id), known, entries) for one in reported]
        return render(EnteredReport(sales=outcomes, ledger_head=ledger.append(connection, entries, recorded_by=caller)))

    return work


def known_sales(connection: Connection, sale_ids: Sequence[str]) -> dict[str, ReportedSale]:
    """Return the sales that were reported under some ids, as they are now."""
    known: dict[str, ReportedSale] = {}
    apply_entries(known, sales.entries_about(connection, sale_ids))
    return known


def _enter(
    sale: EnteredSale, reviews: SaleReview | None, known: dict[str, ReportedSale], entries: list[Entry]
) -> SaleOutcome:
    """Add what is entered for one sale, and return what became of it."""
    before = known.get(sale.sale_id)
    if before is not None:
        _check_same_content(sale, before)
        return SaleOutcome(sale_id=sale.sale_id, outcome="known", state=before.state, hold=before.hold)
    if reviews is not None:
        sale = msgspec.structs.replace(sale, judged_by=reviews.model)
    hold = None if reviews is None else reviews.hold
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
    return SaleOutcome(sale_id=sale.sale_id, outcome=state, state=state, hold=hold)


def _check_same_content(sale: EnteredSale, before: ReportedSale) -> None:
    """Refuse another content under a known id; who reports it again, and what a band made of it, is no content."""
    apart = {"judged_by": None, "reporter": None}
    if msgspec.structs.replace(before.sale, **apart) != msgspec.structs.replace(sale, **apart):
        raise FieldError(
            f"sale {sale.sale_id[:64]!r} is already entered with another content",
            hint="give the corrected sale its own sale_id, and the id of the wrong one as corrects",
            field="sale_id",
            value=sale.sale_id,
        )


def _find_corrected(sale: EnteredSale, known: dict[str, ReportedSale]) -> ReportedSale:
    """Return the sale that another one puts right.

    Raises
    ------
    FieldError
        If it was not reported, or counts no more.
    """
    wrong = known.get(str(sale.corrects))
    if wrong is None or wrong.state in _CLOSED_STATES:
        what = "was not reported" if wrong is None else _describe_closed(wrong)
        raise FieldError(
            f"sale {sale.sale_id[:64]!r} corrects {str(sale.corrects)[:64]!r}, which {what}",
            hint="name the sale_id of a sale that counts, or leave corrects out; GET /v1/sales lists them",
            field="corrects",
            value=sale.corrects,
        )
    return wrong


def step_on_sale(sale_id: str, kind: StepKind, note: str | None, caller: str) -> Callable[[Connection], ReportedSale]:
    """Return the work that confirms or voids a sale (确认、作废); what is so already stays so and is not entered again.

    Raises
    ------
    UnknownSale
        If no such sale was reported.
    SaleClosed
        If the sale to be confirmed was voided, or either was put right by another sale.
    """

    def work(connection: Connection) -> ReportedSale:
        sale = find_sale(connection, sale_id)
        if kind == sales.VOIDED and sale.state == "voided":
            return sale
        if sale.state in _CLOSED_STATES:
            raise SaleClosed(
                f"sale {sale_id[:64]!r} {_describe_closed(sale)}",
                hint="report the deal anew under another sale_id",
                field="sale_id",
                value=sale_id,
            )
        if kind == sales.CONFIRMED and sale.state != "held" and not _not_reviewed(sale):
            return sale
        payload = msgspec.json.encode(Note(note=note))
        ledger.append(connection, [Entry(kind=kind, subject=sale_id, payload=payload)], recorded_by=caller)
        return find_sale(connection, sale_id)

    return work


def find_sale(connection: Connection, sale_id: str) -> ReportedSale:
    """Return a reported sale as it is now.

    Raises
    ------
    UnknownSale
        If no such sale was reported.
    """
    found = known_sales(connection, [sale_id]).get(sale_id)
    if found is None:
        raise UnknownSale(
            f"no sale was reported under the id {sale_id[:64]!r}",
            hint="GET /v1/sales lists the sales that were reported",
            field="sale_id",
            value=sale_id,
        )
    return found


def _not_reviewed(sale: ReportedSale) -> bool:
    """Tell whether no band has judged the sale: then a model may hold it later, and it can be confirmed before."""
    return sale.state == "accepted" and sale.sale.judged_by is None


def _describe_closed(sale: ReportedSale) -> str:
    return "was voided" if sale.state == "voided" else f"was corrected by {str(sale.corrected_by)[:64]!r}"


def check_sale(sale: Sale) -> None:
    """Refuse a deal that names no price, a lot's price without its lot, no pack, or a day that cannot be.

    Raises
    ------
    FieldError
        Naming the sale.
    """
    packs.canonical_code(sale.battery_code)
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


def closed_sales(sales: Sequence[Sale], dossier: Dossier) -> ClosedSales:
    """Return which reported sales were made into a route that findings close, or may have been (已关闭途径的成交).

    Parameters
    ----------
    sales : sequence of Sale
        The sales; a route is read in any spelling that a ledger may use.
    dossier : Dossier
        The pack of each sale as it was known on the day of the sale.
    """
    stated = [None if sale.route is None else choice_name(sale.route, "route", ROUTES) for sale in sales]
    return find_closed_sales(dossier.routes, stated)
