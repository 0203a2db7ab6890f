"""Events that a valuation leaves out because they happened, were reported or recorded after its day (未计入记录)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from valuation.numeric.columns import Columns, FloatArray, IntArray

HAPPENED, REPORTED, RECORDED = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUsed:
    """Counts of one pack's later events in an answer; the three reasons add up to `events_after_as_of`.

    Attributes
    ----------
    events_after_as_of : events of the record that are not used.
    happened_after, reported_after, recorded_after : the same by the first of these reasons that holds.
    nameplate_counts_on : the day on which a newer nameplate was recorded, if that was after the valuation day.
    first_counts_on : the first valuation day on which any of them would be used.
    """

    events_after_as_of: int = 0
    happened_after: int = 0
    reported_after: int = 0
    recorded_after: int = 0
    nameplate_counts_on: date | None = None
    first_counts_on: date | None = None


NOTHING_LEFT_OUT = NotUsed()


@dataclass(frozen=True, slots=True, kw_only=True)
class LateEvents:
    """The events that a cut leaves out: pack, reason, and the first valuation day that would use each.

    No other content of these events passes the cut.
    """

    row: IntArray
    reason: IntArray
    counts_on_day: FloatArray


NO_LATE_EVENTS = LateEvents(
    row=np.zeros(0, dtype=np.int64), reason=np.zeros(0, dtype=np.int64), counts_on_day=np.zeros(0)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUsedColumns:
    """Counts and days of what is left out, one row per pack.

    Attributes
    ----------
    by_reason : counts of shape (3, packs), by :data:`HAPPENED`, :data:`REPORTED` and :data:`RECORDED`.
    nameplate_day, first_day : days since 1970-01-01, NaN if nothing is left out.
    """

    by_reason: IntArray
    nameplate_day: FloatArray
    first_day: FloatArray


def known_from_day(events: Columns) -> FloatArray:
    """Return the first day on which each event had happened, been reported and been recorded. [d]

    >>> known_from_day({"on_day": np.array([5.0]), "reported_day": np.array([np.nan]), "recorded_day": np.array([7.0])})
    array([7.])
    """
    day: FloatArray = np.fmax(np.fmax(events["on_day"], events["reported_day"]), events["recorded_day"])
    return day


def late_events(events: Columns, row: IntArray, late: IntArray, as_of_day: FloatArray) -> LateEvents:
    """Return the events at these positions as late events.

    Parameters
    ----------
    events, row
        All events and their packs.
    late : integers
        The positions of events that were not known by their pack's valuation day.
    as_of_day : array of shape (packs,)
        Valuation day of each pack.
    """
    if not len(late):
        return NO_LATE_EVENTS
    days = {name: events[name][late] for name in ("on_day", "reported_day", "recorded_day")}
    limit = as_of_day[row[late]]
    reason = np.where(days["on_day"] > limit, HAPPENED, np.where(days["reported_day"] > limit, REPORTED, RECORDED))
    return LateEvents(row=row[late], reason=reason, counts_on_day=known_from_day(days))


def count_not_used(late: LateEvents, superseded_day: FloatArray, as_of_day: FloatArray) -> NotUsedColumns:
    """Return what is left out of each pack, and the first day on which any of it would be used."""
    rows = len(as_of_day)
    nameplate_day = np.where(superseded_day > as_of_day, superseded_day, np.nan)
    if not len(late.row):
        return NotUsedColumns(
            by_reason=np.zeros((3, rows), dtype=np.int64), nameplate_day=nameplate_day, first_day=nameplate_day
        )
    by_reason = np.bincount(late.reason * rows + late.row, minlength=3 * rows).reshape(3, rows)
    first_day = np.where(np.isnan(nameplate_day), np.inf, nameplate_day)
    np.minimum.at(first_day, late.row, late.counts_on_day)
    first_day[np.isinf(first_day)] = np.nan
    return NotUsedColumns(by_reason=by_reason, nameplate_day=nameplate_day, first_day=first_day)
