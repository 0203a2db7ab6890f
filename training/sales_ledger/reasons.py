"""Reasons for which a ledger row is rejected (剔除原因), with corrections, and notes on rows that are used."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from valuation.messages import Message


class Reason(NamedTuple):
    """Why a row is rejected, and how to correct it."""

    text: Message
    way_out: Message


def _reason(name: str) -> Reason:
    identity = f"ledger.reason.{name.replace(' ', '_')}"
    return Reason(Message(identity), Message(f"{identity}.way_out"))


_NAMES: Final = (
    # checks of the row itself
    *(
        "line",
        "total",
        "no code",
        "code rounded",
        "no day",
        "bad day",
        "impossible day",
        "no price",
        "bad price",
        "zero price",
        "vat not said",
        "bad vat",
        "bad rate",
        "foreign vat",
        "bad currency",
        "no exchange rate",
    ),
    # comparison with other rows
    *("copied", "contradicted", "lot contradicted", "lot broken"),
    # comparison with traces and quotes
    *(
        "no trace",
        "trace aside",
        "before made",
        "before quotes",
        "after quotes",
        "refused",
        "closed route",
        "route not stated",
        "no quantity",
        "absurd",
        "other unit",
    ),
)
REASONS: Final[Mapping[str, Reason]] = MappingProxyType({name: _reason(name) for name in _NAMES})
"""All reasons by name, in the order of the checks."""

CLOSED_ROUTES: Final = ("closed route", "route not stated")
"""Reasons that exclude a sale because of a closed route; they are counted and reported separately."""

_NOTE_NAMES: Final = (
    "blank",
    "resold",
    "shared order",
    "unnamed",
    "gate fee",
    "lot",
    "per unit",
    "converted",
    "vat",
    "old vat",
    "vat assumed",
    "odd code",
)
NOTES: Final[Mapping[str, Message]] = MappingProxyType(
    {name: Message(f"ledger.note.{name.replace(' ', '_')}") for name in _NOTE_NAMES}
)
"""Notes on rows that are used, by name."""
