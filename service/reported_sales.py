"""Sales as they are reported (成交上报): checked like the ledger's, entered once, all or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from service.clock import today
from service.schemas import Sale
from service.store import packs
from valuation.dossier import Dossier
from valuation.errors import FieldError
from valuation.intake.aliases import choice_name
from valuation.intake.values import FIRST_DAY
from valuation.pathways.closed_sales import ClosedSales, find_closed_sales
from valuation.pathways.weighing import ROUTES

Said = TypeVar("Said")


def enter_sales(
    sales: Sequence[Sale], caller: str, spell: Callable[[int, int, str], Said]
) -> Callable[[Connection], Said]:
    """Return the work that enters sales: it is told how many were new, how many known, and the ledger's head.

    Raises
    ------
    FieldError
        If a sale names no price, no pack, or a day that cannot be; nothing is entered then.
    """
    for sale in sales:
        check_sale(sale)
    content = [(sale.sale_id, _entered(sale)) for sale in sales]

    def work(connection: Connection) -> Said:
        added, head = packs.enter_sales(connection, content, recorded_by=caller)
        return spell(added, len(content) - added, head)

    return work


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
