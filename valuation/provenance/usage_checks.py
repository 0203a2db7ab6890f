"""Checks on the reported use and health (使用数据核验), family U."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.condition.age_and_use import DAYS_PER_YEAR, HYBRID_BELOW_KWH, kwh_per_km
from valuation.numeric.columns import (
    BoolArray,
    FloatArray,
    IntArray,
    coalesce,
    count,
    highest,
    last,
    lowest,
    successive,
    unknown,
)
from valuation.provenance.check_context import DAYS_PER_MONTH, LEAVING, CheckContext, found

ODOMETER_SLACK_KM: Final = 100.0  # judged: readings of two systems may differ by one trip
KM_PER_DAY: Final = 1200.0  # judged: two drivers in two shifts at 50 km/h for 24 h
CYCLES_PER_DAY: Final = 8.0  # judged: eight full charges and discharges per day leave no time to drive
CYCLE_TOLERANCE: Final = 0.30  # judged: ratings, losses and rounding cause smaller differences
DISTANCE_RATIO: Final = 2.5  # judged: load and climate cause smaller differences
SHORTEST_DISTANCE_KM: Final = 5000.0
SOH_RISE: Final = 0.04  # judged: two BMS readings of one state differ by less (their single noise is .025)
SOH_RISE_BEFORE_SALE: Final = 0.03
BEFORE_SALE_DAYS: Final = 90.0
OWNER_CHANGE_DAYS: Final = 30.0
PERFECT_AFTER_A: Final = 3.0  # judged: no pack reads 1.000 after three years
CONSTANT_YEARS: Final = 2.0
OUTSIDE_EXPECTATION_SD: Final = 2.5
ABOVE_RATING: Final = 1.03  # judged: new packs hold up to 3 % more than rated
RATIO_IMPOSSIBLE: Final = (0.25, 1.25)  # judged: outside, a wrong unit is more likely than wear
STALE_DAYS: Final = 365.0
SEVERE: Final = 0.5
"""Severity from which an accident or insulation fault counts as harm to the pack (judged). [1]"""
RUINOUS: Final = ("fire", "water", "swelling", "leak")
HARMFUL: Final = ("accident", "isolation_fault")


def odometer_falls(context: CheckContext) -> FloatArray:
    """Return the largest drop of the odometer between two readings. [km]"""
    cases = context.cases
    odometer = cases.events["odometer_km"]
    now, before = cases.pairs("odometer_km")
    fall = highest(cases.row[now], odometer[before] - odometer[now], cases.rows)
    return found((fall > ODOMETER_SLACK_KM) & np.isnan(_moved_day(context)), fall)


def impossible_distance(context: CheckContext) -> FloatArray:
    """Return the daily distance between two readings if it is implausible. [km/d]"""
    daily = _per_day(context, "odometer_km")
    return found(daily > KM_PER_DAY, daily)


def impossible_cycling(context: CheckContext) -> FloatArray:
    """Return the daily full cycles between two readings if they are implausible. [1/d]"""
    daily = _per_day(context, "full_cycles")
    return found(daily > CYCLES_PER_DAY, daily)


def cycles_against_throughput(context: CheckContext) -> FloatArray:
    """Return the difference of cycles and energy throughput, counted one way or both ways. [%]"""
    cases = context.cases
    with_throughput = cases.known("energy_throughput_kwh")
    row, cycles = cases.row[with_throughput], cases.events["full_cycles"][with_throughput]
    one_way = cases.events["energy_throughput_kwh"][with_throughput] / context.nameplate.energy_kwh[row]
    apart = np.minimum(_apart(cycles, one_way), _apart(cycles, one_way / 2.0))
    latest = last(row, apart, cases.rows)
    return found((latest > CYCLE_TOLERANCE) & (context.nameplate.energy_log_sd == 0.0), latest * 100.0)


def distance_against_cycles(context: CheckContext) -> FloatArray:
    """Return the energy per distance implied by cycles and odometer if it does not fit the duty. [kWh/km]"""
    cases = context.cases
    far = (cases.events["odometer_km"] > SHORTEST_DISTANCE_KM).nonzero()[0]
    row, distance = cases.row[far], cases.events["odometer_km"][far]
    drawn = coalesce(
        cases.events["full_cycles"][far] * context.nameplate.energy_kwh[row], cases.events["energy_throughput_kwh"][far]
    )
    implied = last(row, drawn / np.maximum(distance, 1.0), cases.rows)
    usual = kwh_per_km(cases.packs["duty"])
    wholly_electric = context.nameplate.energy_kwh >= HYBRID_BELOW_KWH
    off = (implied > usual * DISTANCE_RATIO) | (wholly_electric & (implied < usual / DISTANCE_RATIO))
    return found(off & (context.nameplate.energy_log_sd == 0.0), implied)


def _apart(cycles: FloatArray, other: FloatArray) -> FloatArray:
    """Return the difference of two cycle counts over the larger one, which counts as at least 20. [1]"""
    return np.abs(cycles - other) / np.maximum(np.maximum(cycles, other), 20.0)


def health_rises(context: CheckContext) -> FloatArray:
    """Return the rise of reported health without a repair or test in between. [%]"""
    places, rise = _unexplained_rise(context)
    worst = highest(context.cases.row[places], rise, context.rows)
    return found(worst > SOH_RISE, worst * 100.0)


def health_rises_before_sale(context: CheckContext) -> FloatArray:
    """Return the rise of reported health just before the valuation or a change of owner. [%]"""
    cases = context.cases
    places, rise = _unexplained_rise(context)
    row, day = cases.row[places], cases.events["on_day"][places]
    changed = context.last_day("owner_changed", "sold")[row]
    shortly = (day > cases.as_of_day[row] - BEFORE_SALE_DAYS) | (np.abs(day - changed) <= OWNER_CHANGE_DAYS)
    worst = highest(row[shortly], rise[shortly], cases.rows)
    return found(worst > SOH_RISE_BEFORE_SALE, worst * 100.0)


def health_stuck(context: CheckContext) -> FloatArray:
    """Return the years for which the BMS has reported a constant health. [a]"""
    cases = context.cases
    by_bms = _bms_readings(context)
    row, shown, day = cases.row[by_bms], cases.events["soh"][by_bms], cases.events["on_day"][by_bms]
    same = shown == last(row, shown, cases.rows)[row]
    others = count(row, ~same, cases.rows)
    first_day, last_day = lowest(row[same], day[same], cases.rows), highest(row[same], day[same], cases.rows)
    years = (last_day - first_day) / DAYS_PER_YEAR
    return found((years >= CONSTANT_YEARS) & (others == 0.0), years)


def perfect_when_aged(context: CheckContext) -> FloatArray:
    """Return the age at the last BMS reading of 1.000, if that is too old for a pack as good as new. [a]"""
    cases = context.cases
    by_bms = _bms_readings(context)
    row, day = cases.row[by_bms], cases.events["on_day"][by_bms]
    latest, last_day = last(row, cases.events["soh"][by_bms], cases.rows), last(row, day, cases.rows)
    age_then = (last_day - coalesce(context.nameplate.made_day, context.nameplate.in_service_day)) / DAYS_PER_YEAR
    return found((latest == 1.0) & (age_then > PERFECT_AFTER_A), age_then)


def outside_expectation(context: CheckContext) -> FloatArray:
    """Return the difference of the latest reading from the estimate by age and use, if it is large. [%]"""
    gap = context.health.soh - context.health.expected_soh
    reading = last(context.cases.row, context.cases.events["soh"], context.rows)
    far = np.abs(reading - context.health.expected_soh) > OUTSIDE_EXPECTATION_SD * context.health.expected_sd
    return found(far, np.where(np.isnan(reading), gap, reading - context.health.expected_soh) * 100.0)


def above_rating(context: CheckContext) -> FloatArray:
    """Return the highest reported health if it exceeds that of a new pack. [%]"""
    top = context.cases.highest("soh")
    return found(top > ABOVE_RATING, top * 100.0)


def ruinous_event(context: CheckContext) -> FloatArray:
    """Return the number of events of fire, flooding, swelling or leakage. [1]"""
    return _happened(context, *RUINOUS)


def accident(context: CheckContext) -> FloatArray:
    """Return the number of accidents or insulation faults that may have harmed the pack. [1]"""
    cases = context.cases
    mild = cases.events["severity"] < SEVERE
    harmful = cases.is_choice("kind", *HARMFUL) & ~mild
    return _counted(context, harmful)


def uninspected_accident(context: CheckContext) -> FloatArray:
    """Return the number of accidents or insulation faults that may have harmed the pack, without an inspection since.

    A test of remaining capacity counts as an inspection, as the pack is on a rig for it. [1]
    """
    cases = context.cases
    inspected = cases.is_choice("work", "inspection") | cases.is_choice("method", "lab", "quick")
    last_inspected = cases.last("on_day", inspected)[cases.row]
    mild = cases.events["severity"] < SEVERE
    since = cases.is_choice("kind", *HARMFUL) & ~mild & ~(last_inspected >= cases.events["on_day"])
    return _counted(context, since)


def electrical_abuse(context: CheckContext) -> FloatArray:
    """Return the number of over-charges, deep discharges and over-temperatures. [1]"""
    return _happened(context, "overcharge", "deep_discharge", "over_temperature")


def open_recall(context: CheckContext) -> FloatArray:
    """Return the number of recalls if no work is on record since. [1]"""
    cases = context.cases
    recalled = cases.last("on_day", cases.is_choice("kind", "recall"))
    mended = context.last_day("maintained") >= recalled
    return np.where(mended, np.nan, _happened(context, "recall"))


def other_unit(context: CheckContext) -> FloatArray:
    """Return remaining over rated capacity or energy if the ratio suggests a wrong unit rather than wear. [1]"""
    cases = context.cases
    by_capacity = cases.last("remaining_capacity_ah") / cases.packs["rated_capacity_ah"]
    by_energy = cases.last("remaining_energy_kwh") / cases.packs["rated_energy_kwh"]
    low, high = RATIO_IMPOSSIBLE
    result = unknown(context.rows)
    for ratio in (by_energy, by_capacity):
        result = np.where((ratio < low) | (ratio > high), ratio, result)
    return result


def stale_condition(context: CheckContext) -> FloatArray:
    """Return the time since the last report of use or health. [months]"""
    since = context.cases.as_of_day - context.last_day("usage", "tested")
    return found(since > STALE_DAYS, since / DAYS_PER_MONTH)


def _bms_readings(context: CheckContext) -> IntArray:
    """Return the positions of the events with a health reading of the BMS: no other source or method is stated."""
    cases = context.cases
    measured = cases.is_choice("soh_source", "quick_test", "lab_test", "certificate")
    measured = measured | cases.is_choice("method", "lab", "quick")
    reported = cases.known("soh")
    return reported[~measured[reported]]


def _unexplained_rise(context: CheckContext) -> tuple[IntArray, FloatArray]:
    """Return events and the rise of the BMS reading over the previous one, without work or test in between. [1]"""
    return context.cases.once("unexplained rise", lambda: _rise(context))


def _rise(context: CheckContext) -> tuple[IntArray, FloatArray]:
    cases = context.cases
    soh = cases.events["soh"]
    now, before = successive(cases.row, _bms_readings(context))
    explained = cases.is_type("maintained") | (cases.is_type("tested") & cases.is_choice("method", "lab", "quick"))
    so_far = np.cumsum(explained)
    unexplained = so_far[now] == so_far[before]
    now, before = now[unexplained], before[unexplained]
    return now, soh[now] - soh[before]


def _per_day(context: CheckContext, meter: str) -> FloatArray:
    """Return the fastest daily growth of a meter between two readings; intervals count as at least a day. [1/d]"""
    cases = context.cases
    now, before = cases.pairs(meter)
    day, values = cases.events["on_day"], cases.events[meter]
    growth = (values[now] - values[before]) / np.maximum(day[now] - day[before], 1.0)
    return highest(cases.row[now], growth, cases.rows)


def _moved_day(context: CheckContext) -> FloatArray:
    """Return the day a pack entered another vehicle, with a different odometer."""
    return coalesce(context.first_day("swapped_in"), _installed_again(context))


def _installed_again(context: CheckContext) -> FloatArray:
    """Return the last installation after the pack had left a vehicle."""
    installed = context.last_day("installed")
    left = context.first_day(*LEAVING, "collected_out")
    return np.where(installed >= left, installed, np.nan)


def _happened(context: CheckContext, *kinds: str) -> FloatArray:
    """Return the number of negative events of these kinds, NaN if there are none. [1]"""
    return _counted(context, context.cases.is_choice("kind", *kinds))


def _counted(context: CheckContext, where: BoolArray) -> FloatArray:
    counted = context.cases.count(where)
    return found(counted > 0.0, counted)
