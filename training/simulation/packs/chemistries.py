"""Chemistries of the synthetic fleet (化学体系): metal content, pack mass, market family, letter in the battery code.

Content is kg per nominal kWh of a new pack: Argonne EverBatt 2023 masses, elements by stoichiometry (NMC, NCA, LFP,
LMO); LCO, LTO, NiMH and sodium-ion are derived estimates. Copper, aluminium and steel follow the pack mass of the
vintage.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from valuation.numeric.columns import FloatArray, IntArray

ELEMENTS = ("lithium", "nickel", "cobalt", "manganese", "copper", "aluminium", "steel", "graphite")
MASS_EXPONENT = 0.8  # judged: how copper, aluminium and steel follow the mass of a pack
# Coefficients of variation inside a class (judged): active metals 5 %, copper 12 %, aluminium 15 %, steel 25 %.
CONTENT_VARIATION = np.array([0.05, 0.05, 0.05, 0.05, 0.12, 0.15, 0.25, 0.05])


class Chemistry(NamedTuple):
    """One chemistry as the synthetic market knows it."""

    name: str
    letter: str
    family: str  # lfp, ternary, lmo, lco, nimh: whose payables and new-pack price apply
    content: tuple[float, float, float, float, float, float, float, float]  # kg/kWh in the order of ELEMENTS
    table_kg_per_kwh: float
    cell_volt: float
    ageing: float  # multiplies the loss of health


CHEMISTRIES = (
    Chemistry("LFP", "B", "lfp", (0.0887, 0, 0, 0, 0.5252, 1.20, 0.9234, 0.9554), 6.49, 3.20, 0.90),
    Chemistry("NMC111", "E", "ternary",
              (0.1169, 0.322, 0.3234, 0.3014, 0.3855, 0.9894, 0.8227, 0.8617), 5.38, 3.65, 1.0),
    Chemistry("NMC523", "E", "ternary",
              (0.1074, 0.4434, 0.1781, 0.249, 0.3681, 0.9675, 0.8167, 0.8656), 5.19, 3.65, 1.0),
    Chemistry("NMC622", "E", "ternary",
              (0.1049, 0.5194, 0.1739, 0.1621, 0.3649, 0.9648, 0.8188, 0.8659), 5.15, 3.65, 1.0),
    Chemistry("NMC811", "E", "ternary",
              (0.0934, 0.6163, 0.0774, 0.0721, 0.3429, 0.9312, 0.8014, 0.8661), 4.89, 3.65, 1.12),
    Chemistry("NCA", "E", "ternary", (0.1003, 0.6622, 0.1247, 0, 0.3484, 0.9553, 0.7987, 0.8687), 4.99, 3.60, 1.15),
    Chemistry("LMO", "C", "lmo", (0.0855, 0, 0, 1.3033, 0.4877, 1.1256, 0.8824, 0.8029), 6.32, 3.75, 1.5),
    Chemistry("LCO", "D", "lco", (0.124, 0, 1.05, 0, 0.40, 0.90, 0.85, 0.85), 6.2, 3.70, 1.3),
    Chemistry("LTO", "G", "lmo", (0.265, 0, 0, 2.08, 0.10, 1.60, 1.20, 0), 10.73, 2.30, 0.30),
    Chemistry("NIMH", "A", "nimh", (0, 8.2, 1.0, 0, 0.30, 0.20, 1.30, 0), 22.7, 1.20, 0.40),
    Chemistry("NAION", "Z", "lmo", (0, 0.47, 0, 0.44, 0.03, 1.30, 0.90, 0), 8.0, 3.0, 1.05),
    Chemistry("OTHER", "Z", "lmo", (0.06, 0.05, 0.02, 0.3, 0.40, 1.0, 0.9, 0.5), 7.5, 3.3, 1.2),
)  # fmt: skip
NAMES = tuple(chemistry.name for chemistry in CHEMISTRIES)
FAMILIES = ("lfp", "ternary", "lmo", "lco", "nimh")
CONTENT = np.array([chemistry.content for chemistry in CHEMISTRIES])
TABLE_KG_PER_KWH = np.array([chemistry.table_kg_per_kwh for chemistry in CHEMISTRIES])
FAMILY = np.array([FAMILIES.index(chemistry.family) for chemistry in CHEMISTRIES])
AGEING = np.array([chemistry.ageing for chemistry in CHEMISTRIES])
CELL_VOLT = np.array([chemistry.cell_volt for chemistry in CHEMISTRIES])
IS_TERNARY = np.array([chemistry.letter == "E" for chemistry in CHEMISTRIES])
_FOLLOWS_MASS = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0])

# Pack Wh/kg by vintage, typical levels of the trade; the other chemistries have a fixed ratio to LFP.
_VINTAGE_YEARS = (2011.0, 2014.0, 2016.0, 2017.0, 2018.0, 2020.0, 2022.0, 2026.0)
_LFP_WH_PER_KG = (75.0, 82.0, 95.0, 105.0, 122.0, 132.0, 141.0, 152.0)
_TERNARY_WH_PER_KG = (82.0, 92.0, 106.0, 115.0, 138.0, 152.0, 165.0, 178.0)
_RATIO_TO_LFP = {"LMO": 0.95, "LCO": 1.1, "LTO": 0.55, "NIMH": 0.34, "NAION": 0.85, "OTHER": 0.9}


def pack_wh_per_kg(chemistry: IntArray, year: FloatArray) -> FloatArray:
    """Return the usual energy per mass of a pack by chemistry and vintage [Wh/kg].

    >>> pack_wh_per_kg(np.array([NAMES.index("LFP")]), np.array([2018.0])).tolist()
    [122.0]
    """
    iron = np.interp(year, _VINTAGE_YEARS, _LFP_WH_PER_KG)
    ternary = np.interp(year, _VINTAGE_YEARS, _TERNARY_WH_PER_KG)
    ratio = np.array([_RATIO_TO_LFP.get(name, 1.0) for name in NAMES])
    return np.where(IS_TERNARY[chemistry], ternary, iron * ratio[chemistry])


def metal_kg(chemistry: IntArray, energy_kwh: FloatArray, mass_kg: FloatArray) -> FloatArray:
    """Return the metal mass of packs by element, shape (packs, elements) [kg].

    >>> metal_kg(np.array([0]), np.array([10.0]), np.array([64.9])).round(3)[0, 0].item()
    0.887
    """
    heaviness = (mass_kg / energy_kwh / TABLE_KG_PER_KWH[chemistry]) ** MASS_EXPONENT
    scaled = 1.0 + (heaviness[:, None] - 1.0) * _FOLLOWS_MASS
    result: FloatArray = CONTENT[chemistry] * energy_kwh[:, None] * scaled
    return result
