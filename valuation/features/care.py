"""Features of care and of mishaps (维护与异常特征)."""

from __future__ import annotations

import numpy as np

from valuation.condition.life import DAYS_PER_YEAR
from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray, coalesce

USUAL_SEVERITY = 0.3  # judged: of an event whose severity nobody states


def maintenance(dossier: Dossier) -> FloatArray:
    """Return how often the pack was maintained (维护次数). [1]"""
    return dossier.cases.count(dossier.cases.is_type("maintained"))


def replacements(dossier: Dossier) -> FloatArray:
    """Return how often modules or cells were replaced (模块或单体更换次数). [1]"""
    return dossier.cases.count(dossier.cases.is_choice("work", "module_replaced", "cell_replaced"))


def maintenance_cost(dossier: Dossier) -> FloatArray:
    """Return what maintenance has cost, over rated energy (维护费用). [CNY/kWh]"""
    return dossier.cases.total("cost_cny") / dossier.nameplate.energy_kwh


def maintenance_age(dossier: Dossier) -> FloatArray:
    """Return how long ago the pack was last maintained (距上次维护时间). [a]"""
    last_day = dossier.cases.last("on_day", dossier.cases.is_type("maintained"))
    return (dossier.cases.as_of_day - last_day) / DAYS_PER_YEAR


def negative_events(dossier: Dossier) -> FloatArray:
    """Return how many negative events are on record (异常事件次数). [1]"""
    return dossier.cases.count(dossier.cases.is_type("negative"))


def worst_severity(dossier: Dossier) -> FloatArray:
    """Return the severity of the worst negative event that can harm a pack; 0 without one (最严重异常程度). [1]"""
    cases = dossier.cases
    severity = coalesce(cases.events["severity"], np.full(len(cases.row), USUAL_SEVERITY))
    harmful = cases.is_choice("kind", "accident", "fire", "water", "swelling", "leak", "isolation_fault")
    worst = np.zeros(cases.rows)
    np.maximum.at(worst, cases.row[harmful], severity[harmful])
    return worst


def accident_severity(dossier: Dossier) -> FloatArray:
    """Return the severity of the worst accident; 0 without one (最严重事故程度). [1]"""
    cases = dossier.cases
    severity = coalesce(cases.events["severity"], np.full(len(cases.row), USUAL_SEVERITY))
    accidents = cases.is_choice("kind", "accident")
    worst = np.zeros(cases.rows)
    np.maximum.at(worst, cases.row[accidents], severity[accidents])
    return worst


def abuses(dossier: Dossier) -> FloatArray:
    """Return how often the pack was over-charged or deeply discharged (过充过放次数). [1]"""
    return dossier.cases.count(dossier.cases.is_choice("kind", "overcharge", "deep_discharge"))


def recalls(dossier: Dossier) -> FloatArray:
    """Return how often the pack was recalled (召回次数). [1]"""
    return dossier.cases.count(dossier.cases.is_choice("kind", "recall"))


def condition(dossier: Dossier) -> FloatArray:
    """Return the latest condition seen (外观状态). [code of condition]"""
    return dossier.cases.last("condition")


def missing_modules(dossier: Dossier) -> FloatArray:
    """Return how many modules are missing; 0 where nobody says so (缺失模块数). [1]"""
    missing = dossier.cases.packs["missing_modules"]
    return np.where(np.isnan(missing), 0.0, missing)
