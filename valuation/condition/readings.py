"""Readings of health (健康状态读数) from tests, BMS, certificates and passports, with the error of each source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray, IntArray, coalesce, known_places
from valuation.pack.nameplate import Nameplate
from valuation.record.cases import Cases
from valuation.record.fields import event_field

SOURCES = ("ageing_prior", "bms", "quick_test", "lab_test", "certificate", "passport", "modules", "undated")
"""Sources of a state of health; the column `source` holds indices of this tuple."""

BMS_OVERSTATEMENT = 0.015  # judged: BMS readings err upwards (arXiv 2603.21592: weak correlation; displays cap at 1)
HIGHEST_READING = 1.2  # the highest ratio that a record may hold (valuation.record.fields)


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviation of a source: random error of a single reading, and error shared by all its readings. [1]"""

    single: float
    shared: float


NOISE: dict[str, Noise] = {
    # A full capacity test: current and temperature of the rig; GB/T 34015-2017 rigs hold 0.5-1 %.
    "lab_test": Noise(0.009, 0.008),
    # A drive-based certificate: 2 % in all.
    "certificate": Noise(0.015, 0.013),
    # Pulse, impedance or partial charge: 2-4 % (ReJoule: 2 % in 5 min, 4 % in 30 s; Tao et al. 2025: 2.3 %).
    "quick_test": Noise(0.022, 0.024),
    # BMS: 12-25 % spread within a vehicle model, rank correlation .1-.6 (arXiv 2603.21592).
    "bms": Noise(0.025, 0.055),
    # State of certified energy from a passport: BMS data under a legal definition. Judged.
    "passport": Noise(0.020, 0.040),
    # Module readings have no exact day or method; the weakest module limits the pack. Judged.
    "modules": Noise(0.020, 0.030),
    # A figure without a day or a source: a BMS reading that may be a year or two old. Judged.
    "undated": Noise(0.040, 0.065),
}
DISPLAY_CAP = 0.97
"""BMS readings from here are not distinguished: displays are capped at 1 and stay there for years, so that a higher one
says no more than this (judged, 2026). A reading of 1.00 must not count less than one of .99. [1]"""
DEFINITION_SD = {"capacity": 0.0, "energy": 0.010, "resistance": 0.080}
"""Additional error if another definition is read as capacity: resistance may give 1.00 at a capacity of .94. [1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Readings of health, one row per reading: value, variance of the single reading, source, day, pack."""

    value: FloatArray
    variance: FloatArray
    source: FloatArray
    day: FloatArray
    row: IntArray


def read_health(cases: Cases, nameplate: Nameplate) -> Readings:
    """Return all readings of health in the events, at most one per event."""
    stated = states_health(cases).nonzero()[0]
    row = cases.row[stated]
    by_capacity = cases.events["remaining_capacity_ah"][stated] / cases.packs["rated_capacity_ah"][row]
    by_energy = cases.events["remaining_energy_kwh"][stated] / nameplate.energy_kwh[row]
    direct = cases.events["soh"][stated]
    value = coalesce(direct, by_capacity, by_energy)
    from_energy = np.isnan(direct) & np.isnan(by_capacity)
    plate = np.where(from_energy, nameplate.energy_log_sd[row], 0.0)
    known = known_places(value)
    read = stated[known]
    source = source_of_events(cases)[read]
    single = _lookup(source, {name: noise.single for name, noise in NOISE.items()})
    definition = _definition_sd(cases)[read]
    plate = plate[known]
    bias = np.where(source == SOURCES.index("bms"), BMS_OVERSTATEMENT, 0.0)
    return Readings(
        value=np.minimum(value[known], HIGHEST_READING) - bias,
        variance=single * single + definition * definition + plate * plate,
        source=source,
        day=cases.events["on_day"][read],
        row=row[known],
    )


def source_of_events(cases: Cases) -> FloatArray:
    """Return the source of each event's reading: the method of a test, the named source, else the BMS.

    A summary by the maker without a named source counts as a passport.
    """
    return cases.once("source of events", lambda: _sources(cases))


def _sources(cases: Cases) -> FloatArray:
    source = np.full(len(cases.row), float(SOURCES.index("bms")))
    source[cases.is_choice("reporter_kind", "battery_maker", "importer")] = float(SOURCES.index("passport"))
    for field, names in _NAMED_BY.items():  # the later field takes precedence
        table = np.array([float(SOURCES.index(names.get(choice, choice))) for choice in event_field(field).choices])
        stated = cases.known(field)
        source[stated] = table[cases.events[field][stated].astype(np.int64)]
    return source


_NAMED_BY: dict[str, dict[str, str]] = {"soh_source": {}, "method": {"lab": "lab_test", "quick": "quick_test"}}
"""Fields that name the source of a reading, with their values that differ from :data:`SOURCES`."""


def _definition_sd(cases: Cases) -> FloatArray:
    """Return the additional error of each event's reading from its definition. [1]"""
    stated = cases.known("soh_definition")
    table = np.array([DEFINITION_SD[name] for name in event_field("soh_definition").choices])
    added_sd = np.zeros(len(cases.row))
    added_sd[stated] = table[cases.events["soh_definition"][stated].astype(np.int64)]
    return added_sd


def _lookup(codes: FloatArray, by_name: dict[str, float]) -> FloatArray:
    """Return a number for each source code."""
    table = np.array([by_name.get(name, np.nan) for name in SOURCES])
    return table[codes.astype(np.int64)]


def states_health(cases: Cases) -> BoolArray:
    """Return the events that state a health, directly or as remaining capacity or energy."""
    return cases.once("states health", lambda: _stated(cases))


def _stated(cases: Cases) -> BoolArray:
    stated = np.zeros(len(cases.row), dtype=np.bool_)
    for field in ("soh", "remaining_capacity_ah", "remaining_energy_kwh"):
        stated[cases.known(field)] = True
    return stated


def last_bms_reading(cases: Cases) -> FloatArray:
    """Return the latest BMS reading of capacity health, at most :data:`DISPLAY_CAP`; NaN without one. [1]"""
    return np.minimum(cases.last("soh", reported_by_bms(cases)), DISPLAY_CAP)


def reported_by_bms(cases: Cases) -> BoolArray:
    """Return the events with a BMS reading of capacity health that is not the owner's."""
    return cases.once("reported by bms", lambda: _by_bms(cases))


def _by_bms(cases: Cases) -> BoolArray:
    by_bms = (source_of_events(cases) == source_code("bms")) & ~np.isnan(cases.events["soh"])
    other = cases.is_choice("reporter_kind", "owner") | cases.is_choice("soh_definition", "resistance")
    counts: BoolArray = by_bms & ~other
    return counts


def source_code(name: str) -> float:
    """Return the number of a source, its index in :data:`SOURCES`.

    >>> source_code("lab_test")
    3.0
    """
    return float(SOURCES.index(name))
