"""The clock: the default valuation day is today in China.

The core takes the day as an argument. Entry points where the day is optional (command line, HTTP, page, MLflow) use
:func:`today`. Tests replace :func:`moment`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "UTC+8")
"""The time zone in which a valuation day and a recording day begin and end, wherever the program runs."""


def moment() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(tz=UTC)  # noqa: TID251 - this is the place that reads the clock


def today() -> date:
    """Return today's date in China: the default valuation day (评估基准日) and the recording day."""
    return day_at(moment())


def day_at(instant: datetime) -> date:
    """Return the day in China at a moment.

    >>> day_at(datetime(2026, 11, 20, 15, 59, tzinfo=UTC)), day_at(datetime(2026, 11, 20, 16, 0, tzinfo=UTC))
    (datetime.date(2026, 11, 20), datetime.date(2026, 11, 21))
    """
    return instant.astimezone(CHINA).date()
