"""Click options shared by several commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from models.language import command_language
from service.clock import today

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

FILES = click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True, path_type=Path)


GIVEN = {
    "battery_code": "Battery code on the label.",
    "chemistry": "Cell chemistry: LFP, NMC622, 三元 …",
    "rated_energy_kwh": "Rated energy on the nameplate.",
    "rated_capacity_ah": "Rated capacity on the nameplate.",
    "nominal_voltage_v": "Nominal voltage on the nameplate.",
    "mass_kg": "Mass of the pack.",
    "made_on": "Day of production.",
    "vehicle_model": "Vehicle model, such as 秦EV 2019款.",
    "make": "Make of the vehicle.",
    "model_year": "Model year of the vehicle.",
    "vin": "Vehicle identification number.",
    "odometer_km": "Kilometres driven.",
    "soh": "State of health, such as 0.85 or 85 %.",
    "soh_on": "Day on which the health was measured.",
    "soh_source": "Where the health is from: bms, quick_test, lab_test, certificate.",
}
"""The facts that can be given beside the files, with what they mean."""


def given(decorated: Decorated) -> Decorated:
    """Add one option for each fact that completes a record; the command gets them together as `given`."""

    @wraps(decorated)
    def with_given(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the command takes
        facts = {name: options.pop(name) for name in GIVEN}
        return decorated(*arguments, given=facts, **options)

    made: Any = with_given
    for name, meaning in reversed(GIVEN.items()):
        made = click.option(f"--{name.replace('_', '-')}", name, metavar="VALUE", help=meaning)(made)
    return made  # type: ignore[no-any-return]  # click keeps the type


def as_of(decorated: Decorated) -> Decorated:
    """Add `--as-of`."""
    return click.option(
        "--as-of",
        type=click.DateTime(["%Y-%m-%d"]),
        metavar="DATE",
        help="Valuation day; later information is not used.  [default: today]",
    )(decorated)


def day_of(as_of: datetime | None) -> date:
    """Return the given valuation day, or today."""
    return as_of.date() if as_of else today()


def market(decorated: Decorated) -> Decorated:
    """Add `--market`."""
    return click.option(
        "--market",
        type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
        help="Market quotes, CSV or Parquet.  [default: CANZHI_MARKET]",
    )(decorated)


def level(decorated: Decorated) -> Decorated:
    """Add `--level`."""
    return click.option(
        "--level",
        type=click.FloatRange(0.5, 0.99),
        default=0.9,
        show_default=True,
        help="Share of sales that the band is meant to contain.",
    )(decorated)


def region(decorated: Decorated) -> Decorated:
    """Add `--region`."""
    return click.option("--region", default="CN", show_default=True, help="Region whose quotes are preferred.")(
        decorated
    )


def model(decorated: Decorated) -> Decorated:
    """Add `--model`."""
    return click.option("--model", metavar="NAME", help="Model to use.  [default: CANZHI_MODEL, else champion]")(
        decorated
    )


def as_json(decorated: Decorated) -> Decorated:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object per pack and line.")(decorated)


def language(decorated: Decorated) -> Decorated:
    """Add `--lang`."""
    choice = click.Choice(["en", "zh"])
    return click.option(
        "--lang",
        "--language",
        "language",
        type=choice,
        default=command_language,
        show_default="CANZHI_LANG or the locale",
        help="Language of tables and errors.",
    )(decorated)
