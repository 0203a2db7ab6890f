"""What the checks read: the cases with what code, nameplate and health say of them, and a few questions asked often."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.battery_code.layout import KINDS, REASONS
from valuation.condition.health import StateOfHealth
from valuation.numeric.columns import BoolArray, Columns, FloatArray, coalesce
from valuation.pack.nameplate import Nameplate, read_codes
from valuation.record.cases import Cases

DAYS_PER_MONTH = 30.4375
DAYS_PER_YEAR = 365.25
LEAVING = ("retired", "removed", "vehicle_scrapped")
"""Events by which a pack leaves its vehicle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """One batch of packs as the checks see it; `code` holds the columns of :func:`battery_code.decode_many`."""

    cases: Cases
    nameplate: Nameplate
    health: StateOfHealth
    code: Columns

    @property
    def rows(self) -> int:
        """Number of packs."""
        return self.cases.rows

    @property
    def has_code(self) -> BoolArray:
        """Which packs came with a code at all, more than a placeholder for one."""
        given: BoolArray = self.code["reason_code"] != float(REASONS.index("placeholder"))
        return given

    @property
    def is_legacy(self) -> BoolArray:
        """Which codes are of another system than GB/T 34014."""
        legacy: BoolArray = self.code["kind_code"] == float(KINDS.index("legacy"))
        return self.has_code & legacy

    def refused_for(self, *reasons: str) -> BoolArray:
        """Return which texts claim to be a GB/T 34014 code and are none, for one of these reasons."""
        wanted = np.zeros(self.rows, dtype=bool)
        for reason in reasons:
            wanted |= self.code["reason_code"] == float(REASONS.index(reason))
        return wanted & ~self.is_legacy & self.has_code

    @property
    def as_of_event(self) -> FloatArray:
        """Valuation day of each event's pack."""
        return self.cases.as_of_day[self.cases.row]

    @property
    def reporting_days(self) -> FloatArray:
        """How long after it happened each event was reported; 0 where nobody says when. [d]"""
        return self.cases.once("reporting days", self._reporting_days)

    def _reporting_days(self) -> FloatArray:
        on_day = self.cases.events["on_day"]
        return coalesce(self.cases.events["reported_day"], on_day) - on_day

    def first_day(self, *types: str) -> FloatArray:
        """Return the day of each pack's first event of these types."""
        return self.cases.first_day(*types)

    def last_day(self, *types: str) -> FloatArray:
        """Return the day of each pack's last event of these types."""
        return self.cases.last_day(*types)


def build_check_context(cases: Cases, nameplate: Nameplate, health: StateOfHealth) -> CheckContext:
    """Return the packs with their codes read, ready for the checks."""
    return CheckContext(cases=cases, nameplate=nameplate, health=health, code=read_codes(cases))


def found(where: BoolArray, number: FloatArray | float = 1.0) -> FloatArray:
    """Return the number where a check found something, NaN elsewhere.

    >>> found(np.array([True, False]), 3.0).tolist()
    [3.0, nan]
    """
    return np.where(where, number, np.nan)


def at_least_one(counted: FloatArray) -> FloatArray:
    """Return a count where it is not zero, NaN elsewhere.

    >>> at_least_one(np.array([0.0, 2.0])).tolist()
    [nan, 2.0]
    """
    return np.where(counted > 0.0, counted, np.nan)
