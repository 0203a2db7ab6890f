"""Dated recentring: the shift of the price level since training, from the sales known by each day.

If the market level changes, a wider band alone leaves the point biased. A shift of the centre by a robust mean of the
residuals corrects both in drifting markets and costs nothing in stable ones. The influence of few sales is bounded
(:mod:`models.calibration.daily_price_level`).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

import numpy as np

from models.calibration.conformal_bands import Shifts, build_band, level_shifts
from models.calibration.daily_price_level import DailySales, Levels, TracedDays, trace_levels
from models.calibration.robust_level import capped_from, reporter_cap, robust_sigma
from models.inference.band import OUT_OF_FOLD, REPORTED, Band, BandSettings, CalibrationScores
from models.inference.group_tree import Groups
from valuation.numeric.columns import FloatArray, IntArray

OWN_REPORTER = -1
"""Code of a sale without a reporter: it counts as a reporter of its own."""
_LEAST_WINDOW_DAYS = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Sales with the residual and the predicted width of each.

    ``reporter`` is the number of the reporter, :data:`OWN_REPORTER` for a sale without one; None if no sale names one.
    """

    residual: FloatArray
    width: FloatArray
    weight: FloatArray
    day: FloatArray
    group: IntArray
    reporter: IntArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The levels of the market since training, and the level of each group in the training set.

    Attributes
    ----------
    standing
        Shape (groups,): each group's level in the training set, relative to all sales.
    levels
        In order of day; empty if no sale was reported.
    sigma
        Robust standard deviation of the residuals in the training set, on the scale.

    """

    standing: FloatArray
    levels: tuple[Levels, ...]
    sigma: float

    def by(self, day: float) -> Levels | None:
        """Return the newest levels known on a day, None before any."""
        place = bisect_right(self.levels, day + 1e-9, key=lambda one: one.day)
        return self.levels[place - 1] if place else None

    def known(self, day: float) -> FloatArray:
        """Return the shift of each group on a day."""
        levels = self.by(day)
        if levels is None:
            return self.standing
        market, group = levels.drawn_on(day)
        return self.standing + (market + group)

    def shifts(self, day: float) -> Shifts:
        """Return the shift of each group on a day, and its uncertainty."""
        levels = self.by(day)
        if levels is None:
            nothing = np.zeros(len(self.standing))
            return Shifts(known=self.standing, unseen=nothing, unsure=nothing, sigma=self.sigma)
        moved, unsure = levels.on(day)
        return Shifts(known=self.standing + moved, unseen=moved, unsure=unsure, sigma=self.sigma)


class LevelTracer:
    """Traces the level of each group since training and caches traced days.

    ``past`` holds the calibration scores of the model.
    """

    def __init__(self, past: CalibrationScores, groups: Groups, settings: BandSettings, step_days: float = 1.0) -> None:
        self._groups, self._settings, self._step_days = groups, settings, step_days
        old = past.take(past.kind == OUT_OF_FOLD)
        half_rows = (settings.shift_rows, settings.shift_rows)
        shifts = level_shifts(old.residual, old.weight, old.group, groups, half_rows)
        self._standing: FloatArray = shifts - shifts[0]  # the pool's level is the centre already
        self._sigma = robust_sigma(old.residual - self._standing[old.group], old.weight)
        self._past, self._live = past, past.take((past.kind == REPORTED) & ~np.isnan(past.day))
        self._traced = TracedDays()

    def trace(self, fresh: CalibrationScores | None = None, reporter: IntArray | None = None) -> Trace:
        """Return the levels since training; ``fresh`` are newly reported sales with their reporters."""
        live = self._live
        if fresh is not None:
            dated = ~np.isnan(fresh.day)
            live = live.joined(fresh.take(dated))
            if reporter is not None:
                reporter = np.concatenate([np.full(len(self._live.day), OWN_REPORTER), reporter[dated]])
        residual = live.residual - self._standing[live.group]
        sigma = self._sigma
        if sigma == 0.0 and len(residual):
            sigma = float(np.median(np.abs(residual)))  # a training set without any deviation
        order = np.argsort(live.day, kind="stable")
        sales = DailySales(
            residual=residual[order],
            weight=live.weight[order],
            known_day=live.day[order] + self._settings.label_delay_days,
            group=live.group[order],
            reporter=None if reporter is None else _by_first_sale(reporter[order]),
        )
        levels = trace_levels(sales, self._groups, self._settings, (sigma, self._step_days), self._traced)
        return Trace(standing=self._standing, levels=levels, sigma=sigma)

    def scored(self, sales: Stream) -> tuple[CalibrationScores, Trace]:
        """Return sales as records, each scored against the level known on its day, and the trace of the levels."""
        order = np.argsort(sales.day, kind="stable")
        fresh = CalibrationScores(
            residual=sales.residual[order],
            score=np.zeros(len(order)),
            weight=sales.weight[order],
            day=sales.day[order],
            group=sales.group[order],
            kind=np.full(len(order), REPORTED, dtype=np.int64),
        )
        trace = self.trace(fresh, None if sales.reporter is None else sales.reporter[order])
        score = _scores(fresh, sales.width[order], trace, own_is_later=self._settings.label_delay_days > 0.0)
        return replace(fresh, score=score), trace

    def absorb(self, sales: Stream, as_of: float) -> tuple[CalibrationScores, Band]:
        """Return all records including new sales, and the band of a day."""
        fresh, trace = self.scored(sales)
        if sales.reporter is not None:
            reporter = sales.reporter[np.argsort(sales.day, kind="stable")]
            fresh = replace(fresh, weight=_capped(fresh.weight, _by_first_sale(reporter), self._settings))
        records = self._past.joined(fresh)
        known = known_by(records, self._settings, as_of)
        return records, build_band(known, self._groups, trace.shifts(as_of), self._settings, as_of)


def anchor(records: CalibrationScores, groups: Groups, settings: BandSettings, as_of: float) -> FloatArray:
    """Return the level shift of each group from the sales known by a day.

    The shift is the group's median in the training set plus the bounded robust level of the sales since.
    """
    return LevelTracer(known_by(records, settings, as_of), groups, settings).trace().known(as_of)


def known_by(records: CalibrationScores, settings: BandSettings, as_of: float) -> CalibrationScores:
    """Return the records whose prices are known on a day; all if it is NaN."""
    if np.isnan(as_of):
        return records
    return records.take((records.kind != REPORTED) | (records.day + settings.label_delay_days <= as_of + 1e-9))


def _by_first_sale(reporter: IntArray) -> IntArray:
    """Return reporters numbered by the index of their first sale; a sale without a reporter by its own index.

    Later sales do not change these numbers.
    """
    _, first, inverse = np.unique(reporter, return_index=True, return_inverse=True)
    return np.where(reporter == OWN_REPORTER, np.arange(len(reporter)), first[inverse])


def score_stream(sales: Stream, past: CalibrationScores, groups: Groups, settings: BandSettings) -> CalibrationScores:
    """Return sales as records, each scored against the level known on its day.

    The level is updated every half label delay, because a training set spans many years.
    """
    step_days = settings.label_delay_days / 2.0 if settings.label_delay_days > 0.0 else _LEAST_WINDOW_DAYS
    return LevelTracer(past, groups, settings, step_days).scored(sales)[0]


def _capped(weight: FloatArray, reporter: IntArray, settings: BandSettings) -> FloatArray:
    """Return weights capped so that no reporter has more than a third of the total with the prior."""
    if len(weight) < capped_from(reporter):
        return weight
    return reporter_cap(np.zeros(len(weight), dtype=np.int64), reporter, settings.prior_rows).capped(weight)


def _scores(sales: CalibrationScores, width: FloatArray, trace: Trace, *, own_is_later: bool) -> FloatArray:
    """Return the standardised residual of each sale relative to the level known on its day."""
    shift = np.empty(len(sales.day))
    for day in np.unique(sales.day).tolist():
        rows = slice(*np.searchsorted(sales.day, [day, np.nextafter(day, np.inf)]))
        known = day if own_is_later else np.nextafter(day, -np.inf) - 1e-6
        shift[rows] = trace.known(known)[sales.group[rows]]
    return standardised(sales.residual - shift, width)


def standardised(deviation: FloatArray, width: FloatArray) -> FloatArray:
    """Return deviations divided by widths, undivided where the width is zero."""
    return deviation / np.where(width > 0.0, width, 1.0)


def rebuild(records: CalibrationScores, groups: Groups, settings: BandSettings, as_of: float) -> Band:
    """Return the band of a day from the records known by then."""
    records = known_by(records, settings, as_of)
    trace = LevelTracer(records, groups, settings).trace()
    return build_band(records, groups, trace.shifts(as_of), settings, as_of)
