"""Checks on the reported use and health (使用数据核验), family U."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.condition.life import DAYS_PER_YEAR, HYBRID_BELOW_KWH, kwh_per_km
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

ODOMETER_SLACK_KM: Final = 100.0  # judged: readings of two systems differ by a trip
KM_PER_DAY: Final = 1200.0  # judged: two drivers in two shifts at 50 km/h for 24 h
CYCLES_PER_DAY: Final = 8.0  # judged: eight full charges and discharges a day leave no time to drive
CYCLE_TOLERANCE: Final = 0.30  # judged: ratings, losses and rounding explain less
DISTANCE_RATIO: Final = 2.5  # judged: loads and climate explain less either way
FIRST_TELLING_KM: Final = 5000.0
SOH_RISE: Final = 0.04  # judged: two BMS readings of one state differ by less (their single noise is .025)
SOH_RISE_BEFORE_SALE: Final = 0.03
BEFORE_SALE_DAYS: Final = 90.0
OWNER_CHANGE_DAYS: Final = 30.0
PERFECT_AFTER_A: Final = 3.0  # judged: no pack reads 1.000 after three years
CONSTANT_YEARS: Final = 2.0
OUTSIDE_EXPECTATION_SD: Final = 2.5
ABOVE_RATING: Final = 1.03  # judged: new packs hold up to 3 % more than rated
RATIO_IMPOSSIBLE: Final = (0.25, 1.25)  # judged: outside, another unit explains remaining over rated better than wear
STALE_DAYS: Final = 365.0
SEVERE: Final = 0.5
"""From this severity an accident or insulation fault counts as harm to the pack (judged)."""
RUINOUS: Final = ("fire", "water", "swelling", "leak")
HARMFUL: Final = ("accident", "isolation_fault")


def odometer_falls(record: CheckContext) -> FloatArray:
    """Return by how much the odometer falls from one reading to the next, at worst. [km]"""
    cases = record.cases
    odometer = cases.events["odometer_km"]
    now, before = cases.pairs("odometer_km")
    fall = highest(cases.row[now], odometer[before] - odometer[now], cases.rows)
    return found((fall > ODOMETER_SLACK_KM) & np.isnan(_moved_day(record)), fall)


def impossible_distance(record: CheckContext) -> FloatArray:
    """Return the distance a day between two readings where no vehicle drives it. [km/d]"""
    daily = _per_day(record, "odometer_km")
    return found(daily > KM_PER_DAY, daily)


def impossible_cycling(record: CheckContext) -> FloatArray:
    """Return the full cycles a day between two readings where no pack does them. [1/d]"""
    daily = _per_day(record, "full_cycles")
    return found(daily > CYCLES_PER_DAY, daily)


def cycles_against_throughput(record: CheckContext) -> FloatArray:
    """Return by how many per cent cycles and energy throughput disagree, counted one way or both ways. [%]"""
    cases = record.cases
    told = cases.known("energy_throughput_kwh")
    row, cycles = cases.row[told], cases.events["full_cycles"][told]
    one_way = cases.events["energy_throughput_kwh"][told] / record.nameplate.energy_kwh[row]
    apart = np.minimum(_apart(cycles, one_way), _apart(cycles, one_way / 2.0))
    latest = last(row, apart, cases.rows)
    return found((latest > CYCLE_TOLERANCE) & (record.nameplate.energy_log_sd == 0.0), latest * 100.0)


def distance_against_cycles(record: CheckContext) -> FloatArray:
    """Return the energy per distance that cycles and odometer imply where no vehicle of the duty draws it. [kWh/km]"""
    cases = record.cases
    far = (cases.events["odometer_km"] > FIRST_TELLING_KM).nonzero()[0]
    row, distance = cases.row[far], cases.events["odometer_km"][far]
    drawn = coalesce(
        cases.events["full_cycles"][far] * record.nameplate.energy_kwh[row], cases.events["energy_throughput_kwh"][far]
    )
    implied = last(row, drawn / np.maximum(distance, 1.0), cases.rows)
    usual = kwh_per_km(cases.packs["duty"])
    wholly_electric = record.nameplate.energy_kwh >= HYBRID_BELOW_KWH
    off = (implied > usual * DISTANCE_RATIO) | (wholly_electric & (implied < usual / DISTANCE_RATIO))
    return found(off & (record.nameplate.energy_log_sd == 0.0), implied)


def _apart(cycles: FloatArray, other: FloatArray) -> FloatArray:
    """Return how far two counts of cycles lie apart over the larger one; twenty cycles are rounding. [1]"""
    return np.abs(cycles - other) / np.maximum(np.maximum(cycles, other), 20.0)


def health_rises(record: CheckContext) -> FloatArray:
    """Return by how many points reported health rises without a repair or a test in between. [%]"""
    places, rise = _unexplained_rise(record)
    worst = highest(record.cases.row[places], rise, record.rows)
    return found(worst > SOH_RISE, worst * 100.0)


def health_rises_before_sale(record: CheckContext) -> FloatArray:
    """Return by how many points reported health rises just before the valuation or a change of owner. [%]"""
    cases = record.cases
    places, rise = _unexplained_rise(record)
    row, day = cases.row[places], cases.events["on_day"][places]
    changed = record.last_day("owner_changed", "sold")[row]
    shortly = (day > cases.as_of_day[row] - BEFORE_SALE_DAYS) | (np.abs(day - changed) <= OWNER_CHANGE_DAYS)
    worst = highest(row[shortly], rise[shortly], cases.rows)
    return found(worst > SOH_RISE_BEFORE_SALE, worst * 100.0)


def health_stuck(record: CheckContext) -> FloatArray:
    """Return for how many years the BMS has shown one and the same health, or 1.000 on an aged pack. [a]"""
    cases = record.cases
    by_bms = _says_bms(record)
    row, shown, day = cases.row[by_bms], cases.events["soh"][by_bms], cases.events["on_day"][by_bms]
    latest = last(row, shown, cases.rows)
    same = shown == latest[row]
    others = count(row, ~same, cases.rows)
    first_day, last_day = lowest(row[same], day[same], cases.rows), highest(row[same], day[same], cases.rows)
    years = (last_day - first_day) / DAYS_PER_YEAR
    constant = (years >= CONSTANT_YEARS) & (others == 0.0)
    age_then = (last_day - coalesce(record.nameplate.made_day, record.nameplate.in_service_day)) / DAYS_PER_YEAR
    perfect = (latest == 1.0) & (age_then > PERFECT_AFTER_A)
    return np.where(perfect, age_then, found(constant, years))


def outside_expectation(record: CheckContext) -> FloatArray:
    """Return by how many points the latest reading lies from what age and use explain. [%]"""
    gap = record.health.soh - record.health.expected_soh
    reading = last(record.cases.row, record.cases.events["soh"], record.rows)
    far = np.abs(reading - record.health.expected_soh) > OUTSIDE_EXPECTATION_SD * record.health.expected_sd
    return found(far, np.where(np.isnan(reading), gap, reading - record.health.expected_soh) * 100.0)


def above_rating(record: CheckContext) -> FloatArray:
    """Return the highest reported health where it exceeds what a new pack has. [%]"""
    top = record.cases.highest("soh")
    return found(top > ABOVE_RATING, top * 100.0)


def ruinous_event(record: CheckContext) -> FloatArray:
    """Return how many events burned, flooded, swelled or leaked the pack. [1]"""
    return _happened(record, *RUINOUS)


def accident(record: CheckContext) -> FloatArray:
    """Return how many accidents or insulation faults there were that may have harmed the pack. [1]"""
    cases = record.cases
    mild = cases.events["severity"] < SEVERE
    harmful = cases.is_choice("kind", *HARMFUL) & ~mild
    return _counted(record, harmful)


def electrical_abuse(record: CheckContext) -> FloatArray:
    """Return how often the pack was over-charged, deeply discharged or over-heated. [1]"""
    return _happened(record, "overcharge", "deep_discharge", "over_temperature")


def open_recall(record: CheckContext) -> FloatArray:
    """Return how many recalls there were, no work having been done since. [1]"""
    cases = record.cases
    recalled = cases.last("on_day", cases.is_choice("kind", "recall"))
    mended = record.last_day("maintained") >= recalled
    return np.where(mended, np.nan, _happened(record, "recall"))


def other_unit(record: CheckContext) -> FloatArray:
    """Return remaining over rated capacity or energy where another unit explains it better than wear. [1]"""
    cases = record.cases
    by_capacity = cases.last("remaining_capacity_ah") / cases.packs["rated_capacity_ah"]
    by_energy = cases.last("remaining_energy_kwh") / cases.packs["rated_energy_kwh"]
    low, high = RATIO_IMPOSSIBLE
    result = unknown(record.rows)
    for ratio in (by_energy, by_capacity):
        result = np.where((ratio < low) | (ratio > high), ratio, result)
    return result


def stale_condition(record: CheckContext) -> FloatArray:
    """Return how long ago anything was last said of use or health. [months]"""
    since = record.cases.as_of_day - record.last_day("usage", "tested")
    return found(since > STALE_DAYS, since / DAYS_PER_MONTH)


def _says_bms(record: CheckContext) -> IntArray:
    """Return the places of the events that carry a health the BMS shows, as far as anybody says otherwise."""
    cases = record.cases
    measured = cases.is_choice("soh_source", "quick_test", "lab_test", "certificate")
    measured = measured | cases.is_choice("method", "lab", "quick")
    told = cases.known("soh")
    return told[~measured[told]]


def _unexplained_rise(record: CheckContext) -> tuple[IntArray, FloatArray]:
    """Return events and how far the BMS's health rises in each over its last one, no work and no test between. [1]"""
    return record.cases.once("unexplained rise", lambda: _rise(record))


