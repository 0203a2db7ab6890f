"""The price level of the market and of each group, day by day: a robust mean of residuals with a bounded daily change.

The market level is a robust mean of the residuals with exponential decay. If the newest sales differ from it by more
than sampling error, it follows their trend. A group's level is its difference from the market. Daily changes are
bounded in robust standard deviations. The part that a bound cuts off is returned, so that the band can cover it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from models.calibration.robust_level import (
    PULLING_SHARE,
    ReporterCap,
    capped_from,
    reporter_cap,
    robust_levels,
    rows_of,
)
from models.inference.band import BandSettings
from models.inference.group_tree import Groups
from valuation.numeric.columns import FloatArray, IntArray

MARKET_SIGMAS_PER_DAY = 0.06
"""Bound on the daily change of the market level: -40 % in two months, if prices have a standard deviation of 15 %."""
GROUP_SIGMAS_PER_DAY = 0.02
GROUP_SIGMAS = 0.75
"""Bounds on the daily and the total difference of a group from the market; a new training has no such bound."""
_FAST_SHARE = 1.0 / 6.0  # half-life of the newest sales over that of the level
_CHANCE = (1.5, 2.5)  # standard errors between which the newest sales take the level over
_AHEAD = 0.3  # by how much of its lead over the level the newest sales are behind themselves, in a steady trend
_UNSURE = 0.45  # share of that lead by which the level may be off
_ERROR_OF_ONE = 1.15  # standard error of the robust level, times the root of its sales, over sigma
_MOST_DAYS = 512  # traced days that are kept: 13 kB each with 400 groups


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySales:
    """Sales since training, ordered by the day on which they became known.

    ``residual`` is relative to the mean and the group's level in the training set. ``reporter`` is the number of the
    reporter, None if no sale names one.
    """

    residual: FloatArray
    weight: FloatArray
    known_day: FloatArray
    group: IntArray
    reporter: IntArray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Levels on a day, and their targets from the sales known by then.

    Attributes
    ----------
    day, sigma
        The day, and the robust standard deviation as the unit of the bounds.
    market, market_goal
        Level of the market and its target, on the scale.
    group, group_goal
        Shape (groups,): difference of each group from the market, and its target.
    asked
        Shape (groups,): target of each group's difference without the bound.
    trend
        Lead of the newest sales over the level, beyond sampling error.

    """

    day: float
    sigma: float
    market: float
    market_goal: float
    group: FloatArray
    group_goal: FloatArray
    asked: FloatArray
    trend: float

    def on(self, day: float) -> tuple[FloatArray, FloatArray]:
        """Return each group's shift on a later day without new sales, and its uncertainty.

        The uncertainty consists of the part of a move that the daily bound has cut off, and a share of the trend.
        """
        market, group = self.drawn_on(day)
        held_back = np.abs(self.market_goal + self.asked - market - group)
        return market + group, held_back + _UNSURE * abs(self.trend)

    def drawn_on(self, day: float) -> tuple[float, FloatArray]:
        """Return the levels of market and groups on a later day without new sales: closer to their targets."""
        most = self.sigma * max(day - self.day, 0.0)
        market = self.market + float(_bounded(self.market_goal - self.market, MARKET_SIGMAS_PER_DAY * most))
        return market, self.group + _bounded(self.group_goal - self.group, GROUP_SIGMAS_PER_DAY * most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """The sales of all groups at the same depth of the tree.

    ``sale`` is the index among all sales, ``group`` the group numbered within the layer, ``codes`` the codes of these
    groups. From ``capped_from`` sales on, no reporter has more than a third of the weight of a group.
    """

    sale: IntArray
    group: IntArray
    codes: IntArray
    cap: ReporterCap | None
    capped_from: int
    prior_rows: float

    def rows(self, weight: FloatArray) -> FloatArray:
        """Return the effective rows that each sale of the layer counts for, from the weights of the first sales."""
        own = weight[self.sale[: int(np.searchsorted(self.sale, len(weight)))]]
        rows = rows_of(own, self.group[: len(own)], len(self.codes))
        return rows if self.cap is None or len(weight) < self.capped_from else self.cap.capped(rows)

    def levels(self, residual: FloatArray, rows: FloatArray, start: FloatArray, sigma: float) -> FloatArray:
        """Return the level of each group from residuals and effective rows of the first sales."""
        here = self.sale[: len(rows)]
        return robust_levels((residual[here], rows, self.group[: len(rows)]), self.prior_rows, start, sigma)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TracedDay:
    """The levels of a day, and the state from which the next day is traced.

    ``market`` holds the slow and the fast level of the pool, ``difference`` the difference of each group from its
    parent, ``relative`` the residuals of the day's own sales relative to the market level.
    """

    levels: Levels
    market: tuple[FloatArray, FloatArray]
    difference: FloatArray
    relative: FloatArray


class TracedDays:
    """Cache of traced days by the hash of the sales known by then; the least recently used are dropped first."""

    def __init__(self) -> None:
        self._days: OrderedDict[bytes, _TracedDay] = OrderedDict()

    def find(self, keys: Sequence[bytes]) -> list[_TracedDay]:
        """Return the cached days before the first one that is missing."""
        found = []
        for key in keys:
            day = self._days.get(key)
            if day is None:
                break
            self._days.move_to_end(key)
            found.append(day)
        return found

    def keep(self, keys: Sequence[bytes], days: Sequence[_TracedDay]) -> None:
        """Add days under the hashes of the sales known by then."""
        self._days.update(zip(keys, days, strict=True))
        while len(self._days) > max(_MOST_DAYS, len(keys)):
            self._days.popitem(last=False)


def trace_levels(
    sales: DailySales, groups: Groups, settings: BandSettings, pace: tuple[float, float], traced: TracedDays
) -> tuple[Levels, ...]:
    """Return the levels of all days on which sales became known.

    The levels of a day depend only on the sales known by then, to the bit. So days whose sales have not changed are
    taken from the cache.

    Parameters
    ----------
    sales, groups, settings
        The sales, the tree of groups and the weights of sales.
    pace
        Robust standard deviation of residuals, and the number of days in one step. [1, d]
    traced
        The cache; new days are added to it.

    """
    step_days = pace[1]
    if not len(sales.known_day):
        return ()
    sales = replace(sales, known_day=np.ceil(sales.known_day / step_days - 1e-9) * step_days)
    ends = (np.flatnonzero(np.diff(sales.known_day, append=np.inf)) + 1).tolist()
    keys = _keys(sales, ends, f"{pace} {settings}".encode() + groups.parent.tobytes())
    days = traced.find(keys)
    if len(days) < len(ends):
        trace = _DailyTrace(sales, groups, settings, pace)
        for day in days:
            trace.relative = np.concatenate([trace.relative, day.relative])
        for end in ends[len(days) :]:
            days.append(trace.next_day(end, days[-1] if days else trace.origin()))
        traced.keep(keys, days)
    return tuple(day.levels for day in days)


def _keys(sales: DailySales, ends: Sequence[int], common: bytes) -> list[bytes]:
    """Return the hash of the sales known by each day; ``ends`` has the index after the last sale of each day."""
    nobody = np.full(len(sales.group), -1)
    reporter = nobody if sales.reporter is None else sales.reporter
    rows = np.column_stack([sales.residual, sales.weight, sales.known_day, sales.group, reporter])
    hashed, keys, start = blake2b(common, digest_size=16), [], 0
    for end in ends:
        hashed.update(rows[start:end].tobytes())
        keys.append(hashed.digest())
        start = end
    return keys


class _DailyTrace:
    """Traces the levels from one day to the next."""

    def __init__(self, sales: DailySales, groups: Groups, settings: BandSettings, pace: tuple[float, float]) -> None:
        self._sales, self._settings = sales, settings
        self._sigma, self._step_days = pace
        self._lines = _lines(groups)
        pool, *self._layers = _layers(sales, self._lines, settings)
        self._market = _Market(sales, pool, settings, self._sigma)
        self.relative = np.zeros(0)
        """Residuals relative to the market level of their day, for all days traced so far."""

    def origin(self) -> _TracedDay:
        """Return the state before the first sale: all levels are zero."""
        nothing = np.zeros(len(self._lines))
        levels = Levels(
            day=float(self._sales.known_day[0]) - self._step_days, sigma=self._sigma, market=0.0, market_goal=0.0,
            group=nothing, group_goal=nothing, asked=nothing, trend=0.0,
        )  # fmt: skip
        return _TracedDay(levels=levels, market=(np.zeros(1), np.zeros(1)), difference=nothing, relative=np.zeros(0))

    def next_day(self, end: int, before: _TracedDay) -> _TracedDay:
        """Return the next day with sales; ``end`` is the index after its last sale."""
        day = float(self._sales.known_day[end - 1])
        goal, trend, market = self._market.goal(end, before.market)
        drawn, group = before.levels.drawn_on(day - self._step_days)
        most = self._sigma * self._step_days
        level = drawn + float(_bounded(goal - drawn, MARKET_SIGMAS_PER_DAY * most))
        relative = self._sales.residual[len(self.relative) : end] - level
        self.relative = np.concatenate([self.relative, relative])
        weight = self._market.weight(end, self._settings.anchor_days)
        difference = _differences(self._layers, (self.relative, weight), before.difference, self._sigma)
        asked = _summed(difference, self._lines)
        group_goal = _bounded(asked, GROUP_SIGMAS * self._sigma)
        levels = Levels(
            day=day,
            sigma=self._sigma,
            market=level,
            market_goal=goal,
            group=group + _bounded(group_goal - group, GROUP_SIGMAS_PER_DAY * most),
            group_goal=group_goal,
            asked=asked,
            trend=trend,
        )
        return _TracedDay(levels=levels, market=market, difference=difference, relative=relative)


def _bounded(move: FloatArray | float, most: float) -> FloatArray:
    return np.minimum(np.maximum(move, -most), most)


def _lines(groups: Groups) -> IntArray:
    """Return the ancestors of each group from the pool to the group itself, filled up with -1."""
    line: list[list[int]] = []
    for code, parent in enumerate(groups.parent.tolist()):
        line.append([*line[parent], code] if code else [0])
    deepest = max(len(one) for one in line)
    return np.array([one + [-1] * (deepest - len(one)) for one in line], dtype=np.int64)


def _layers(sales: DailySales, lines: IntArray, settings: BandSettings) -> list[_Layer]:
    """Return one layer for the pool and one for each depth of groups."""
    layers = []
    for depth, column in enumerate(lines[sales.group].T):
        sale = np.flatnonzero(column >= 0)
        if depth and not len(sale):
            break
        codes, group = np.unique(column[sale], return_inverse=True)
        prior_rows = settings.shift_rows if depth else settings.prior_rows * PULLING_SHARE
        layers.append(
            _Layer(
                sale=sale,
                group=group,
                codes=codes,
                cap=None if sales.reporter is None else reporter_cap(group, sales.reporter[sale], prior_rows),
                capped_from=0 if sales.reporter is None else capped_from(sales.reporter),
                prior_rows=prior_rows,
            )
        )
    return layers


class _Market:
    """Computes the target of the market level from the sales known by a day."""

    def __init__(self, sales: DailySales, pool: _Layer, settings: BandSettings, sigma: float) -> None:
        self._sales, self._pool, self._sigma = sales, pool, sigma
        self._half_lives = (settings.anchor_days, settings.anchor_days * _FAST_SHARE)

    def weight(self, end: int, half_life: float) -> FloatArray:
        """Return the decayed weights of the first sales on the day of the last of them."""
        day = self._sales.known_day[:end]
        weight: FloatArray = self._sales.weight[:end] * np.exp2((day - day[-1]) / half_life)
        return weight

    def goal(
        self, end: int, start: tuple[FloatArray, FloatArray]
    ) -> tuple[float, float, tuple[FloatArray, FloatArray]]:
        """Return the target level from the first sales, the trend, and the slow and the fast robust level.

        The trend is the lead of the fast over the slow level beyond sampling error. The fast level itself lags behind a
        trend by a share of that lead, which is added, as in double exponential smoothing (R. G. Brown, 1959). Both
        levels are searched from those of the day before.
        """
        residual = self._sales.residual[:end]
        rows = [self._pool.rows(self.weight(end, half_life)) for half_life in self._half_lives]
        levels = (
            self._pool.levels(residual, rows[0], start[0], self._sigma),
            self._pool.levels(residual, rows[1], start[1], self._sigma),
        )
        slow, fast = float(levels[0][0]), float(levels[1][0])
        error = self._sigma * _ERROR_OF_ONE / float(np.sqrt(np.sum(rows[1])))
        if fast == slow or error == 0.0:
            return slow, 0.0, levels
        least, most = _CHANCE
        trend = (fast - slow) * min(max((abs(fast - slow) / error - least) / (most - least), 0.0), 1.0)
        return slow + (1.0 + _AHEAD) * trend, trend, levels


def _differences(
    layers: list[_Layer], sales: tuple[FloatArray, FloatArray], start: FloatArray, sigma: float
) -> FloatArray:
    """Return each group's difference from its parent; ``sales`` are residuals relative to the market, and weights."""
    left, weight = sales[0].copy(), sales[1]
    difference = np.zeros(len(start))
    for layer in layers:
        rows = layer.rows(weight)
        level = layer.levels(left, rows, start[layer.codes], sigma)
        difference[layer.codes] = level
        left[layer.sale[: len(rows)]] -= level[layer.group[: len(rows)]]
    return difference


def _summed(difference: FloatArray, lines: IntArray) -> FloatArray:
    """Return the sum of the differences of each group and its ancestors."""
    total = np.zeros(len(lines))
    for column in lines.T[1:]:
        total += np.where(column >= 0, difference[column], 0.0)
    return total
