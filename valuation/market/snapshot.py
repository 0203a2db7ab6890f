"""Market snapshot (行情快照): the last quote of every instrument by the valuation day, and its age.

A quote counts from the day it was made, never before. All prices are CNY without VAT: metals and salts per t, packs
per kWh; payables are fractions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, TypeVar

import numpy as np

from valuation.errors import MarketError
from valuation.market.instruments import INSTRUMENTS
from valuation.market.quote_usage import usage_mask
from valuation.market.quotes_as_of import DAYS_PER_MONTH, DayQuotes, join_days
from valuation.numeric.columns import BoolArray, Columns, FloatArray, IntArray, unknown

HOME_REGION: Final = "CN"
FRESH_DAYS: Final = 30.0
"""A quote older than this raises a caution and widens the band. [d]"""

BASKET_MONTHLY_SD: Final = 0.065
"""Monthly s.d. of a metal basket, from a mean change of 5 % in 2017-2025 (computed from public series, 2026). [1]"""
USUAL_BAND_SD: Final = 0.08
"""Spread of deals with known chemistry and fresh quotes (noise study, 2026, class C). [1]"""

_MOST_DAYS_KEPT = 256

Kept = TypeVar("Kept")

Series = Mapping[str, tuple[FloatArray, FloatArray]]
"""Quotes of one instrument by region: days in order, prices."""


class DayColumns(Mapping[str, FloatArray]):
    """Columns with one entry per distinct day, expanded to one row per pack on access."""

    __slots__ = ("_names", "_of_day", "_row")

    def __init__(self, names: tuple[str, ...], of_day: Callable[[str], FloatArray], row: IntArray) -> None:
        self._names, self._of_day, self._row = names, of_day, row

    def __getitem__(self, name: str) -> FloatArray:
        """Return the column of an instrument; NaN in every row if it was never quoted."""
        if name not in INSTRUMENTS:
            raise KeyError(name)
        return self._of_day(name)[self._row]

    def __iter__(self) -> Iterator[str]:
        """Return the instruments with at least one quote."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return the number of instruments with at least one quote."""
        return len(self._names)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketHistory:
    """All quotes of a market (行情数据).

    Attributes
    ----------
    series : mapping of instrument to quotes by region
        Days since 1970-01-01 in order, and prices in base units without VAT.
    digest : str
        ``sha256:…`` of the quotes as used, independent of their file.
    synthetic : bool
        Whether every source is marked synthetic.
    """

    series: Mapping[str, Series]
    digest: str
    synthetic: bool
    _of_day: dict[tuple[float, str], DayQuotes] = field(default_factory=dict, repr=False, compare=False)

    @property
    def last_day(self) -> float:
        """Day of the newest quote, days since 1970-01-01; NaN without any."""
        return max((float(days[-1]) for quotes in self.series.values() for days, _ in quotes.values()), default=np.nan)

    @property
    def complete_from(self) -> float:
        """Day from which every price of the file is quoted, days since 1970-01-01; NaN without any.

        Payables are not considered: their quotes began at different times, lithium's in 2023; before that they are
        estimated.
        """
        firsts = [
            min(float(days[0]) for days, _ in quotes.values())
            for name, quotes in self.series.items()
            if quotes and not name.startswith("payable_")
        ]
        return max(firsts, default=np.nan)

    def on(self, as_of_day: FloatArray, region: str = HOME_REGION) -> Market:
        """Return the market on each day, with quotes of the region first, then of China, then of other regions.

        Parameters
        ----------
        as_of_day : array of shape (packs,)
            Days since 1970-01-01.
        region : str
            Region whose quotes are preferred.
        """
        days, row = _distinct(np.asarray(as_of_day, dtype=np.float64))
        return Market(
            as_of_day=np.asarray(as_of_day, dtype=np.float64),
            digest=self.digest,
            synthetic=self.synthetic,
            row=row,
            of_days=self._quotes_of(days, region),
        )

    def _quotes_of(self, days: FloatArray, region: str) -> DayQuotes:
        """Return the quotes of distinct days; those of a single day, the usual case, are cached."""
        if len(days) != 1:
            return self._look_up(days, region)
        key = float(days[0]), region
        if key not in self._of_day:
            if len(self._of_day) >= _MOST_DAYS_KEPT:
                self._of_day.clear()
            self._of_day[key] = self._look_up(days, region)
        return self._of_day[key]

    def _look_up(self, days: FloatArray, region: str) -> DayQuotes:
        price, quoted, borrowed = {}, {}, {}
        for name, quotes in self.series.items():
            price[name], quoted[name], borrowed[name] = _last_quotes(quotes, days, region)
        return DayQuotes(days=days, region=region, price_table=price, quoted_table=quoted, borrowed_table=borrowed)


