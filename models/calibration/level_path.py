"""The level of a market and of its groups, day by day, from sales alone: robust, and bounded in its move per day.

The level of the market is a robust mean of deviations that forgets with its half-life. Once the newest sales differ
from it by more than chance allows, it follows them. The level of a group is its difference from the market. A bound in
robust standard deviations limits how far each moves in a day; what a bound holds back is returned, so that the band
can cover it.
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
from models.inference.groups import Groups
from valuation.numeric.columns import FloatArray, IntArray

MARKET_SIGMAS_PER_DAY = 0.06
"""The most by which the market's level moves in a day: -40 % in two months, where prices spread by 15 %."""
GROUP_SIGMAS_PER_DAY = 0.02
GROUP_SIGMAS = 0.75
"""The most by which a group's level moves in a day, and in all, from the market's; a new training has no such bound."""
_FAST_SHARE = 1.0 / 6.0  # half-life of the newest sales over that of the level
_CHANCE = (1.5, 2.5)  # standard errors between which the newest sales take the level over
_AHEAD = 0.3  # by how much of its lead over the level the newest sales are behind themselves, in a steady trend
_UNSURE = 0.45  # share of that lead by which the level may be off
_ERROR_OF_ONE = 1.15  # standard error of the robust level, times the root of its sales, over sigma
_MOST_DAYS = 512  # traced days that are kept: 13 kB each with 400 groups


