"""What several commands share: the settings with a command's options on top, the counter opened, the day chosen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from service.settings import Settings

if TYPE_CHECKING:
    from service.quotes import QuotedMarket
    from service.valuation_service import ValuationService

_OWN_QUOTES = "name your own with --market or CANZHI_MARKET, or keep them as market.csv in CANZHI_HOME"


def settings_with(market: Path | None = None, model: str | None = None) -> Settings:
    """Return the settings of the environment, overruled by what the command line names."""
    settings = Settings.from_environment()
    if market is not None:
        settings = replace(settings, market=market)
    if model is not None:
        settings = replace(settings, model=model)
    return settings


@contextmanager
def open_service(settings: Settings) -> Iterator[ValuationService]:
    """Open the counter for as long as the block runs."""
    from service.valuation_service import open_valuation_service  # noqa: PLC0415 - --help must not import the work

    service = open_valuation_service(settings)
    try:
        yield service
    finally:
        service.database.close()


def chosen_day(service: ValuationService, as_of: datetime | None) -> date:
    """Return the valuation day (today unless one is named), and warn on standard error about synthetic quotes."""
    warn_synthetic(service.market)
    return day_of(as_of)


def day_of(as_of: datetime | None) -> date:
    """Return the valuation day of a command: the one named, else today."""
    from service.clock import today  # noqa: PLC0415 - --help must not import the work

    return as_of.date() if as_of else today()


def warn_synthetic(market: QuotedMarket) -> None:
    """Say on standard error that the quotes are synthetic, how old they are, and how to give others."""
    from service.cli import print_message  # noqa: PLC0415 - the command line imports the commands, not the other way round

    if market.synthetic:
        print_message(f"the quotes are synthetic and end on {market.last_day}; {_OWN_QUOTES}")
