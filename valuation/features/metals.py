"""Features of the metals in the pack (金属含量特征)."""

from __future__ import annotations

import numpy as np

from valuation.dossier import Dossier
from valuation.numeric.columns import FloatArray


def lithium(dossier: Dossier) -> FloatArray:
    """Return lithium over rated energy (锂含量). [kg/kWh]"""
    return _per_kwh(dossier, "Li")


def nickel(dossier: Dossier) -> FloatArray:
    """Return nickel over rated energy (镍含量). [kg/kWh]"""
    return _per_kwh(dossier, "Ni")


def cobalt(dossier: Dossier) -> FloatArray:
    """Return cobalt over rated energy (钴含量). [kg/kWh]"""
    return _per_kwh(dossier, "Co")


def copper(dossier: Dossier) -> FloatArray:
    """Return copper over rated energy (铜含量). [kg/kWh]"""
    return _per_kwh(dossier, "Cu")


def aluminium(dossier: Dossier) -> FloatArray:
    """Return aluminium over rated energy (铝含量). [kg/kWh]"""
    return _per_kwh(dossier, "Al")


def declared_share(dossier: Dossier) -> FloatArray:
    """Return the share of lithium, nickel, cobalt, copper and aluminium that a passport states (成分申报比例). [1]"""
    stated = np.zeros(dossier.rows)
    for element in ("Li", "Ni", "Co", "Cu", "Al"):
        stated = stated + dossier.metals.declared[element]
    return stated / 5.0


def cell_mass_share(dossier: Dossier) -> FloatArray:
    """Return the cells' share of the pack's mass (电芯质量占比). [1]"""
    return dossier.metals.cell_mass_kg / dossier.metals.pack_mass_kg


def _per_kwh(dossier: Dossier, element: str) -> FloatArray:
    return dossier.metals.mass_kg[element] / dossier.nameplate.energy_kwh