@dataclass(frozen=True, slots=True, kw_only=True)
class DailySales:
    """Sales since training, in the order in which they became known.

    ``residual`` is over the mean and the group's level in the training set; ``reporter`` numbers who reported each
    sale, None where nobody is named.
    """

    residual: FloatArray
    weight: FloatArray
    known_day: FloatArray
    group: IntArray
    reporter: IntArray | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Levels on a day, and where the sales known by then draw them.

    Attributes
    ----------
    day, sigma
        The day, and the robust standard deviation that the bounds are measured in.
    market, market_goal
        Level of the market, on the scale.
    group, group_goal
        Shape (groups,): what each group has over the market.
    asked
        Shape (groups,): what the sales ask for each group, over the market, without a bound.
    trend
        By how much the newest sales lead all others, as far as it is not chance.

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
        """Return each group's shift on a later day without new sales, and by how much it may be off.

        It may be off by what the bounds still hold back and by a share of the trend.
        """
        market, group = self.drawn_on(day)
        held_back = np.abs(self.market_goal + self.asked - market - group)
        return market + group, held_back + _UNSURE * abs(self.trend)

    def drawn_on(self, day: float) -> tuple[float, FloatArray]:
        """Return the levels of market and groups on a later day without new sales: nearer to where they are drawn."""
        most = self.sigma * max(day - self.day, 0.0)
        market = self.market + float(_bounded(self.market_goal - self.market, MARKET_SIGMAS_PER_DAY * most))
        return market, self.group + _bounded(self.group_goal - self.group, GROUP_SIGMAS_PER_DAY * most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    """The sales of all groups with the same number of parents.

    ``sale`` is the place of each among all sales, ``group`` its group numbered within the layer, ``codes`` the groups,
    ``capped_from`` the number of sales known from which no reporter carries more than a third of a group's weight.
    """

    sale: IntArray
    group: IntArray
    codes: IntArray
    cap: ReporterCap | None
    capped_from: int
    prior_rows: float

    def rows(self, weight: FloatArray) -> FloatArray:
        """Return for how many sales each of the layer counts among the first sales, by the weights of those."""
        own = weight[self.sale[: int(np.searchsorted(self.sale, len(weight)))]]
        rows = rows_of(own, self.group[: len(own)], len(self.codes))
        return rows if self.cap is None or len(weight) < self.capped_from else self.cap.capped(rows)

    def levels(self, residual: FloatArray, rows: FloatArray, start: FloatArray, sigma: float) -> FloatArray:
        """Return the level of each group from the residuals of the first sales and for how many each counts."""
        here = self.sale[: len(rows)]
        return robust_levels((residual[here], rows, self.group[: len(rows)]), self.prior_rows, start, sigma)


@dataclass(frozen=True, slots=True, kw_only=True)
class _TracedDay:
    """The levels of a day, and what the trace of the next day starts from.

    ``market`` holds the robust levels of the pool, ``difference`` what each group has over its parent, ``relative`` the
    residuals of the day's own sales over the level of the market.
    """

    levels: Levels
    market: tuple[FloatArray, FloatArray]
    difference: FloatArray
    relative: FloatArray


class TracedDays:
    """Days that were traced before, found by the sales known by then; the least recently used are dropped first."""

    def __init__(self) -> None:
        self._days: OrderedDict[bytes, _TracedDay] = OrderedDict()

    def find(self, keys: Sequence[bytes]) -> list[_TracedDay]:
        """Return the days that are kept, up to the first that is not."""
        found = []
        for key in keys:
            day = self._days.get(key)
            if day is None:
                break
            self._days.move_to_end(key)
            found.append(day)
        return found

    def keep(self, keys: Sequence[bytes], days: Sequence[_TracedDay]) -> None:
        """Keep days by the sales known by then."""
        self._days.update(zip(keys, days, strict=True))
        while len(self._days) > max(_MOST_DAYS, len(keys)):
            self._days.popitem(last=False)


def trace_levels(
    sales: DailySales, groups: Groups, settings: BandSettings, pace: tuple[float, float], traced: TracedDays
) -> tuple[Levels, ...]:
    """Return the levels of every day on which sales became known.

    A day's levels depend, to the bit, on the sales known by then alone. So a day whose sales have not changed is not
    traced again.

    Parameters
    ----------
    sales, groups, settings
        What was sold, the tree of groups and how sales are weighed.
    pace
        Robust standard deviation of residuals, and how many days are taken together. [1, d]
    traced
        The days traced before; the new ones are added.

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
    """Return a hash of the sales known by each day; each day goes to the end of its last sale."""
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
    """The trace of the levels from one day to the next."""

    def __init__(self, sales: DailySales, groups: Groups, settings: BandSettings, pace: tuple[float, float]) -> None:
        self._sales, self._settings = sales, settings
        self._sigma, self._step_days = pace
        self._lines = _lines(groups)
        pool, *self._layers = _layers(sales, self._lines, settings)
        self._market = _Market(sales, pool, settings, self._sigma)
        self.relative = np.zeros(0)
        """Residuals over the level of the market on their day, of the sales of the days traced so far."""

    def origin(self) -> _TracedDay:
        """Return the day before the first sale: no level has moved."""
        nothing = np.zeros(len(self._lines))
        levels = Levels(
            day=float(self._sales.known_day[0]) - self._step_days, sigma=self._sigma, market=0.0, market_goal=0.0,
            group=nothing, group_goal=nothing, asked=nothing, trend=0.0,
        )  # fmt: skip
        return _TracedDay(levels=levels, market=(np.zeros(1), np.zeros(1)), difference=nothing, relative=np.zeros(0))

    def next_day(self, end: int, before: _TracedDay) -> _TracedDay:
        """Return the next day with sales, the last of which is the one before ``end``."""
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
    """Return each group's line of parents, the pool first, -1 below the group itself."""
    line: list[list[int]] = []
    for code, parent in enumerate(groups.parent.tolist()):
        line.append([*line[parent], code] if code else [0])
    deepest = max(len(one) for one in line)
    return np.array([one + [-1] * (deepest - len(one)) for one in line], dtype=np.int64)


def _layers(sales: DailySales, lines: IntArray, settings: BandSettings) -> list[_Layer]:
    """Return the sales once for the pool and once for every generation of groups below it."""
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
    """Where the sales known by a day draw the level of the market."""

    def __init__(self, sales: DailySales, pool: _Layer, settings: BandSettings, sigma: float) -> None:
        self._sales, self._pool, self._sigma = sales, pool, sigma
        self._half_lives = (settings.anchor_days, settings.anchor_days * _FAST_SHARE)

    def weight(self, end: int, half_life: float) -> FloatArray:
        """Return the weights of the first sales on the day of the last of them."""
        day = self._sales.known_day[:end]
        weight: FloatArray = self._sales.weight[:end] * np.exp2((day - day[-1]) / half_life)
        return weight

    def goal(
        self, end: int, start: tuple[FloatArray, FloatArray]
    ) -> tuple[float, float, tuple[FloatArray, FloatArray]]:
        """Return the level that the first sales ask for, the trend of the newest of them, and both robust levels.

        The trend is how far the newest sales lead the level, as far as it is not chance. They are behind a trend
        themselves by a share of their lead, which is added, as in double exponential smoothing (R. G. Brown, 1959).
        The search for both levels starts from those of the day before.
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
    """Return what each group has over its parent, from residuals over the market's level of their day, and weights."""
    left, weight = sales[0].copy(), sales[1]
    difference = np.zeros(len(start))
    for layer in layers:
        rows = layer.rows(weight)
        level = layer.levels(left, rows, start[layer.codes], sigma)
        difference[layer.codes] = level
        left[layer.sale[: len(rows)]] -= level[layer.group[: len(rows)]]
    return difference


def _summed(difference: FloatArray, lines: IntArray) -> FloatArray:
    """Return each group's difference and those of its parents together."""
    total = np.zeros(len(lines))
    for column in lines.T[1:]:
        total += np.where(column >= 0, difference[column], 0.0)
    return total
