"""Estimates remaining energy or capacity from charging sessions (充电区间容量估计).

If a charge of energy E raises the state of charge by d, a full battery holds E / d. The uncertainty includes the errors
of both readings of the state of charge and of the current sensor, whose systematic error is common to all charges of a
vehicle. Only charges that raise the state of charge by at least 0.3 are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.ingest.telemetry.source_columns import SourceColumns
from valuation.numeric.columns import BoolArray, FloatArray

SMALLEST_WINDOW: Final = 0.3
"""Smallest change of the state of charge that counts (judged, 2026). [1]"""
SOC_SD: Final = 0.01
"""Error of one reading of the state of charge: its resolution and its drift within a charge (judged, 2026). [1]"""
SENSOR_SD: Final = 0.015
"""Systematic error of a vehicle's current sensor, shared by all its charges (judged, 2026). [1]"""
LONGEST_GAP_S: Final = 600.0
"""A pause between two rows of a log that ends a charge; the energy in between is unknown. [s]"""
_SECONDS_AN_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Energy or capacity of a full battery: value, standard deviation, number of charges, and time of the last one."""

    value: float
    sd: float
    charges: int
    last_s: float


def held_energy_kwh(log: SourceColumns) -> Held | None:
    """Return the energy of a full battery, estimated from its charges; None if no charge is large enough. [kWh]"""
    numbers = log.numbers
    if {"added_kwh", "start_soc", "end_soc"} <= numbers.keys():
        window = numbers["end_soc"] - numbers["start_soc"]
        return _combined(numbers["added_kwh"], window, numbers["time"])
    if {"soc", "voltage_v", "current_a", "time"} <= numbers.keys():
        energy, window, last = _charges_of_rows(
            numbers["time"], numbers["soc"], numbers["voltage_v"] * numbers["current_a"]
        )
        return _combined(energy, window, last)
    return None


def _charges_of_rows(
    time_s: FloatArray, soc: FloatArray, power_w: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return energy [kWh], rise of the state of charge and end time of every charge in a log.

    The sign of charging currents differs between programs; it is the sign with which the state of charge rises.
    """
    usable = ~np.isnan(time_s + soc + power_w)
    time_s, soc, power_w = time_s[usable], soc[usable], power_w[usable]
    if len(time_s) < 3:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    step, rise = np.diff(time_s), np.diff(soc)
    middle = 0.5 * (power_w[1:] + power_w[:-1])
    joined = (step > 0.0) & (step <= LONGEST_GAP_S)
    sign = 1.0 if float(np.sum((rise * middle)[joined])) >= 0.0 else -1.0
    flow = np.where(joined, sign * middle * step / _SECONDS_AN_HOUR / 1000.0, 0.0)
    charging = joined & (flow > 0.0) & (rise >= -1e-9)
    energies, windows, lasts = [], [], []
    for begin, end in _runs(charging):
        energies.append(float(np.sum(flow[begin:end])))
        windows.append(float(soc[end] - soc[begin]))
        lasts.append(float(time_s[end]))
    return np.array(energies), np.array(windows), np.array(lasts)


def _runs(where: BoolArray) -> list[tuple[int, int]]:
    """Return start and end of every run of consecutive true entries.

    >>> _runs(np.array([False, True, True, False, True]))
    [(1, 3), (4, 5)]
    """
    padded = np.concatenate([[False], where, [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(padded))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _combined(amount: FloatArray, window: FloatArray, last_s: FloatArray) -> Held | None:
    """Return the weighted mean over charges, with the larger of the expected and the observed spread."""
    wide = (window >= SMALLEST_WINDOW) & (amount > 0.0)
    if not wide.any():
        return None
    implied, narrow = amount[wide] / window[wide], np.sqrt(2.0) * SOC_SD / window[wide]
    centre = float(np.median(implied))
    near = np.abs(implied / centre - 1.0) <= np.maximum(5.0 * narrow, 0.1)  # a broken log is no charge
    implied, narrow, last = implied[near], narrow[near], last_s[wide][near]
    weight = 1.0 / (narrow * narrow)
    mean = float(np.sum(weight * implied) / np.sum(weight))
    expected = float(np.sqrt(1.0 / np.sum(weight)))
    observed = float(np.std(implied, ddof=1) / mean / np.sqrt(len(implied))) if len(implied) > 2 else 0.0
    relative = float(np.sqrt(max(expected, observed) ** 2 + SENSOR_SD**2))
    return Held(value=mean, sd=mean * relative, charges=len(implied), last_s=float(np.nanmax(last)))
