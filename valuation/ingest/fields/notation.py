"""A value together with how it was written (写法), so that what was converted can be listed."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Reading(NamedTuple):
    """A checked value of a field.

    `respelled` says that it was converted from another unit or notation; `month_only` that a day names only a month.
    """

    value: float | str | date
    respelled: bool = False
    month_only: bool = False
