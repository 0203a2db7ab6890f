"""The terms of a valuation (评估条件): day, confidence level, region, scenario, explanation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from valuation.errors import FieldError
from valuation.market.invoice import Invoice

_NO_SHIFT: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuationTerms:
    """The terms on which packs are valued (评估条件).

    Attributes
    ----------
    as_of : date
        The valuation day (评估基准日). Nothing that happened or was reported later has any influence.
    level : float
        Confidence level: the share of deals that the band should contain.
    region : str
        Region whose quotes are preferred.
    market_shift : mapping of instrument to factor
        A scenario that multiplies quotes.
    explain : bool
        Whether answers contain the drivers and the next best evidence.
    invoice : str
        The seller's invoice (:mod:`valuation.market.invoice`), which decides what a buyer pays in cash.
    """

    as_of: date
    level: float = 0.9
    region: str = "CN"
    market_shift: Mapping[str, float] = field(default_factory=lambda: _NO_SHIFT)
    explain: bool = True
    invoice: Invoice = "general"


def valuation_day(as_of: date | str) -> date:
    """Return the valuation day (评估基准日).

    Raises
    ------
    FieldError
        If the text is not an ISO date.

    >>> valuation_day("2026-11-20")
    datetime.date(2026, 11, 20)
    """
    if isinstance(as_of, date):
        return as_of
    try:
        return date.fromisoformat(as_of)
    except ValueError as error:
        raise FieldError("market.as_of", field="as_of", value=as_of) from error
