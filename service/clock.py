"""The clock as the service and its store use it: days in China, moments in UTC."""

from __future__ import annotations

from datetime import date, datetime

from models import clock
from models.clock import today

__all__ = ["milliseconds", "now", "recorded_day", "today"]


def now() -> str:
    """Return the present moment in UTC to the microsecond, as it is written into the store."""
    return clock.moment().isoformat(timespec="microseconds")


def milliseconds() -> int:
    """Return the milliseconds since 1970 began in UTC, by which things made later are named later."""
    return int(clock.moment().timestamp() * 1000.0)


def recorded_day(recorded_at: str) -> date:
    """Return the day (入账日期, UTC+8) of a moment that the store wrote.

    >>> recorded_day("2026-11-20T16:00:00.000000+00:00")
    datetime.date(2026, 11, 21)
    """
    return clock.day_at(datetime.fromisoformat(recorded_at))
