"""Features of the temperature history (热历史特征)."""

from __future__ import annotations

from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray


def mean_temperature(dossier: Dossier) -> FloatArray:
    """Return the mean temperature in use (平均温度). [°C]"""
    return dossier.cases.last("mean_temperature_c")


def hours_hot(dossier: Dossier) -> FloatArray:
    """Return the hours above 45 °C over life (高温时长). [h]"""
    return dossier.cases.highest("hours_above_45c")


def hours_cold(dossier: Dossier) -> FloatArray:
    """Return the hours below 0 °C over life (低温时长). [h]"""
    return dossier.cases.highest("hours_below_0c")


def over_temperature(dossier: Dossier) -> FloatArray:
    """Return the number of over-temperature events on record (过温次数). [1]"""
    return dossier.cases.count(dossier.cases.is_choice("kind", "over_temperature"))