def _rise(record: CheckContext) -> tuple[IntArray, FloatArray]:
    cases = record.cases
    soh = cases.events["soh"]
    now, before = successive(cases.row, _says_bms(record))
    explained = cases.is_type("maintained") | (cases.is_type("tested") & ~cases.is_choice("method", "bms"))
    so_far = np.cumsum(explained)
    unexplained = so_far[now] == so_far[before]
    now, before = now[unexplained], before[unexplained]
    return now, soh[now] - soh[before]


def _per_day(record: CheckContext, meter: str) -> FloatArray:
    """Return the fastest growth of a meter between two readings, a day at least apart. [1/d]"""
    cases = record.cases
    now, before = cases.pairs(meter)
    day, values = cases.events["on_day"], cases.events[meter]
    growth = (values[now] - values[before]) / np.maximum(day[now] - day[before], 1.0)
    return highest(cases.row[now], growth, cases.rows)


def _moved_day(record: CheckContext) -> FloatArray:
    """Return the day a pack entered another vehicle, whose odometer is another one."""
    return coalesce(record.first_day("swapped_in"), _installed_again(record))


def _installed_again(record: CheckContext) -> FloatArray:
    """Return the last installation after the pack had left a vehicle."""
    installed = record.last_day("installed")
    left = record.first_day(*LEAVING, "collected_out")
    return np.where(installed >= left, installed, np.nan)


def _happened(record: CheckContext, *kinds: str) -> FloatArray:
    """Return how many negative events of these kinds there were, NaN where none. [1]"""
    return _counted(record, record.cases.is_choice("kind", *kinds))


def _counted(record: CheckContext, where: BoolArray) -> FloatArray:
    counted = record.cases.count(where)
    return found(counted > 0.0, counted)
