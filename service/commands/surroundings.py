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
    from service.counter import Counter

_SYNTHETIC = "the quotes are synthetic; name your own with --market or CANZHI_MARKET"


def settings_with(market: Path | None = None, model: str | None = None) -> Settings:
    """Return the settings of the environment, overruled by what the command line names."""
    settings = Settings.from_environment()
    if market is not None:
        settings = replace(settings, market=market)
    if model is not None:
        settings = replace(settings, model=model)
    return settings


@contextmanager
def opened(settings: Settings) -> Iterator[Counter]:
    """Open the counter for as long as the block runs."""
    from service.counter import open_counter  # noqa: PLC0415 - --help must not import the work

    counter = open_counter(settings)
    try:
        yield counter
    finally:
        counter.database.close()


def chosen_day(counter: Counter, as_of: datetime | None) -> date:
    """Return the valuation day, and say on standard error where it or the quotes are not the person's own."""
    from service.cli import say  # noqa: PLC0415 - the command line imports the commands, not the other way round

    if counter.market.synthetic:
        day = "" if as_of else f"; valued as of their last day, {counter.market.last_day}"
        say(_SYNTHETIC + day)
    return as_of.date() if as_of else counter.default_day()
