"""Features of the structural value (结构价值特征)."""

from __future__ import annotations

import numpy as np

from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray


def structural(dossier: Dossier) -> FloatArray:
    """Return the structural value (结构价值). [CNY/kWh]"""
    return dossier.routes.structural_per_kwh


def recycling(dossier: Dossier) -> FloatArray:
    """Return the value of recycling (再生利用价值). [CNY/kWh]"""
    return dossier.routes.value_per_kwh["recycling"]


def second_life(dossier: Dossier) -> FloatArray:
    """Return the value of a second life (梯次利用价值). [CNY/kWh]"""
    return dossier.routes.value_per_kwh["second_life"]


def reuse(dossier: Dossier) -> FloatArray:
    """Return the value of reuse in a vehicle (再装车价值). [CNY/kWh]"""
    return dossier.routes.value_per_kwh["reuse"]


def metal_value(dossier: Dossier) -> FloatArray:
    """Return the value of the metals before costs (金属价值). [CNY/kWh]"""
    values = list(dossier.routes.metal_value_per_kwh.values())
    gross = values[0]
    for value in values[1:]:
        gross = gross + value
    return gross


def recycling_cost(dossier: Dossier) -> FloatArray:
    """Return the cost of recycling: transport, dismantling, treatment, handling of damage (再生利用成本). [CNY/kWh]"""
    terms = dossier.routes.terms
    plain = terms["cost:transport"] + terms["cost:dismantling"] + terms["cost:treatment"]
    return -(plain + terms["cost:handling"])


def second_life_haircut(dossier: Dossier) -> FloatArray:
    """Return the haircut of the findings on a second life (梯次利用折减). [1]"""
    return dossier.findings.haircut["second_life"]


def reuse_haircut(dossier: Dossier) -> FloatArray:
    """Return the haircut of the findings on reuse (再装车折减). [1]"""
    return dossier.findings.haircut["reuse"]


def routes_closed(dossier: Dossier) -> FloatArray:
    """Return the number of routes closed by findings (关闭途径数). [1]"""
    blocked = dossier.findings.blocked
    return np.where(blocked["second_life"], 1.0, 0.0) + np.where(blocked["reuse"], 1.0, 0.0)
