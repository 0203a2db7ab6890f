"""The one place where canzhi reads the clock; the core is told the day and never asks for it."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime


def today() -> date:
    """Return today's date where the program runs: the default valuation day (评估基准日) of a person's question."""
    return datetime.now(tz=UTC).astimezone().date()  # noqa: TID251 - this is the door that reads the clock


def now() -> str:
    """Return the present moment in UTC to the microsecond, as it is written into the store."""
    return datetime.now(tz=UTC).isoformat(timespec="microseconds")  # noqa: TID251 - as above


def milliseconds() -> int:
    """Return the milliseconds since 1970 began in UTC, by which things made later are named later."""
    return time.time_ns() // 1_000_000


def recording_day() -> date:
    """Return the day on which something is written into the store, in UTC as the store counts its moments."""
    return datetime.now(tz=UTC).date()  # noqa: TID251 - as above
