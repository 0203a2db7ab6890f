"""Features of maintenance and negative events (维护与异常特征)."""

from __future__ import annotations

import numpy as np

from valuation.condition.age_and_use import DAYS_PER_YEAR
from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray, coalesce

USUAL_SEVERITY = 0.3  # judged: severity of an event without a stated one


def maintenance(dossier: Dossier) -> FloatArray:
    """Return the number of maintenance events (维护次数). [1]"""
    return dossier.cases.count(dossier.cases.is_type("maintained"))


def replacements(dossier: Dossier) -> FloatArray:
    """Return the number of module or cell replacements (模块或单体更换次数). [1]"""
    return dossier.cases.count(dossier.cases.is_choice("work", "module_replaced", "cell_replaced"))


def maintenance_cost(dossier: Dossier) -> FloatArray:
    """Return the cost of maintenance over rated energy (维护费用). [CNY/kWh]"""
    return dossier.cases.total("cost_cny") / dossier.nameplate.energy_kwh


def maintenance_age(dossier: Dossier) -> FloatArray:
    """Return the time since the last maintenance (距上次维护时间). [a]"""
    last_day = dossier.cases.last("on_day", dossier.cases.is_type("maintained"))
    return (dossier.cases.as_of_day - last_day) / DAYS_PER_YEAR


def negative_events(dossier: Dossier) -> FloatArray:
    """Return the number of negative events on record (异常事件次数). [1]"""
    return dossier.cases.count(dossier.cases.is_type("negative"))


def worst_severity(dossier: Dossier) -> FloatArray:
    """Return the severity of the worst negative event that can harm a pack, 0 without one (最严重异常程度). [1]"""
    cases = dossier.cases
    severity = coalesce(cases.events["severity"], np.full(len(cases.row), USUAL_SEVERITY))
    harmful = cases.is_choice("kind", "accident", "fire", "water", "swelling", "leak", "isolation_fault")
    worst = np.zeros(cases.rows)
    np.maximum.at(worst, cases.row[harmful], severity[harmful])
    return worst


def accident_severity(dossier: Dossier) -> FloatArray:
    """Return the severity of the worst accident, 0 without one (最严重事故程度). [1]"""
    cases = dossier.cases
    severity = coalesce(cases.events["severity"], np.full(len(cases.row), USUAL_SEVERITY))
    accidents = cases.is_choice("kind", "accident")
    worst = np.zeros(cases.rows)
    np.maximum.at(worst, cases.row[accidents], severity[accidents])
    return worst


def abuses(dossier: Dossier) -> FloatArray:
    """Return the number of over-charges and deep discharges (过充过放次数). [1]"""
    return dossier.cases.count(dossier.cases.is_choice("kind", "overcharge", "deep_discharge"))


def recalls(dossier: Dossier) -> FloatArray:
    """Return the number of recalls (召回次数). [1]"""
    return dossier.cases.count(dossier.cases.is_choice("kind", "recall"))


def condition(dossier: Dossier) -> FloatArray:
    """Return the latest recorded condition (外观状态). [code of condition]"""
    return dossier.cases.last("condition")


def missing_modules(dossier: Dossier) -> FloatArray:
    """Return the number of missing modules, 0 if not stated (缺失模块数). [1]"""
    missing = dossier.cases.packs["missing_modules"]
    return np.where(np.isnan(missing), 0.0, missing)
