"""Line charts as SVG text for self-contained reports (折线图), with a description for screen readers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#0b5394", "#b45f06", "#38761d", "#741b47", "#666666", "#a61c00")
_DASHES = ("", "7 4", "2 3", "10 3 2 3", "4 4", "1 3")
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 860, 320, 64, 16, 16, 76


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart: title, text description and labels of the horizontal axis.

    `as_share` labels the vertical axis in per cent; `promised` draws a reference line; `span` fixes the range.
    """

    title: str
    description: str
    labels: Sequence[str]
    as_share: bool = False
    promised: float | None = None
    span: tuple[float, float] | None = None


def line_chart(chart: Chart, series: Mapping[str, Sequence[float]]) -> str:
    """Draw one line per series over the labels; NaN leaves a gap.

    >>> line_chart(Chart(title="t", description="d", labels=["a", "b"]), {"x": [1.0, 2.0]}).startswith("<svg")
    True
    """
    low, high = _span(chart, [value for values in series.values() for value in values])
    step = (_WIDTH - _LEFT - _RIGHT) / max(len(chart.labels) - 1, 1)

    def place(position: int, value: float) -> str:
        return f"{_LEFT + position * step:.1f},{_y(value, low, high):.1f}"

    parts = [*_frame(chart, low, high, step)]
    for number, (name, values) in enumerate(series.items()):
        colour, dash = COLOURS[number % len(COLOURS)], _DASHES[number % len(_DASHES)]
        for run in _runs(values):
            points = " ".join(place(position, values[position]) for position in run)
            parts.append(
                f'<polyline fill="none" stroke="{colour}" stroke-width="2.2" '
                f'stroke-dasharray="{dash}" points="{points}"/>'
            )
        x, y = _LEFT + (number % 3) * 260, _HEIGHT - 26 + (number // 3) * 17
        parts.append(
            f'<line x1="{x}" y1="{y - 4}" x2="{x + 28}" y2="{y - 4}" stroke="{colour}" stroke-width="2.2" '
            f'stroke-dasharray="{dash}"/><text x="{x + 34}" y="{y}">{escape(name)}</text>'
        )
    return _wrapped(chart, parts)


def _frame(chart: Chart, low: float, high: float, step: float) -> list[str]:
    """Draw axes, ticks, labels and the reference line."""
    parts = []
    for value in _ticks(low, high):
        y = _y(value, low, high)
        parts.append(
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#ddd"/>'
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{_spelled(value, chart)}</text>'
        )
    every = max(1, math.ceil(len(chart.labels) / 12))
    for position, label in enumerate(chart.labels):
        if position % every == 0:
            x = _LEFT + position * step
            parts.append(f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 18}" text-anchor="middle">{escape(label)}</text>')
    if chart.promised is not None:
        y = _y(chart.promised, low, high)
        parts.append(
            f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#000" stroke-width="1.2"/>'
        )
    return parts


def _wrapped(chart: Chart, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="#222"><title>{escape(chart.title)}</title>'
        f"<desc>{escape(chart.description)}</desc>"
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>' + "".join(parts) + "</svg>"
    )


def _span(chart: Chart, values: Sequence[float]) -> tuple[float, float]:
    known = [value for value in values if math.isfinite(value)]
    known += [] if chart.promised is None else [chart.promised]
    if chart.span is not None:
        return chart.span
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin


def _ticks(low: float, high: float) -> list[float]:
    """Return round tick values of an axis.

    >>> _ticks(0.0, 1.0)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / 5.0
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1.0, 2.0, 5.0, 10.0) if size * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _y(value: float, low: float, high: float) -> float:
    share = (value - low) / (high - low)
    return _TOP + (1.0 - min(max(share, 0.0), 1.0)) * (_HEIGHT - _BOTTOM - _TOP)


def _spelled(value: float, chart: Chart) -> str:
    return f"{value:.0%}" if chart.as_share else f"{value:,.4g}"


def _runs(values: Sequence[float]) -> list[list[int]]:
    """Return the positions of consecutive finite values."""
    runs: list[list[int]] = [[]]
    for position, value in enumerate(values):
        if math.isfinite(value):
            runs[-1].append(position)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
