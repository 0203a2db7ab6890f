"""Geometry of the SVG charts, in per cent of the width so that text keeps its size.

The templates draw it; next to each chart is a table with the same values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from valuation.result import Band, Driver, RouteValue

_MARGIN = 0.06
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis: position, amount, text anchor."""

    at: float
    amount: float
    anchor: str = "middle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar from `at` with a width, both in per cent of the chart."""

    at: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BandChart:
    """Chart of a value: the band, the middle half, the point, zero if visible, and an axis."""

    band: Bar
    half: Bar | None
    point: Tick
    zero: float | None
    ticks: tuple[Tick, ...]
    routes: tuple[tuple[str, Tick], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A row of the waterfall chart: a driver, its bar, and its sign."""

    kind: str
    label_en: str
    label_zh: str
    amount: float
    bar: Bar
    count: int = 0


def band_chart(band: Band, routes: Sequence[RouteValue] = ()) -> BandChart:
    """Return the chart of a band with the values of the routes.

    >>> band = Band(point=50.0, lower=0.0, upper=100.0, level=0.9, per_kwh=1.0, quantiles={})
    >>> chart = band_chart(band)
    >>> round(chart.point.at, 6), [tick.amount for tick in chart.ticks]
    (50.0, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0])
    """
    shown = sorted((one for one in routes if one.open), key=lambda one: -one.value)  # keeps lines away from names
    amounts = [band.lower, band.point, band.upper, *band.quantiles.values(), *(one.value for one in shown)]
    scale = _Scale(min(amounts), max(amounts))
    quarters = band.quantiles.get("0.25"), band.quantiles.get("0.75")
    half = None if quarters[0] is None or quarters[1] is None else scale.bar(quarters[0], quarters[1])
    return BandChart(
        band=scale.bar(band.lower, band.upper),
        half=half,
        point=scale.tick(band.point),
        zero=scale.at(0.0) if scale.low < 0.0 < scale.high else None,
        ticks=tuple(scale.tick(amount) for amount in round_steps(scale.low, scale.high)),
        routes=tuple((one.route, scale.tick(one.value)) for one in shown),
    )


def waterfall(base: float, drivers: Sequence[Driver], point: float, most: int = 10) -> tuple[Step, ...]:
    """Return the waterfall from the base to the point: the largest drivers, and the rest combined.

    >>> [step.kind for step in waterfall(1.0, [], 1.0)]
    ['base', 'total']
    """
    shown = drivers if len(drivers) <= most + 1 else drivers[:most]
    rest = drivers[len(shown) :]
    steps = [("base", "", "", base, 0), *(("", one.label_en, one.label_zh, one.effect_cny, 0) for one in shown)]
    if rest:
        steps.append(("others", "", "", math.fsum(one.effect_cny for one in rest), len(rest)))
    if base == 0.0:
        steps = steps[1:]
    levels = [0.0]
    for _, _, _, amount, _ in steps:
        levels.append(levels[-1] + amount)
    scale = _Scale(min(*levels, point, 0.0), max(*levels, point, 0.0), margin=0.01)
    rows = [
        Step(
            kind=kind or ("plus" if amount >= 0.0 else "minus"),
            label_en=label_en,
            label_zh=label_zh,
            amount=amount,
            bar=scale.bar(levels[place], levels[place + 1]),
            count=count,
        )
        for place, (kind, label_en, label_zh, amount, count) in enumerate(steps)
    ]
    total = Step(kind="total", label_en="", label_zh="", amount=point, bar=scale.bar(0.0, point))
    return (*rows, total)


def round_steps(low: float, high: float, about: int = 4) -> list[float]:
    """Return about `about` round amounts between two bounds.

    >>> round_steps(-120.0, 390.0)
    [-100.0, 0.0, 100.0, 200.0, 300.0]
    """
    span = max(high - low, 1e-9)
    size = 10.0 ** math.floor(math.log10(span / about))
    step = next((one * size for one in _STEPS if one * size >= span / (about + 2)), 10.0 * size)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [place * step + 0.0 for place in range(first, last + 1)]


class _Scale:
    """Linear scale from amounts to per cent of the width."""

    def __init__(self, low: float, high: float, margin: float = _MARGIN) -> None:
        span = high - low or max(abs(high), 1.0)
        self.low, self.high = low - margin * span, high + margin * span

    def at(self, amount: float) -> float:
        """Return the position of an amount."""
        return 100.0 * (amount - self.low) / (self.high - self.low)

    def bar(self, start: float, end: float) -> Bar:
        """Return the bar between two amounts, with a minimum width."""
        left, right = sorted((self.at(start), self.at(end)))
        return Bar(at=round(left, 3), width=round(max(right - left, 0.25), 3))

    def tick(self, amount: float) -> Tick:
        """Return the axis mark of an amount; near an edge its text is anchored inwards."""
        at = round(self.at(amount), 3)
        anchor = "start" if at < 12.0 else "end" if at > 88.0 else "middle"
        return Tick(at=at, amount=amount, anchor=anchor)
