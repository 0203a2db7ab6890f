"""What a simulated market shall look like, and the independent streams of chance that its parts draw from.

Everything in ``training.simulation`` is synthetic: no pack, firm, vehicle or deal exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

EPOCH = date(1970, 1, 1)
DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12.0

# One stream a part: a part that draws more numbers leaves every other part as it was. New parts go to the end.
_PARTS = ("prices", "publication", "models", "fleet", "use", "lives", "offers", "record", "usage", "tampering")
_LATER_PARTS = ("life_events", "preferences", "deals", "second_life", "afterlife", "reports", "product_reports",
                "uses", "product_uses")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationPlan:
    """Everything that decides a simulated market; the same plan gives the same bytes.

    Attributes
    ----------
    packs
        Packs born in vehicles; the second-life packs made from some of them come on top.
    seed
        Seed of all streams.
    years
        Length of the sales ledger [a]; the first packs are made two years before it opens.
    through
        Last day of the market.
    boom_peak_on
        Day on which lithium stands highest, or None for a market without boom and crash.
    boom_height
        How many times its ordinary level lithium reaches at the peak (2020-2022 saw about fifteen).
    payables_redefined_on
        Before this day lithium rides inside the nickel and cobalt payables, as in China until February 2023; None: no.
    tampering_share
        Share of the sold packs whose record was falsified before the sale (0-1).
    lots_priced_as_one
        Share of the lots of which the ledger tells the price of the whole only (0-1).
    silence
        Multiplies the share of events that nobody reports (1 = as judged realistic, 0 = complete records).
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
        """Refuse a plan that no market could follow."""
        if self.packs < 1 or not 1.0 <= self.years <= 25.0 or not 0.0 <= self.tampering_share <= 1.0:
            message = f"no market can follow packs={self.packs}, years={self.years}, tampering={self.tampering_share}"
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
    """Return the stream of chance of one part of the simulation.

    >>> plan = SimulationPlan(packs=1, seed=7)
    >>> stream(plan, "fleet").random() == stream(plan, "fleet").random() != stream(plan, "lives").random()
    True
    """
    key = (*_PARTS, *_LATER_PARTS).index(part)
    return np.random.default_rng(np.random.SeedSequence(plan.seed, spawn_key=(key,)))
