"""Readings of health (健康状态读数): what tests, BMS, certificates and passports say, and how far each may be off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray, IntArray, coalesce, known_places
from valuation.pack.nameplate import Nameplate
from valuation.record.cases import Cases
from valuation.record.fields import event_field

SOURCES = ("ageing_prior", "bms", "quick_test", "lab_test", "certificate", "passport", "modules")
"""Where a state of health may come from; the column `source` holds positions in this tuple."""

BMS_OVERSTATEMENT = 0.015  # judged: BMS readings err upwards (arXiv 2603.21592: weak correlation; displays cap at 1)
HIGHEST_READING = 1.2  # the highest ratio that a record may hold (valuation.record.fields)


@dataclass(frozen=True, slots=True)
class Noise:
    """One standard deviation of a source: of the single reading, and of what all its readings share. [1]"""

    single: float
    shared: float


NOISE: dict[str, Noise] = {
    # A full capacity test: current and temperature of the rig; GB/T 34015-2017 rigs hold 0.5-1 %.
    "lab_test": Noise(0.009, 0.008),
    # A drive-based certificate: 2 % in all.
    "certificate": Noise(0.015, 0.013),
    # Pulse, impedance or partial charge: 2-4 % (ReJoule: 2 % in 5 min, 4 % in 30 s; Tao et al. 2025: 2.3 %).
    "quick_test": Noise(0.022, 0.024),
    # What the battery says of itself: 12-25 % spread inside a model, rank correlation .1-.6 (arXiv 2603.21592).
    "bms": Noise(0.025, 0.055),
    # State of certified energy from a passport: BMS data under a legal definition. Judged.
    "passport": Noise(0.020, 0.040),
    # Module readings say little of the day and the method; the weakest rules the pack. Judged.
    "modules": Noise(0.020, 0.030),
}
STUCK_AT_NEW = 0.999
"""From here a computer's reading says no more than that it has not been told otherwise (displays cap at 1). [1]"""
DEFINITION_SD = {"capacity": 0.0, "energy": 0.010, "resistance": 0.080}
"""What reading another definition as capacity adds: resistance may say 1.00 where capacity is .94. [1]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Readings of health, one row a reading: value, variance of the single reading, source, day, pack."""

    value: FloatArray
    variance: FloatArray
    source: FloatArray
    day: FloatArray
    row: IntArray


def read_health(cases: Cases, nameplate: Nameplate) -> Readings:
    """Return every reading of health among the events, one per event at most."""
    stated = states_health(cases).nonzero()[0]
    row = cases.row[stated]
    by_capacity = cases.events["remaining_capacity_ah"][stated] / cases.packs["rated_capacity_ah"][row]
    by_energy = cases.events["remaining_energy_kwh"][stated] / nameplate.energy_kwh[row]
    outright = cases.events["soh"][stated]
    value = coalesce(outright, by_capacity, by_energy)
    from_energy = np.isnan(outright) & np.isnan(by_capacity)
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

    A summary by the maker whose source is not named is what a passport gives.
    """
    return cases.once("source of events", lambda: _sources(cases))


def _sources(cases: Cases) -> FloatArray:
    source = np.full(len(cases.row), float(SOURCES.index("bms")))
    source[cases.is_choice("reporter_kind", "battery_maker", "importer")] = float(SOURCES.index("passport"))
    for field, names in _NAMED_BY.items():  # the later one rules
        table = np.array([float(SOURCES.index(names.get(choice, choice))) for choice in event_field(field).choices])
        told = cases.known(field)
        source[told] = table[cases.events[field][told].astype(np.int64)]
    return source


_NAMED_BY: dict[str, dict[str, str]] = {"soh_source": {}, "method": {"lab": "lab_test", "quick": "quick_test"}}
"""Fields that name the source of a reading, and what they call it where it is not its name."""


def _definition_sd(cases: Cases) -> FloatArray:
    """Return what the definition of each event's reading adds to its error."""
    told = cases.known("soh_definition")
    table = np.array([DEFINITION_SD[name] for name in event_field("soh_definition").choices])
    adds = np.zeros(len(cases.row))
    adds[told] = table[cases.events["soh_definition"][told].astype(np.int64)]
    return adds


def _lookup(codes: FloatArray, by_name: dict[str, float]) -> FloatArray:
    """Return a number for each source code."""
    table = np.array([by_name.get(name, np.nan) for name in SOURCES])
    return table[codes.astype(np.int64)]


def states_health(cases: Cases) -> BoolArray:
    """Return which events state a health, outright or as what remains of capacity or energy."""
    return cases.once("states health", lambda: _stated(cases))


def _stated(cases: Cases) -> BoolArray:
    stated = np.zeros(len(cases.row), dtype=np.bool_)
    for field in ("soh", "remaining_capacity_ah", "remaining_energy_kwh"):
        stated[cases.known(field)] = True
    return stated


def reported_by_bms(cases: Cases) -> BoolArray:
    """Return which events tell a health by the battery's own computer that means capacity and is not stuck at new."""
    return cases.once("told by computer", lambda: _by_computer(cases))


def _by_computer(cases: Cases) -> BoolArray:
    by_computer = (source_of_events(cases) == source_code("bms")) & (cases.events["soh"] < STUCK_AT_NEW)
    other = cases.is_choice("reporter_kind", "owner") | cases.is_choice("soh_definition", "resistance")
    counts: BoolArray = by_computer & ~other
    return counts


def source_code(name: str) -> float:
    """Return the number that stands for a source.

    >>> source_code("lab_test")
    3.0
    """
    return float(SOURCES.index(name))
