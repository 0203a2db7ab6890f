"""A trace record as objects (溯源信息): the pack, its modules and the events reported about it.

The core works on columns; :func:`valuation.record.to_columns.tabulate` makes them from these objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

_NOTHING: Mapping[str, object] = MappingProxyType({})
_NO_MASSES: Mapping[str, float] = MappingProxyType({})
_NO_FACTS: Mapping[str, float | str] = MappingProxyType({})


def known_from(on: date, reported_on: date | None, recorded_on: date | None) -> date:
    """Return the first day on which an event had happened, been reported and been recorded.

    >>> known_from(date(2024, 3, 1), None, date(2024, 6, 1))
    datetime.date(2024, 6, 1)
    """
    return max(on, reported_on or on, recorded_on or on)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module (蓄电池模块) of a pack, with its state of health if it was measured."""

    battery_code: str | None = None
    soh: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceEvent:
    """One reported event of a pack's life (溯源节点).

    Parameters
    ----------
    type : str
        One of :data:`valuation.record.fields.EVENT_TYPES`.
    on : date
        The day it happened.
    reported_on : date, optional
        The day it was reported; if absent, the day it happened.
    recorded_on : date, optional
        The day on which the keeper of the record recorded it; None if unknown.
    reporter, reporter_kind : str, optional
        Who reported it, and in which role.
    facts : mapping of str to float or str
        The event type's own fields that are known (:data:`valuation.record.fields.EVENT_TYPE_FIELDS`).
    extras : mapping
        Unknown fields; kept and reported, never used.
    """

    type: str
    on: date
    reported_on: date | None = None
    recorded_on: date | None = None
    reporter: str | None = None
    reporter_kind: str | None = None
    facts: Mapping[str, float | str] = field(default_factory=lambda: _NO_FACTS)
    extras: Mapping[str, object] = field(default_factory=lambda: _NOTHING)

    @property
    def known_from(self) -> date:
        """The first day on which it had happened, been reported and been recorded."""
        return known_from(self.on, self.reported_on, self.recorded_on)

    def known_by(self, as_of: date) -> bool:
        """Return whether the event had happened, been reported and been recorded by that day.

        >>> late = TraceEvent(type="usage", on=date(2024, 3, 1), reported_on=date(2024, 6, 1))
        >>> late.known_by(date(2024, 5, 1)), late.known_by(date(2024, 6, 1))
        (False, True)
        """
        return self.known_from <= as_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PackHistory:
    """A pack and its traced events (溯源档案); an unknown value is absent, never zero.

    Units are in the names; `chemistry` and `duty` take the choices of :data:`valuation.record.fields.PACK_FIELDS`,
    `composition` the masses of :data:`valuation.record.fields.COMPOSITION` in kg. `superseded_on` is the day on which
    the keeper of the record recorded a newer nameplate. `vehicle_model`, `make`, `model_year`, `vin` and `odometer_km`
    are of the vehicle as it is offered.
    """

    battery_code: str | None = None
    chemistry: str | None = None
    rated_energy_kwh: float | None = None
    rated_capacity_ah: float | None = None
    nominal_voltage_v: float | None = None
    mass_kg: float | None = None
    made_on: date | None = None
    maker: str | None = None
    vehicle_model: str | None = None
    duty: str | None = None
    composition: Mapping[str, float] = field(default_factory=lambda: _NO_MASSES)
    modules: tuple[Module, ...] = ()
    parent_code: str | None = None
    missing_modules: float | None = None
    superseded_on: date | None = None
    life_cycle_status: str | None = None
    make: str | None = None
    model_year: float | None = None
    vin: str | None = None
    odometer_km: float | None = None
    made_on_sd_days: float | None = None
    events: tuple[TraceEvent, ...] = ()
    extras: Mapping[str, object] = field(default_factory=lambda: _NOTHING)

    def known_by(self, as_of: date) -> PackHistory:
        """Return the history as known on that day, without later events and reports."""
        if all(event.known_by(as_of) for event in self.events):
            return self
        return PackHistory(
            **{name: getattr(self, name) for name in self.__slots__ if name != "events"},
            events=tuple(event for event in self.events if event.known_by(as_of)),
        )