def _distinct(days: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct days and, for each row, the index of its day."""
    if len(days) and bool((days == days[0]).all()):
        return days[:1], np.zeros(len(days), dtype=np.int64)
    distinct, row = np.unique(days, return_inverse=True)
    return distinct, row.astype(np.int64)


def _last_quotes(quotes: Series, days: FloatArray, region: str) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return price and day of the last quote by each day, and whether it is from another region."""
    price, quoted = unknown(len(days)), unknown(len(days))
    borrowed = np.zeros(len(days), dtype=bool)
    open_ = np.ones(len(days), dtype=bool)
    for name in sorted(quotes, key=lambda other: (other != region, other != HOME_REGION, other)):
        quoted_days, prices = quotes[name]
        position = np.searchsorted(quoted_days, days, side="right") - 1
        fill = open_ & (position >= 0)
        price[fill], quoted[fill] = prices[position[fill]], quoted_days[position[fill]]
        borrowed |= fill & (name != region)
        open_ &= ~fill
        if not open_.any():
            break
    return price, quoted, borrowed


@dataclass(frozen=True, kw_only=True)
class Market:
    """The market on the valuation day of each pack, one row per pack.

    Attributes
    ----------
    price : columns by instrument
        Last quote by the day in base units without VAT, NaN without one; unquoted payables are estimated
        (:mod:`valuation.market.payables`).
    age_days, quoted_day : columns by instrument
        Age and day of that quote; NaN without a quote or for an estimate.
    oldest_quote_days : array
        Age of the oldest quote that the value of the pack depends on. [d]
    """

    as_of_day: FloatArray
    digest: str
    synthetic: bool
    row: IntArray
    of_days: DayQuotes
    chemistry: FloatArray | None = None

    @property
    def region(self) -> str:
        """Region whose quotes are preferred."""
        return self.of_days.region

    @property
    def price(self) -> Columns:
        """Price of each instrument, shape (packs,)."""
        return DayColumns(self.of_days.names, self.of_days.price, self.row)

    @property
    def quoted_day(self) -> Columns:
        """Day of each quote, days since 1970-01-01, shape (packs,)."""
        return DayColumns(self.of_days.names, self.of_days.quoted, self.row)

    @property
    def age_days(self) -> Columns:
        """Age of each quote on the valuation day, shape (packs,). [d]"""
        return DayColumns(self.of_days.names, self.of_days.age, self.row)

    def estimated(self, name: str) -> BoolArray:
        """Return where a payable has no quote of its own: it follows another chemistry or the rule."""
        return self.of_days.payable(name)[2][self.row]

    def borrowed(self, name: str) -> BoolArray:
        """Return where a quote is from another region."""
        return self.of_days.borrowed(name)[self.row]

    def relative_sd(self, name: str) -> FloatArray:
        """Return the relative spread of a quote from its age: monthly spread x square root of months. [1]"""
        return self.of_days.relative_sd(name)[self.row]

    def shifted(self, market_shift: Mapping[str, float]) -> Market:
        """Return the same market with some prices multiplied (情景); estimated payables follow the lithium price.

        Raises
        ------
        MarketError
            If an instrument is unknown or a factor is not a positive number below 1000.
        """
        for name, factor in market_shift.items():
            if name not in INSTRUMENTS:
                raise MarketError("market.shift_unknown", field="market_shift", value=name)
            if not 0.0 < factor < 1000.0:
                raise MarketError("market.shift_factor", field="market_shift", value=factor, name=name)
        return replace(self, of_days=self.of_days.shifted(market_shift))

    def quoted_today(self) -> Market:
        """Return the same market with every quote dated on the valuation day."""
        return replace(self, of_days=self.of_days.quoted_today())

    def for_packs(self, chemistry: FloatArray) -> Market:
        """Return the market for packs of given chemistries; each uses only the quotes its chemistry depends on."""
        return replace(self, chemistry=chemistry)

    def take(self, rows: IntArray) -> Market:
        """Return the market of the packs of these rows."""
        chemistry = None if self.chemistry is None else self.chemistry[rows]
        return replace(self, as_of_day=self.as_of_day[rows], row=self.row[rows], chemistry=chemistry)

    def once(self, what: str, row: int, compute: Callable[[Market, int], Kept]) -> Kept:
        """Return a result that depends on day and chemistry only, computed once for the packs that share them."""
        chemistry = None if self.chemistry is None else float(self.chemistry[row])
        return self.of_days.once((what, int(self.row[row]), chemistry), lambda: compute(self, row))

    @cached_property
    def used(self) -> Mapping[str, BoolArray]:
        """By instrument, whether the value of each pack depends on its quote, shape (packs,)."""
        return {name: self._is_used(name) for name in self.of_days.names}

    def _is_used(self, name: str) -> BoolArray:
        """Return the packs whose value depends on a quote; any chemistry if the market has no chemistries."""
        there = self.of_days.is_there(name)[self.row]
        return there if self.chemistry is None else there & usage_mask(name)[self.chemistry.astype(np.int64)]

    @cached_property
    def oldest_quote_days(self) -> FloatArray:
        """Age of the oldest quote that the value of the pack depends on; NaN without one. [d]"""
        oldest = self.of_days.oldest
        chemistry = -1 if self.chemistry is None else self.chemistry.astype(np.int64)
        age = oldest[chemistry, self.row]
        return np.where(age < 0.0, np.nan, age)

    @property
    def staleness_widening(self) -> FloatArray:
        """Factor on the band for quotes older than 30 days, as bands are calibrated on fresh quotes. [1]"""
        age = self.oldest_quote_days
        months = np.maximum(np.where(np.isnan(age), 0.0, age) - FRESH_DAYS, 0.0) / DAYS_PER_MONTH
        return np.sqrt(1.0 + months * (BASKET_MONTHLY_SD / USUAL_BAND_SD) ** 2)


def join_markets(markets: Sequence[Market]) -> Market:
    """Return the markets of several batches concatenated."""
    distinct = {id(market.of_days): market.of_days for market in markets}
    joined = join_days(list(distinct.values()))
    starts = dict(zip(distinct, np.cumsum([0, *(len(one.days) for one in distinct.values())]).tolist(), strict=False))
    first = markets[0]
    known = [market.chemistry for market in markets if market.chemistry is not None]
    return Market(
        as_of_day=np.concatenate([market.as_of_day for market in markets]),
        digest=first.digest,
        synthetic=first.synthetic,
        row=np.concatenate([market.row + starts[id(market.of_days)] for market in markets]),
        of_days=joined,
        chemistry=np.concatenate(known) if len(known) == len(markets) else None,
    )
