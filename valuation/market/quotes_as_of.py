"""Quotes as of distinct valuation days (按日行情): last quote, age and payable, computed once per day.

The quotes of a day are the same for all packs valued on it. This module holds one entry per distinct day;
:class:`valuation.market.snapshot.Market` expands them to one row per pack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np

from valuation.market.instruments import INSTRUMENTS
from valuation.market.payables import estimated_payable, includes_lithium, rule_for
from valuation.market.quote_usage import MINOR, preferred, usage_mask
from valuation.numeric.columns import BoolArray, Columns, FloatArray, coalesce, unknown

DAYS_PER_MONTH: Final = 30.4375

# Substitute for a family without own coefficients: ternary for nickel, cobalt and manganese, else LFP.
_SUBSTITUTE_FAMILY = {"ni": "ternary", "co": "ternary", "mn": "ternary"}
_WITHOUT_OWN_QUOTES = {"lmo", "lco", "lto", "naion", "other"}

Kept = TypeVar("Kept")


@dataclass(frozen=True, kw_only=True)
class DayQuotes:
    """The market on distinct days, one entry per day.

    Attributes
    ----------
    days : array of shape (days,)
        Days since 1970-01-01.
    price_table, quoted_table, borrowed_table : columns by instrument
        Last quote in base units without VAT, its day, and whether it is from another region.
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

    def once(self, key: object, compute: Callable[[], Kept]) -> Kept:
        """Return the cached result of a key, computing it on first use."""
        if key not in self._kept:
            self._kept[key] = compute()
        return self._kept[key]  # type: ignore[return-value]  # a key has results of one type

    @property
    def names(self) -> tuple[str, ...]:
        """Instruments with at least one quote."""
        return tuple(self.price_table)

    def price(self, name: str) -> FloatArray:
        """Return the price of an instrument on each day; an unquoted payable is estimated."""
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
        """Return the relative spread of a quote from its age: monthly spread x square root of months. [1]"""
        return self.once(("sd", name), lambda: _aged(name, self.age(name)))

    def borrowed(self, name: str) -> BoolArray:
        """Return where a quote is from another region."""
        table = self.borrowed_table.get(name)
        return np.zeros(len(self.days), dtype=bool) if table is None else table

    def payable(self, name: str) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return a payable, its day and whether it is estimated."""
        return self.once(("payable", name), lambda: self._derive_payable(name))

    def is_there(self, name: str) -> BoolArray:
        """Return the days with a quote and without one of a preferred form of the same metal."""
        return self.once(("there", name), lambda: self._is_there(name))

    @cached_property
    def oldest(self) -> FloatArray:
        """Age of the oldest quote that a chemistry depends on, shape (chemistries + 1, days); last row: any chemistry.

        It is -1 if no relevant instrument is quoted. [d]
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
        """Return the same quotes with some prices multiplied, in addition to earlier shifts."""
        combined = dict(self.shift)
        for name, factor in market_shift.items():
            combined[name] = combined.get(name, 1.0) * float(factor)
        return replace(self, shift=combined, _kept={})

    def quoted_today(self) -> DayQuotes:
        """Return the same prices with every quote dated on the day itself."""
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
        """Return a payable as quoted, else as quoted for a substitute family, else by the price-level rule."""
        _, element, family = name.split("_", 2)
        own = value = self.price_table.get(name, unknown(len(self.days)))
        if family in _WITHOUT_OWN_QUOTES:
            substitute = f"payable_{element}_{_SUBSTITUTE_FAMILY.get(element, 'lfp')}"
            value = coalesce(value, self.price_table.get(substitute, unknown(len(self.days))))
        estimate = estimated_payable(rule_for(element, family, self.region), self.price("lithium_carbonate"))
        if element == "li" and family != "lfp":
            estimate = np.where(includes_lithium(self.quoted(f"payable_ni_{family}")), 0.0, estimate)
        return coalesce(value, estimate) * self.shift.get(name, 1.0), self.quoted(name), np.isnan(own)


def join_days(parts: Sequence[DayQuotes]) -> DayQuotes:
    """Return the days of several tables of the same instruments as one table."""
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
        return joined, others  # kept alive, so that their ids stay valid in the key

    return first.once(key, join)[0]


def _aged(name: str, age_days: FloatArray) -> FloatArray:
    months = np.where(np.isnan(age_days), 0.0, age_days) / DAYS_PER_MONTH
    return INSTRUMENTS[name].monthly_sd * np.sqrt(months)
