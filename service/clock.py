"""Days (UTC+8), times (UTC) and time-ordered ids for the service and its store."""

from __future__ import annotations

import os
from datetime import date, datetime

from models import clock
from models.clock import today

__all__ = ["new_ids", "now", "recorded_day", "today"]


def now() -> str:
    """Return the present time in UTC with microseconds, in the format of the store."""
    return clock.moment().isoformat(timespec="microseconds")


def new_ids(count: int) -> list[str]:
    """Return ids for valuations in ascending order: UUIDs of version 7 (RFC 9562).

    Ids in order of time keep new rows adjacent in the indexes of the store.

    >>> first, second = new_ids(2)
    >>> first < second, first[14], len(first)
    (True, '7', 36)
    """
    moment, chance = int(clock.moment().timestamp() * 1000.0), os.urandom(10 * count)  # [ms since 1970 in UTC]
    numbers = [
        moment << 80 | int.from_bytes(chance[start : start + 10]) & _RANDOM_BITS | _VERSION_BITS
        for start in range(0, 10 * count, 10)
    ]
    letters = [f"{number:032x}" for number in sorted(numbers)]
    return [f"{one[:8]}-{one[8:12]}-{one[12:16]}-{one[16:20]}-{one[20:]}" for one in letters]


_VERSION_BITS = 0x7 << 76 | 0x2 << 62
_RANDOM_BITS = 0xFFF << 64 | (1 << 62) - 1  # random bits, without time and version


def recorded_day(recorded_at: str) -> date:
    """Return the day (入账日期, UTC+8) of a time in the format of the store.

    >>> recorded_day("2026-11-20T16:00:00.000000+00:00")
    datetime.date(2026, 11, 21)
    """
    return clock.day_at(datetime.fromisoformat(recorded_at))
