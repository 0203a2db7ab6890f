"""Input of the checks: cases with their decoded codes, nameplate and health, and a few derived columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.battery_code.layout import KINDS, REASONS
from valuation.condition.health import StateOfHealth
from valuation.numeric.columns import BoolArray, Columns, FloatArray, coalesce
from valuation.pack.nameplate import Nameplate, read_codes
from valuation.record.cases import Cases
from valuation.record.fields import LIFE_CYCLE_STATUSES

DAYS_PER_MONTH = 30.4375
DAYS_PER_YEAR = 365.25
LEAVING = ("retired", "removed", "vehicle_scrapped")
"""Types of events in which a pack leaves its vehicle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """One batch of packs for the checks; `code` holds the columns of :func:`battery_code.decode_many`."""

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
        """Packs with a code that is not a placeholder."""
        given: BoolArray = self.code["reason_code"] != float(REASONS.index("placeholder"))
        return given

    @property
    def is_legacy(self) -> BoolArray:
        """Packs whose code follows another system than GB/T 34014."""
        legacy: BoolArray = self.code["kind_code"] == float(KINDS.index("legacy"))
        return self.has_code & legacy

    def refused_for(self, *reasons: str) -> BoolArray:
        """Return the packs whose code claims to follow GB/T 34014 but is invalid for one of these reasons."""
        wanted = np.zeros(self.rows, dtype=bool)
        for reason in reasons:
            wanted |= self.code["reason_code"] == float(REASONS.index(reason))
        return wanted & ~self.is_legacy & self.has_code

    def with_status(self, *statuses: str) -> FloatArray:
        """Return 1 for packs that are declared to have one of these life-cycle statuses, NaN for others. [1]"""
        codes = [float(LIFE_CYCLE_STATUSES.index(status)) for status in statuses]
        return found(np.isin(self.cases.packs["life_cycle_status"], codes))

    @property
    def as_of_event(self) -> FloatArray:
        """Valuation day of the pack of each event."""
        return self.cases.as_of_day[self.cases.row]

    @property
    def reporting_days(self) -> FloatArray:
        """Delay of each report after its event; 0 if the day of the report is unknown. [d]"""
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
    """Return the input of the checks, with the battery codes decoded."""
    return CheckContext(cases=cases, nameplate=nameplate, health=health, code=read_codes(cases))


def found(where: BoolArray, number: FloatArray | float = 1.0) -> FloatArray:
    """Return the number where the mask is true, NaN elsewhere.

    >>> found(np.array([True, False]), 3.0).tolist()
    [3.0, nan]
    """
    return np.where(where, number, np.nan)


def at_least_one(counted: FloatArray) -> FloatArray:
    """Return a count, with NaN for zero.

    >>> at_least_one(np.array([0.0, 2.0])).tolist()
    [nan, 2.0]
    """
    return np.where(counted > 0.0, counted, np.nan)
