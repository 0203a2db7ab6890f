"""Correction of the band for undercoverage in later months.

Prices are known late and old sales keep weight, so the band lags when errors grow. Errors within a quarter are
correlated, so a band with correct average coverage is too narrow in some quarters. The correction works like the
integral term of a controller (A. N. Angelopoulos et al., 2023): it widens the band to the nominal coverage of a quarter
that is worse by one standard deviation.
"""

from __future__ import annotations

import numpy as np

from models.calibration.score_weights import (
    conformal_quantile,
    effective_rows,
    is_prequential,
    kind_weight,
    normalised_score,
    time_decayed,
)
from models.inference.band import BandSettings, CalibrationScores
from models.inference.shift_monitor import LEVEL
from valuation.numeric.columns import FloatArray

_ROWS = 50.0  # sales at which what the band has lacked of late is made up for by one half
_WINDOW_DAYS = 30.0
_HALF_LIVES = 4.0  # how far back it is looked for: what is older weighs next to nothing
_QUARTER_DAYS = 91.0
_LEAST_QUARTERS, _LEAST_ROWS = 3, 20
_MOST_HELD = 0.98


def coverage_lag(table: FloatArray, records: CalibrationScores, settings: BandSettings, as_of: float) -> float:
    """Return the factor by which the band is widened: at least 1, and exactly 1 without prequential sales.

    Parameters
    ----------
    table
        Quantiles of every group.
    records
        Out-of-sample records without those of left-out groups.
    settings
        Decay of sales and label delay.
    as_of
        The valuation day, NaN if sales have no day.

    """
    short = _shortfalls(normalised_score(table, records), records, settings, as_of)
    judged = ~np.isnan(short)
    if not np.any(judged):
        return 1.0
    late, day = short[judged], records.day[judged]
    weight = time_decayed(records.take(judged), settings.decay_days, as_of)
    rows = effective_rows(weight)
    level = min(LEVEL + quarter_spread(late <= 1.0, day), _MOST_HELD)
    lacked = conformal_quantile(late, weight, np.array([level]))[0]
    return max(1.0 + rows / (rows + _ROWS) * float(lacked - 1.0), 1.0)


def _shortfalls(strained: FloatArray, records: CalibrationScores, settings: BandSettings, as_of: float) -> FloatArray:
    """Return each recent sale's score relative to the band known at the start of its month; NaN for all others."""
    late = is_prequential(records) & (records.day >= as_of - _HALF_LIVES * settings.decay_days)
    short = np.full(len(strained), np.nan)
    if not np.any(late):  # nor where the day is NaN
        return short
    order = np.argsort(strained, kind="stable")
    first, last = float(np.min(records.day[late])), float(np.max(records.day[late]))
    for start in np.arange(first, last + 1.0, _WINDOW_DAYS).tolist():
        known = records.day + settings.label_delay_days <= start + 1e-9
        window = late & (records.day >= start) & (records.day < start + _WINDOW_DAYS)
        past = records.take(known)
        weight = time_decayed(past, settings.decay_days, start) * kind_weight(past)
        if np.any(window) and effective_rows(weight) >= _ROWS:
            rising = (np.cumsum(known) - 1)[order[known[order]]]
            stood = conformal_quantile(strained[known], weight, np.array([LEVEL]), rising)[0]
            short[window] = strained[window] / (stood if stood > 0.0 else 1.0)
    return short


def quarter_spread(held: np.ndarray, day: FloatArray) -> float:
    """Return the standard deviation of the coverage between quarters in excess of sampling error.

    Estimated by moments of a beta-binomial distribution, with the sampling variance raised by one standard error. Zero
    if fewer than three quarters have twenty sales.

    >>> quarter_spread(np.repeat([True, False, True], 30), np.repeat([0.0, 100.0, 200.0], 30)) > 0.5
    True
    >>> quarter_spread(np.tile([True, False, True], 30), np.repeat([0.0, 100.0, 200.0], 30))
    0.0
    """
    quarter = ((day - np.min(day)) // _QUARTER_DAYS).astype(np.int64)
    sales, kept = np.bincount(quarter), np.bincount(quarter, weights=held)
    enough = sales >= _LEAST_ROWS
    sales, kept = sales[enough].astype(np.float64), kept[enough]
    if len(sales) < _LEAST_QUARTERS:
        return 0.0
    share, mean = kept / sales, float(np.sum(kept) / np.sum(sales))
    found = float(np.average((share - mean) ** 2, weights=sales)) * len(sales) / (len(sales) - 1.0)
    chance = len(sales) * mean * (1.0 - mean) / float(np.sum(sales))
    granted = chance * (1.0 + float(np.sqrt(2.0 / (len(sales) - 1.0))))
    return float(np.sqrt(max(found - granted, 0.0)))
