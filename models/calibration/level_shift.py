"""The dated re-anchor: where the market has moved since training, told by sales alone, each known only when reported.

A market that has turned moves every price; widening the band until it covers again leaves the point wrong. Moving the
centre by a robust level of the deviations known by the day put both right on drifting markets, and cost nothing on
quiet ones. How far a few sales can move it is bounded (:mod:`models.calibration.level_path`).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

import numpy as np

from models.calibration.conformal_bands import Shifts, build_band, level_shifts
from models.calibration.level_path import DailySales, Levels, TracedDays, trace_levels
from models.calibration.robust_level import capped_from, reporter_cap, robust_sigma
from models.inference.band import OUT_OF_FOLD, REPORTED, Band, BandSettings, CalibrationScores
from models.inference.groups import Groups
from valuation.numeric.columns import FloatArray, IntArray

OWN_REPORTER = -1
"""Reporter of a sale that names none: it stands for itself."""
_LEAST_WINDOW_DAYS = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Sales in the order they became known, with what the model said of them.

    ``reporter`` numbers who reported each sale, :data:`OWN_REPORTER` for a sale that names nobody; None for no names.
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
        In the order of their days; none where no sale was reported.
    sigma
        Robust standard deviation of the deviations in the training set, on the scale.

    """

    standing: FloatArray
    levels: tuple[Levels, ...]
    sigma: float

    def by(self, day: float) -> Levels | None:
        """Return the newest levels known on a day, None where there are none."""
        place = bisect_right(self.levels, day + 1e-9, key=lambda one: one.day)
        return self.levels[place - 1] if place else None

    def shifts(self, day: float) -> Shifts:
        """Return what is added to each group's mean on a day, and by how much it may be off."""
        levels = self.by(day)
        if levels is None:
            nothing = np.zeros(len(self.standing))
            return Shifts(known=self.standing, unseen=nothing, unsure=nothing, sigma=self.sigma)
        moved, unsure = levels.on(day)
        return Shifts(known=self.standing + moved, unseen=moved, unsure=unsure, sigma=self.sigma)


class LevelTracer:
    """Traces the levels of one model's groups since its training; a day that was traced once is not traced again.

    ``past`` holds the sales behind the model's band.
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
        """Return the levels since training, with sales reported since and the reporter of each of these."""
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
        """Return sales as records, each scored against the anchor known on its day, and the levels behind them."""
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
        """Return all records together with sales known by a day, and the band of that day."""
        fresh, trace = self.scored(sales)
        if sales.reporter is not None:
            reporter = sales.reporter[np.argsort(sales.day, kind="stable")]
            fresh = replace(fresh, weight=_capped(fresh.weight, _by_first_sale(reporter), self._settings))
        records = self._past.joined(fresh)
        known = known_by(records, self._settings, as_of)
        return records, build_band(known, self._groups, trace.shifts(as_of), self._settings, as_of)


def anchor(records: CalibrationScores, groups: Groups, settings: BandSettings, as_of: float) -> FloatArray:
    """Return each group's level shift from the sales known by a day.

    Sales of the training set pull by their group's median; sales since, by a robust level that forgets with its
    half-life and moves by a bounded amount a day.
    """
    return LevelTracer(known_by(records, settings, as_of), groups, settings).trace().shifts(as_of).known


def known_by(records: CalibrationScores, settings: BandSettings, as_of: float) -> CalibrationScores:
    """Return the records whose prices are known on a day; all where it is NaN."""
    if np.isnan(as_of):
        return records
    return records.take((records.kind != REPORTED) | (records.day + settings.label_delay_days <= as_of + 1e-9))


def _by_first_sale(reporter: IntArray) -> IntArray:
    """Return each sale's reporter numbered by the place of its first sale; a sale that names nobody by its own.

    Later sales never change these numbers.
    """
    _, first, inverse = np.unique(reporter, return_index=True, return_inverse=True)
    return np.where(reporter == OWN_REPORTER, np.arange(len(reporter)), first[inverse])


def score_stream(sales: Stream, past: CalibrationScores, groups: Groups, settings: BandSettings) -> CalibrationScores:
    """Return sales as records, each scored against the anchor that was known on its day.

    The anchor is worked out anew every half label delay: a training set holds the days of many years.
    """
    step_days = settings.label_delay_days / 2.0 if settings.label_delay_days > 0.0 else _LEAST_WINDOW_DAYS
    return LevelTracer(past, groups, settings, step_days).scored(sales)[0]


def _capped(weight: FloatArray, reporter: IntArray, settings: BandSettings) -> FloatArray:
    """Return weights under which no reporter carries more than a third of them and of the prior's."""
    if len(weight) < capped_from(reporter):
        return weight
    return reporter_cap(np.zeros(len(weight), dtype=np.int64), reporter, settings.prior_rows).capped(weight)


def _scores(sales: CalibrationScores, width: FloatArray, trace: Trace, *, own_is_later: bool) -> FloatArray:
    """Return each sale's deviation from the anchor known on its day, over its width."""
    shift = np.empty(len(sales.day))
    for day in np.unique(sales.day).tolist():
        rows = slice(*np.searchsorted(sales.day, [day, np.nextafter(day, np.inf)]))
        known = day if own_is_later else np.nextafter(day, -np.inf) - 1e-6
        shift[rows] = trace.shifts(known).known[sales.group[rows]]
    return standardised(sales.residual - shift, width)


def standardised(deviation: FloatArray, width: FloatArray) -> FloatArray:
    """Return deviations over widths; zero where the model expects none and there is none."""
    return deviation / np.where(width > 0.0, width, 1.0)


def rebuild(records: CalibrationScores, groups: Groups, settings: BandSettings, as_of: float) -> Band:
    """Return the band of a day from all records known by then."""
    records = known_by(records, settings, as_of)
    trace = LevelTracer(records, groups, settings).trace()
    return build_band(records, groups, trace.shifts(as_of), settings, as_of)
