"""Features of use (使用特征)."""

from __future__ import annotations

import numpy as np

from valuation.condition.age_and_use import DAYS_PER_YEAR, days_in_use
from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray

SHORTEST_USE_A = 0.25  # judged: a yearly rate over a shorter time is not meaningful


def full_cycles(dossier: Dossier) -> FloatArray:
    """Return equivalent full cycles, reported or from throughput (等效全循环次数). [1]"""
    return dossier.health.full_cycles


def cycles_per_year(dossier: Dossier) -> FloatArray:
    """Return equivalent full cycles per year of use. [1/a]"""
    return dossier.health.full_cycles / _years(dossier)


def odometer(dossier: Dossier) -> FloatArray:
    """Return the highest distance reported (里程). [km]"""
    return dossier.cases.highest("odometer_km")


def distance_per_year(dossier: Dossier) -> FloatArray:
    """Return the distance per year of use (年均里程). [km/a]"""
    return odometer(dossier) / _years(dossier)


def fast_charge_share(dossier: Dossier) -> FloatArray:
    """Return the share of fast charging (快充占比). [1]"""
    return dossier.cases.last("fast_charge_share")


def mean_soc(dossier: Dossier) -> FloatArray:
    """Return the mean state of charge (平均荷电状态). [1]"""
    return dossier.cases.last("mean_soc")


def depth_of_discharge(dossier: Dossier) -> FloatArray:
    """Return the mean depth of discharge (平均放电深度). [1]"""
    return dossier.cases.last("mean_depth_of_discharge")


def swaps(dossier: Dossier) -> FloatArray:
    """Return the number of swaps into a vehicle (换电次数). [1]"""
    return dossier.cases.count(dossier.cases.is_type("swapped_in"))


def owners(dossier: Dossier) -> FloatArray:
    """Return the number of changes of owner on record (过户次数). [1]"""
    return dossier.cases.count(dossier.cases.is_type("owner_changed"))


def usage_reports(dossier: Dossier) -> FloatArray:
    """Return the number of usage summaries on record. [1]"""
    return dossier.cases.count(dossier.cases.is_type("usage"))


def _years(dossier: Dossier) -> FloatArray:
    """Return years of use, at least a quarter. [a]"""
    return np.maximum(days_in_use(dossier.cases, dossier.nameplate) / DAYS_PER_YEAR, SHORTEST_USE_A)
