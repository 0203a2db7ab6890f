"""Set-up shared by commands: settings with command-line overrides, the opened service, the valuation day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from service.cli import print_message
from service.commands.console import options
from service.quotes import QuotedMarket
from service.settings import Settings
from service.valuation_service import ValuationService, open_valuation_service
from valuation.messages import Message


def settings_with(market: Path | None = None, model: str | None = None) -> Settings:
    """Return the settings of the environment, overridden by command-line options."""
    settings = Settings.from_environment()
    if market is not None:
        settings = replace(settings, market=market)
    if model is not None:
        settings = replace(settings, model=model)
    return settings


@contextmanager
def open_service(settings: Settings) -> Iterator[ValuationService]:
    """Open the service for the duration of a block."""
    service = open_valuation_service(settings)
    try:
        yield service
    finally:
        service.database.close()


def chosen_day(service: ValuationService, as_of: datetime | None) -> date:
    """Return the valuation day (default: today), and warn about synthetic quotes on standard error."""
    warn_synthetic(service.market)
    return options.day_of(as_of)


def warn_synthetic(market: QuotedMarket) -> None:
    """Warn on standard error that the quotes are synthetic and how old they are."""
    if market.synthetic:
        print_message(Message("command.synthetic_quotes", day=market.last_day))
