"""Features of the pack's health (健康特征)."""

from __future__ import annotations

import numpy as np

from valuation.condition.age_and_use import DAYS_PER_YEAR
from valuation.condition.readings import last_bms_reading, reported_by_bms, source_code, source_of_events, states_health
from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray, coalesce, last


def soh(dossier: Dossier) -> FloatArray:
    """Return state of health, estimated from all readings (健康状态). [1]"""
    return dossier.health.soh


def soh_sd(dossier: Dossier) -> FloatArray:
    """Return one standard deviation of the state of health (健康状态不确定度). [1]"""
    return dossier.health.soh_sd


def soh_source(dossier: Dossier) -> FloatArray:
    """Return the main source of the state of health (健康状态来源). [code of SOURCES]"""
    return dossier.health.source


def expected_soh(dossier: Dossier) -> FloatArray:
    """Return the expected health from age and use alone (按年限与使用推算的健康状态). [1]"""
    return dossier.health.expected_soh


def last_reported_soh(dossier: Dossier) -> FloatArray:
    """Return the latest health that was reported, as reported (最近上报健康状态). [1]"""
    return dossier.cases.last("soh")


def bms_soh(dossier: Dossier) -> FloatArray:
    """Return the latest BMS reading of capacity health (车端上报健康状态). [1]

    Readings from an owner and readings of resistance are excluded; a reading counts up to the cap of displays.
    """
    return last_bms_reading(dossier.cases)


def bms_reading_age(dossier: Dossier) -> FloatArray:
    """Return the age of the latest BMS reading of health (车端健康读数时效). [a]"""
    cases = dossier.cases
    return (cases.as_of_day - cases.last("on_day", reported_by_bms(cases))) / DAYS_PER_YEAR


def tested_soh(dossier: Dossier) -> FloatArray:
    """Return the latest health by a quick or laboratory test of remaining capacity (余能检测健康状态). [1]"""
    cases, plates = dossier.cases, dossier.cases.packs
    measured = coalesce(
        cases.events["soh"],
        cases.events["remaining_capacity_ah"] / plates["rated_capacity_ah"][cases.row],
        cases.events["remaining_energy_kwh"] / dossier.nameplate.energy_kwh[cases.row],
    )
    source = source_of_events(cases)
    tested = (source == source_code("lab_test")) | (source == source_code("quick_test"))
    return last(cases.row, np.where(tested, measured, np.nan), cases.rows)


def reading_age(dossier: Dossier) -> FloatArray:
    """Return the age of the reading with the largest weight (读数时效). [a]"""
    return (dossier.cases.as_of_day - dossier.health.measured_day) / DAYS_PER_YEAR


def health_readings(dossier: Dossier) -> FloatArray:
    """Return the number of health readings on record (健康读数次数). [1]"""
    return dossier.cases.count(states_health(dossier.cases))


def resistance_growth(dossier: Dossier) -> FloatArray:
    """Return the growth of internal resistance (内阻增长率). [1]"""
    return dossier.health.resistance_growth


def cell_spread(dossier: Dossier) -> FloatArray:
    """Return the spread of health between cells or modules (单体一致性). [1]"""
    return dossier.health.cell_spread


def cell_spread_mv(dossier: Dossier) -> FloatArray:
    """Return the spread of cell voltages (单体压差). [mV]"""
    return dossier.cases.last("cell_spread_mv")


def weakest_module(dossier: Dossier) -> FloatArray:
    """Return the lowest health of a module (最弱模块健康状态). [1]"""
    return dossier.cases.packs["module_lowest_soh"]
