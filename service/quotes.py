"""Which quotes the counter uses: those asked for, those of the home folder, or the synthetic ones (演示行情)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np

from service.settings import Settings
from valuation.errors import UnreadableQuotes
from valuation.ingest import read_market
from valuation.market.snapshot import MarketHistory
from valuation.record.to_columns import calendar_day, day_number

_IN_PACKAGE = Path(__file__).with_name("demonstration_quotes.csv")
_IN_CHECKOUT = Path(__file__).resolve().parents[1] / "data_samples" / "quotes.csv"


def bundled_quotes() -> Path:
    """Return the synthetic quotes that come along, so that a first valuation needs no data.

    The wheel carries the checkout's file of samples inside the package (see `force-include` in pyproject.toml).
    """
    return _IN_PACKAGE if _IN_PACKAGE.exists() else _IN_CHECKOUT


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotedMarket:
    """The market with the bytes it was read from, so that a valuation can be worked out again."""

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
        """Return what the quotes made on a day or before come to."""
        return quotes_by_day(self.history, day_number(day))

    @property
    def last_day(self) -> date:
        """Day of the newest quote."""
        day = calendar_day(self.history.last_day)
        if day is None:
            raise UnreadableQuotes(
                f"the quotes {self.source} hold no quote", hint="give a CSV or Parquet file with at least one quote"
            )
        return day


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotesByDay:
    """The quotes made by a day: their hash, and from which day on every price among them is quoted.

    Quotes that are added to a file later for later days change neither.
    """

    digest: str
    complete_from: float


def quotes_by_day(history: MarketHistory, day: float) -> QuotesByDay:
    """Return what the quotes made on a day or before come to. The day is counted from 1970-01-01."""
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
    """Read the quotes: `CANZHI_MARKET`, else `market.csv` in the home folder, else the bundled synthetic ones.

    Raises
    ------
    UnreadableQuotes
        If the file cannot be read or holds no quotes.
    """
    own = settings.home / "market.csv"
    path = settings.market or (own if own.exists() else None)
    if path is None:
        path = bundled_quotes()
    content = _read(path)
    return QuotedMarket(history=read_market(content), content=content, source=str(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as reason:
        raise UnreadableQuotes(
            f"the quotes {path} cannot be read: {reason.strerror}",
            hint="name a CSV or Parquet file of quotes with --market or CANZHI_MARKET",
        ) from reason
