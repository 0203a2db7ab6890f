"""A value together with its notation in the source (写法), so that conversions can be listed."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class ParsedValue(NamedTuple):
    """A checked value of a field.

    `respelled`: it was converted from another unit or notation; `month_only`: a day was given as a month.
    """

    value: float | str | date
    respelled: bool = False
    month_only: bool = False
