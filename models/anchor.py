"""The dated re-anchor: where the market has moved since training, told by sales alone, each known only when reported.

A market that has turned moves every price; widening the band until it covers again leaves the point wrong. Moving the
centre by the decayed median of the deviations known by the day put both right on drifting markets, and cost nothing on
quiet ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.band import LIVE, SEEN, Band, BandSettings, Records
from models.calibration import build_band, level_shifts
from models.groups import Groups
from models.weighing import decayed
from valuation.columns import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Sales in the order they became known, with what the model said of them."""

    residual: FloatArray
    width: FloatArray
    weight: FloatArray
    day: FloatArray
    group: IntArray


def anchor(records: Records, groups: Groups, settings: BandSettings, as_of: float) -> FloatArray:
    """Return each group's level shift from the sales known by a day.

    Sales of the training set pull by their group's median; sales since, by a median that forgets with its half-life.
    """
    return _moved(records, groups, settings, as_of, _standing(records, groups, settings))


def _standing(records: Records, groups: Groups, settings: BandSettings) -> FloatArray:
    """Return each group's level in the training set; the pool's is the centre already, so zero."""
    old = records.take(records.kind == SEEN)
    half = (settings.shift_rows, settings.shift_rows)
    shifts = level_shifts(old.residual, old.weight, old.group, groups, half)
    standing: FloatArray = shifts - shifts[0]
    return standing


def _moved(records: Records, groups: Groups, settings: BandSettings, as_of: float, standing: FloatArray) -> FloatArray:
    known = (records.kind == LIVE) & (records.day + settings.label_delay_days <= as_of + 1e-9)
    if not np.any(known):  # nor where the day is NaN
        return standing
    news = records.take(known)
    weight = decayed(news, settings.anchor_days, as_of)
    half = (settings.prior_rows, settings.shift_rows)
    shifts: FloatArray = standing + level_shifts(news.residual - standing[news.group], weight, news.group, groups, half)
    return shifts


def score_stream(sales: Stream, past: Records, groups: Groups, settings: BandSettings) -> Records:
    """Return sales as records, each scored against the anchor that was known on its day."""
    order = np.argsort(sales.day, kind="stable")
    standing = _standing(past, groups, settings)
    known = past.take(past.kind == LIVE)
    pieces = []
    window = settings.label_delay_days / 2.0 if settings.label_delay_days > 0 else 7.0
    start = 0
    days = sales.day[order]
    while start < len(order):
        end = max(start + 1, int(np.searchsorted(days, days[start] + window)))
        rows = order[start:end]
        shift = _moved(known, groups, settings, float(days[start]), standing)
        piece = Records(
            residual=sales.residual[rows],
            score=standardised(sales.residual[rows] - shift[sales.group[rows]], sales.width[rows]),
            weight=sales.weight[rows],
            day=sales.day[rows],
            group=sales.group[rows],
            kind=np.full(len(rows), LIVE, dtype=np.int64),
        )
        known, start = known.joined(piece), end
        pieces.append(piece)
    empty = past.take(np.zeros(len(past.day), dtype=np.bool_))
    for piece in pieces:
        empty = empty.joined(piece)
    return empty


def standardised(deviation: FloatArray, width: FloatArray) -> FloatArray:
    """Return deviations over widths; zero where the model expects none and there is none."""
    return deviation / np.where(width > 0.0, width, 1.0)


def rebuild(records: Records, groups: Groups, settings: BandSettings, as_of: float) -> Band:
    """Return the band of a day from all records known by then."""
    if not np.isnan(as_of):
        records = records.take((records.kind != LIVE) | (records.day + settings.label_delay_days <= as_of + 1e-9))
    standing = _standing(records, groups, settings)
    shift = _moved(records, groups, settings, as_of, standing)
    return build_band(records, groups, (shift, shift - standing), settings, as_of)
