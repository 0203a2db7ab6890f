"""Plan of a simulated market (模拟参数), and the independent random streams of its parts.

Everything in ``training.simulation`` is synthetic: no pack, firm, vehicle or deal exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

EPOCH = date(1970, 1, 1)
DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12.0

# One stream per part, so that more draws in one part do not change the others. New parts are appended.
_PARTS = ("prices", "publication", "models", "fleet", "use", "lives", "offers", "record", "usage", "tampering")
_LATER_PARTS = ("life_events", "preferences", "deals", "second_life", "afterlife", "reports", "product_reports",
                "uses", "product_uses")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """Parameters of a simulated market; the same plan gives the same bytes.

    Attributes
    ----------
    packs
        Packs built into vehicles; second-life packs made from some of them are additional.
    seed
        Seed of all streams.
    years
        Length of the sales ledger [a]; the first packs are made two years before it begins.
    through
        Last day of the market.
    boom_peak_on
        Day of the lithium price peak, or None for a market without boom and crash.
    boom_height
        Lithium price at the peak over its ordinary level (about fifteen in 2020-2022). [1]
    payables_redefined_on
        Before this day lithium is paid through the nickel and cobalt payables, as in China until February 2023; None
        for no redefinition.
    tampering_share
        Share of the sold packs whose record was falsified before the sale (0-1).
    lots_priced_as_one
        Share of the lots for which the ledger has only the total price (0-1).
    silence
        Factor on the share of unreported events (1 = realistic by expert judgement, 0 = complete records).
    """

    packs: int
    seed: int
    years: float = 10.0
    through: date = date(2026, 11, 20)
    boom_peak_on: date | None = date(2022, 11, 15)
    boom_height: float = 8.0
    payables_redefined_on: date | None = None
    tampering_share: float = 0.04
    silence: float = 1.0
    lots_priced_as_one: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges of the parameters."""
        if self.packs < 1 or not 1.0 <= self.years <= 25.0 or not 0.0 <= self.tampering_share <= 1.0:
            message = f"out of range: packs={self.packs}, years={self.years}, tampering={self.tampering_share}"
            raise ValueError(message)

    @property
    def last_day(self) -> int:
        """Last day of the market, in days since 1970-01-01."""
        return day_number(self.through)

    @property
    def first_made_day(self) -> int:
        """Day on which the first pack is made, in days since 1970-01-01."""
        return self.last_day - round((self.years + 2.0) * DAYS_PER_YEAR)

    @property
    def first_quote_day(self) -> int:
        """First day with quotes: 2014 for the default plan, in days since 1970-01-01."""
        return self.last_day - round(max(12.88, self.years + 2.88) * DAYS_PER_YEAR)


def day_number(day: date) -> int:
    """Return the days since 1970-01-01.

    >>> day_number(date(2020, 6, 8))
    18421
    """
    return (day - EPOCH).days


def day_of(number: float) -> date:
    """Return the calendar day of a number of days since 1970-01-01.

    >>> day_of(18421).isoformat()
    '2020-06-08'
    """
    return EPOCH + timedelta(days=int(number))


def stream(plan: SimulationPlan, part: str) -> np.random.Generator:
    """Return the random generator of one part of the simulation.

    >>> plan = SimulationPlan(packs=1, seed=7)
    >>> stream(plan, "fleet").random() == stream(plan, "fleet").random() != stream(plan, "lives").random()
    True
    """
    key = (*_PARTS, *_LATER_PARTS).index(part)
    return np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(key,)))
