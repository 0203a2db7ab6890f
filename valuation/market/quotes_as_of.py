"""Quotes as of a few distinct days (按日行情): last quote, age, payable, each worked out once and handed to every pack.

Whatever the quotes of a day say is the same for all packs valued on it, so it is kept here, one entry a distinct day;
:class:`valuation.market.snapshot.Market` hands it out one row a pack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np

from valuation.market.instruments import INSTRUMENTS
from valuation.market.payables import estimated_payable, lithium_rides_inside, rule_for
from valuation.market.quote_usage import MINOR, preferred, usage_mask
from valuation.numeric.columns import BoolArray, Columns, FloatArray, coalesce, unknown

DAYS_PER_MONTH: Final = 30.4375

# Whose coefficient stands in where a family has none of its own: nickel and cobalt go by ternary, the rest by LFP.
_STAND_IN = {"ni": "ternary", "co": "ternary", "mn": "ternary"}
_WITHOUT_OWN_QUOTES = {"lmo", "lco", "lto", "naion", "other"}

Kept = TypeVar("Kept")


@dataclass(frozen=True, kw_only=True)
class DayQuotes:
    """The market on distinct days, one entry a day.

    Attributes
    ----------
    days : array of shape (days,)
        Days since 1970-01-01.
    price_table, quoted_table, borrowed_table : columns by instrument
        Last quote in base units without VAT, its day, and whether it is another region's.
    shift : mapping of instrument to factor
        A scenario: prices are multiplied.
    """

    days: FloatArray
    region: str
    price_table: Columns
    quoted_table: Columns
    borrowed_table: Mapping[str, BoolArray]
    shift: Mapping[str, float] = field(default_factory=dict)
    _kept: dict[object, object] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: object, work: Callable[[], Kept]) -> Kept:
        """Return what was worked out under a key before, else work it out now and keep it."""
        if key not in self._kept:
            self._kept[key] = work()
        return self._kept[key]  # type: ignore[return-value]  # a key always stands for the same work

    @property
    def names(self) -> tuple[str, ...]:
        """Instruments that are quoted at all."""
        return tuple(self.price_table)

    def price(self, name: str) -> FloatArray:
        """Return the price of an instrument on each day; payables as quoted, else as estimated."""
        if name.startswith("payable_"):
            return self.payable(name)[0]
        return self.once(("price", name), lambda: self._shifted(name))

    def quoted(self, name: str) -> FloatArray:
        """Return the day of each quote."""
        table = self.quoted_table.get(name)
        return unknown(len(self.days)) if table is None else table

    def age(self, name: str) -> FloatArray:
        """Return the age of each quote. [d]"""
        return self.once(("age", name), lambda: self.days - self.quoted(name))

    def relative_sd(self, name: str) -> FloatArray:
        """Return how unsure a quote is for its age alone: monthly spread x square root of months. [1]"""
        return self.once(("sd", name), lambda: _aged(name, self.age(name)))

    def borrowed(self, name: str) -> BoolArray:
        """Return where a quote is another region's."""
        table = self.borrowed_table.get(name)
        return np.zeros(len(self.days), dtype=bool) if table is None else table

    def payable(self, name: str) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return a payable, its day and whether it is estimated."""
        return self.once(("payable", name), lambda: self._derive_payable(name))

    def is_there(self, name: str) -> BoolArray:
        """Return on which days a quote stands that no better form of the same metal replaces."""
        return self.once(("there", name), lambda: self._is_there(name))

    @cached_property
    def oldest(self) -> FloatArray:
        """Age of the oldest quote that a chemistry rests on, shape (chemistries + 1, days); the last row for any.

        Minus one where nothing is quoted that matters. [d]
        """
        oldest = -np.ones((len(usage_mask("copper")) + 1, len(self.days)))
        for name in self.names:
            if name not in MINOR:
                counts = np.append(usage_mask(name), True)[:, None]
                age = self.age(name)
                used = self.is_there(name) & ~np.isnan(age)
                oldest = np.where(counts & used, np.maximum(oldest, np.where(np.isnan(age), 0.0, age)), oldest)
        return oldest

    def shifted(self, market_shift: Mapping[str, float]) -> DayQuotes:
        """Return the same quotes with some prices multiplied, on top of what was multiplied already."""
        combined = dict(self.shift)
        for name, factor in market_shift.items():
            combined[name] = combined.get(name, 1.0) * float(factor)
        return replace(self, shift=combined, _kept={})

    def quoted_today(self) -> DayQuotes:
        """Return the same prices as if every quote had been made on the day itself."""
        fresh = {name: np.where(np.isnan(day), np.nan, self.days) for name, day in self.quoted_table.items()}
        return self.once("today", lambda: replace(self, quoted_table=fresh, _kept={}))

    def _shifted(self, name: str) -> FloatArray:
        table = self.price_table.get(name)
        return (unknown(len(self.days)) if table is None else table) * self.shift.get(name, 1.0)

    def _is_there(self, name: str) -> BoolArray:
        there: BoolArray = ~np.isnan(self.quoted(name))
        for better in preferred(name):
            there &= np.isnan(self.quoted(better))
        return there

    def _derive_payable(self, name: str) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return a payable as quoted, else as quoted for the nearest chemistry, else by the price-level rule."""
        _, element, family = name.split("_", 2)
        own = value = self.price_table.get(name, unknown(len(self.days)))
        if family in _WITHOUT_OWN_QUOTES:
            neighbour = f"payable_{element}_{_STAND_IN.get(element, 'lfp')}"
            value = coalesce(value, self.price_table.get(neighbour, unknown(len(self.days))))
        estimate = estimated_payable(rule_for(element, family, self.region), self.price("lithium_carbonate"))
        if element == "li" and family != "lfp":
            estimate = np.where(lithium_rides_inside(self.quoted(f"payable_ni_{family}")), 0.0, estimate)
        return coalesce(value, estimate) * self.shift.get(name, 1.0), self.quoted(name), np.isnan(own)


def join_days(parts: Sequence[DayQuotes]) -> DayQuotes:
    """Return the days of several tables of the same instruments as one table, one after the other."""
    first, *others = parts
    if not others:
        return first
    key = "joined", *(id(other) for other in others)

    def below(name: str) -> dict[str, Any]:
        tables = [getattr(part, name) for part in parts]
        return {instrument: np.concatenate([table[instrument] for table in tables]) for instrument in tables[0]}

    def join() -> tuple[DayQuotes, list[DayQuotes]]:
        joined = replace(
            first,
            days=np.concatenate([part.days for part in parts]),
            price_table=below("price_table"),
            quoted_table=below("quoted_table"),
            borrowed_table=below("borrowed_table"),
            _kept={},
        )
        return joined, others  # held as well, or another object might come to stand under their ids

    return first.once(key, join)[0]


def _aged(name: str, age_days: FloatArray) -> FloatArray:
    months = np.where(np.isnan(age_days), 0.0, age_days) / DAYS_PER_MONTH
    return INSTRUMENTS[name].monthly_sd * np.sqrt(months)
