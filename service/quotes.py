"""Opens the quotes of the service: from the settings, the home folder, or the bundled synthetic ones (演示行情)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from service.settings import Settings
from service.vehicles import install_catalogue, kept_catalogue
from valuation.errors import UnreadableQuotes
from valuation.ingest import read_market
from valuation.market.snapshot import MarketHistory
from valuation.record.to_columns import calendar_day, day_number

_IN_PACKAGE = Path(__file__).with_name("demonstration_quotes.csv")
_IN_CHECKOUT = Path(__file__).resolve().parents[1] / "data_samples" / "quotes.csv"


def bundled_quotes() -> Path:
    """Return the path of the bundled synthetic quotes.

    The wheel contains the file of the checkout inside the package (see `force-include` in pyproject.toml).
    """
    return _IN_PACKAGE if _IN_PACKAGE.exists() else _IN_CHECKOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedMarket:
    """Quotes with the bytes they were read from, for reproduction."""

    history: MarketHistory
    content: bytes
    source: str

    @property
    def synthetic(self) -> bool:
        """Whether all quotes are synthetic."""
        return self.history.synthetic

    @property
    def digest(self) -> str:
        """Hash of the quotes."""
        return self.history.digest

    def until(self, day: date) -> QuotesByDay:
        """Return hash and completeness of the quotes up to a day."""
        return quotes_by_day(self.history, day_number(day))

    @property
    def last_day(self) -> date:
        """Day of the newest quote."""
        day = calendar_day(self.history.last_day)
        if day is None:
            raise UnreadableQuotes("setting.no_quotes", name=self.source)
        return day


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotesByDay:
    """Hash of the quotes up to a day, and the first day on which all instruments are quoted.

    Later quotes change neither.
    """

    digest: str
    complete_from: float


def quotes_by_day(history: MarketHistory, day: float) -> QuotesByDay:
    """Return hash and completeness of the quotes up to a day. [days since 1970-01-01]"""
    hashed, series = hashlib.sha256(), {}
    for name, regions in sorted(history.series.items()):
        made = {}
        for region, (days, prices) in sorted(regions.items()):
            count = int(np.searchsorted(days, day, side="right"))
            if count:
                made[region] = days[:count], prices[:count]
                hashed.update(f"{name}\0{region}\0{count}\0".encode())
                hashed.update(days[:count].tobytes() + prices[:count].tobytes())
        series[name] = made
    by_day = replace(history, series=series)
    return QuotesByDay(digest="sha256:" + hashed.hexdigest(), complete_from=by_day.complete_from)


def open_market(settings: Settings) -> QuotedMarket:
    """Read the quotes from `CANZHI_MARKET`, else `market.csv` in the home folder, else the bundled ones.

    The imported catalogue of vehicles of that folder is used from here on.

    Raises
    ------
    UnreadableQuotes
        If the file cannot be read or contains no quotes.
    """
    own = settings.home / "market.csv"
    path = settings.market or (own if own.exists() else None)
    if path is None:
        path = bundled_quotes()
    content = _read(path)
    install_catalogue(kept_catalogue(settings.home))
    return QuotedMarket(history=read_market(content), content=content, source=str(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as reason:
        raise UnreadableQuotes("setting.quotes_unreadable", path=path, reason=reason.strerror) from reason
