"""Click options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

FILES = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True, path_type=Path)


def as_of(decorated: Decorated) -> Decorated:
    """Add `--as-of`."""
    return click.option(
        "--as-of",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="DATE",
        help="Valuation day; nothing later has any influence.  [default: today]",
    )(decorated)


def market(decorated: Decorated) -> Decorated:
    """Add `--market`."""
    return click.option(
        "--market",
        type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
        help="Market quotes, CSV or Parquet.  [default: CANZHI_MARKET]",
    )(decorated)


def model(decorated: Decorated) -> Decorated:
    """Add `--model`."""
    return click.option("--model", metavar="NAME", help="Model that values.  [default: CANZHI_MODEL, else champion]")(
        decorated
    )


def as_json(decorated: Decorated) -> Decorated:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each pack.")(
        decorated
    )


def language(decorated: Decorated) -> Decorated:
    """Add `--lang`."""
    choice = click.Choice(["en", "zh"])
    return click.option(
        "--lang", "--language", "language", type=choice, default="en", show_default=True, help="Language of the table."
    )(decorated)
