"""Chemistries (电池体系), one row each: metal content, ageing and suitability for a second life.

To add a chemistry, add one row to :data:`ROWS` and its name to :data:`valuation.record.fields.CHEMISTRIES`.

Sources, by the letter used in the rows
---------------------------------------
E   Argonne EverBatt 2023 workbook (three-clause BSD style licence), sheets Man Par. and Disassembly, a 100 kWh pack of
    400 cells; elements by stoichiometry, lithium with the electrolyte salt. Within 2 % of BatPaC 5.2 for Li, Ni, Co and
    graphite, 6 to 9 % below it for Cu, 12 % below it for Li in LMO (P. Busch, USA-EV-Lithium-GHG, MIT, 2025).
D   Derived here by stoichiometry from published cathode fractions, 2026; band 15 %. NiMH from the published yield of a
    Toyota Gen-1 Prius battery; the 1.78 kWh it is divided by is recalled.
J   Judged, 2026: the spread inside a class (Li, Ni, Co 5 %, Cu 12 %, Al 15 %, steel 25 %), ageing relative to NMC (NCA
    by the cell models of blast-lite 1.1.1: mean loss after ten years 1.2 and, without the silicon 811 cell, 1.5 times
    that of its NMC models; LMO, which is nearly always air-cooled, by the 2015 Leaf, 4.2 %/a against 2.3, Geotab 2019),
    minimum health for repurposing (LFP .70, others .75: in China ternary packs mostly go straight to recycling) and
    health at the end of a second life (.45, others .50; published .30 to .60), years until the pack is then recycled,
    shares of a mixture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.pack.vintage import ANYTHING, LFP_DENSITY, TERNARY_DENSITY, TERNARY_GRADES, Mixture, Points, interpolate
from valuation.record.fields import CHEMISTRIES

ELEMENTS: Final = ("Li", "Ni", "Co", "Mn", "Cu", "Al", "Fe", "graphite", "P", "Ti", "Na")
"""Elements that may be paid for; `Fe` is steel and iron outside the cathode, `Al` excludes cathode aluminium."""

FAMILIES: Final = ("lfp", "ternary", "lmo", "lco", "lto", "nimh", "naion", "other")
"""Groups of chemistries with common payables."""

SPREAD_COMPUTED: Final[Mapping[str, float]] = MappingProxyType(
    {"Li": 0.05, "Ni": 0.05, "Co": 0.05, "Mn": 0.05, "Cu": 0.12, "Al": 0.15, "Fe": 0.25, "graphite": 0.08, "P": 0.05}
)
SPREAD_DERIVED: Final[Mapping[str, float]] = MappingProxyType(
    dict.fromkeys(ELEMENTS, 0.16) | {"Cu": 0.20, "Al": 0.21, "Fe": 0.29}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chemistry:
    """One chemistry: all properties that do not depend on a single pack.

    Attributes
    ----------
    name, family : str
        As in :data:`valuation.record.fields.CHEMISTRIES` and :data:`FAMILIES`.
    kg_per_kwh : mapping of element to kg per rated kWh
        Metal content of a modern pack (质量含量). Empty for a mixture.
    pack_kg_per_kwh, cell_share : float
        Mass of the pack those figures belong to, and the cells' share of it.
    spread : mapping of element to relative standard deviation
        Spread of packs of the class around the row.
    density : tuple of (year, Wh/kg)
        Energy density by year of production, for packs without a stated mass.
    ageing_factor : float
        Speed of ageing relative to NMC under the same use.
    second_life : bool
        Whether a second-life market exists (梯次利用).
    second_life_minimum_soh, second_life_end_soh : float
        Minimum health for repurposing, and health at the end of the second life. [1]
    second_life_years : float
        Duration of the second life before recycling. [a]
    new_pack : str
        Competing new pack in second life, ``new_pack_<lfp|ternary>``.
    mixture : tuple of (year, shares)
        For a class of several chemistries: their shares by year of production.
    source : str
        Letters of the module's docstring.
    """

    name: str
    family: str
    kg_per_kwh: Mapping[str, float] = field(default_factory=dict)
    pack_kg_per_kwh: float = 6.0
    cell_share: float = 0.63
    spread: Mapping[str, float] = field(default_factory=lambda: SPREAD_COMPUTED)
    density: Points
    cell_voltage_v: float = 3.65
    ageing_factor: float = 1.0
    second_life: bool = True
    second_life_minimum_soh: float = 0.75
    second_life_end_soh: float = 0.50
    second_life_years: float = 5.0
    new_pack: Literal["lfp", "ternary"] = "ternary"
    mixture: Mixture = ()
    source: str


def _content(*masses: float) -> Mapping[str, float]:
    """Return the content from masses of Li, Ni, Co, Mn, Cu, Al, steel, graphite and optionally P, Ti and Na."""
    return MappingProxyType(dict(zip(ELEMENTS, masses, strict=False)))


ROWS: Final[tuple[Chemistry, ...]] = (
    Chemistry(
        name="LFP",
        family="lfp",
        kg_per_kwh=_content(0.0887, 0.0, 0.0, 0.0, 0.5252, 1.2, 0.9234, 0.9554, 0.3799),
        pack_kg_per_kwh=6.4863,
        cell_share=0.6534,
        density=LFP_DENSITY,
        cell_voltage_v=3.2,
        ageing_factor=0.85,
        second_life_minimum_soh=0.70,
        second_life_end_soh=0.45,
        second_life_years=8.0,
        new_pack="lfp",
        source="E, J",
    ),
    Chemistry(name="NMC", family="ternary", density=TERNARY_DENSITY, mixture=TERNARY_GRADES, source="E, J"),
    Chemistry(
        name="NMC111",
        family="ternary",
        kg_per_kwh=_content(0.1169, 0.322, 0.3234, 0.3014, 0.3855, 0.9894, 0.8227, 0.8617),
        pack_kg_per_kwh=5.3836,
        cell_share=0.6333,
        density=TERNARY_DENSITY,
        source="E",
    ),
    Chemistry(
        name="NMC523",
        family="ternary",
        kg_per_kwh=_content(0.1074, 0.4434, 0.1781, 0.249, 0.3681, 0.9675, 0.8167, 0.8656),
        pack_kg_per_kwh=5.186,
        cell_share=0.6234,
        density=TERNARY_DENSITY,
        source="E",
    ),
    Chemistry(
        name="NMC622",
        family="ternary",
        kg_per_kwh=_content(0.1049, 0.5194, 0.1739, 0.1621, 0.3649, 0.9648, 0.8188, 0.8659),
        pack_kg_per_kwh=5.1479,
        cell_share=0.6202,
        density=TERNARY_DENSITY,
        source="E",
    ),
    Chemistry(
        name="NMC811",
        family="ternary",
        kg_per_kwh=_content(0.0934, 0.6163, 0.0774, 0.0721, 0.3429, 0.9312, 0.8014, 0.8661),
        pack_kg_per_kwh=4.8873,
        cell_share=0.609,
        density=TERNARY_DENSITY,
        source="E",
    ),
    Chemistry(
        name="NCA",
        family="ternary",
        kg_per_kwh=_content(0.1003, 0.6622, 0.1247, 0.0, 0.3484, 0.9363, 0.7987, 0.8687),
        pack_kg_per_kwh=4.9873,
        cell_share=0.617,
        density=TERNARY_DENSITY,
        cell_voltage_v=3.6,
        ageing_factor=1.25,
        source="E",
    ),
    Chemistry(
        name="LMO",
        family="lmo",
        kg_per_kwh=_content(0.0855, 0.0, 0.0, 1.3033, 0.4877, 1.1256, 0.8824, 0.8029),
        pack_kg_per_kwh=6.3222,
        cell_share=0.6628,
        density=LFP_DENSITY,
        cell_voltage_v=3.8,
        ageing_factor=1.85,
        new_pack="lfp",
        source="E",
    ),
    Chemistry(  # cell level in the source: aluminium and steel of the pack added as in NMC111
        name="LCO",
        family="lco",
        kg_per_kwh=_content(0.124, 0.0, 1.05, 0.0, 0.40, 0.95, 0.82, 0.85),
        pack_kg_per_kwh=6.2,
        cell_share=0.65,
        spread=SPREAD_DERIVED,
        density=TERNARY_DENSITY,
        cell_voltage_v=3.7,
        second_life=False,
        source="D",
    ),
    Chemistry(
        name="LTO",
        family="lto",
        kg_per_kwh=_content(0.265, 0.0, 0.0, 2.08, 0.1, 1.6, 1.2, 0.0, 0.0, 1.14),
        pack_kg_per_kwh=10.73,
        cell_share=0.65,
        spread=SPREAD_DERIVED,
        density=((2012.0, 60.0), (2018.0, 80.0), (2024.0, 93.0)),
        cell_voltage_v=2.3,
        ageing_factor=0.3,
        second_life_years=8.0,
        new_pack="lfp",
        source="D",
    ),
    Chemistry(
        name="NIMH",
        family="nimh",
        kg_per_kwh=_content(0.0, 8.2, 1.0, 0.0, 0.3, 0.2, 1.3, 0.0),
        pack_kg_per_kwh=22.7,
        cell_share=0.75,
        spread=SPREAD_DERIVED,
        density=((2012.0, 44.0), (2024.0, 44.0)),
        cell_voltage_v=1.2,
        second_life=False,
        source="D",
    ),
    Chemistry(
        name="NAION",
        family="naion",
        kg_per_kwh=_content(0.0, 0.47, 0.0, 0.44, 0.03, 1.3, 0.9, 0.0, 0.0, 0.0, 0.37),
        pack_kg_per_kwh=8.0,
        cell_share=0.65,
        spread=SPREAD_DERIVED,
        density=((2020.0, 95.0), (2024.0, 115.0)),
        cell_voltage_v=3.0,
        second_life_years=8.0,
        new_pack="lfp",
        source="D",
    ),
    Chemistry(name="OTHER", family="other", density=LFP_DENSITY, second_life=False, mixture=ANYTHING, source="E, J"),
)
"""The table, in the order of :data:`valuation.record.fields.CHEMISTRIES`."""

BY_NAME: Final[Mapping[str, Chemistry]] = MappingProxyType({row.name: row for row in ROWS})
CHEMISTRY_CODE: Final[Mapping[str, float]] = MappingProxyType({name: float(i) for i, name in enumerate(CHEMISTRIES)})

_NUMBERS = (
    "cell_voltage_v",
    "ageing_factor",
    "second_life",
    "second_life_minimum_soh",
    "second_life_end_soh",
    "second_life_years",
)
_COLUMN = {name: np.array([float(getattr(row, name)) for row in ROWS]) for name in _NUMBERS}
_FAMILY = np.array([float(FAMILIES.index(row.family)) for row in ROWS])


def lookup(attribute: str, chemistry: FloatArray) -> FloatArray:
    """Return a number of the table for each pack, by the code of its chemistry.

    >>> lookup("ageing_factor", np.array([0.0, 6.0])).tolist()
    [0.85, 1.25]
    """
    return _COLUMN[attribute][chemistry.astype(np.int64)]


def family_code(chemistry: FloatArray) -> FloatArray:
    """Return the family of each pack as an index of :data:`FAMILIES`.

    >>> family_code(np.array([0.0, 5.0, 12.0])).tolist()
    [0.0, 1.0, 7.0]
    """
    return _FAMILY[chemistry.astype(np.int64)]


def energy_density_wh_per_kg(chemistry: FloatArray, year: FloatArray) -> FloatArray:
    """Return the usual energy density of packs by chemistry and year. [Wh/kg]

    >>> energy_density_wh_per_kg(np.array([0.0, 3.0]), np.array([2020.0, 2018.0])).tolist()
    [135.0, 137.0]
    """
    density = np.empty(len(chemistry))
    for code, row in enumerate(ROWS):
        here = chemistry == code
        if here.any():
            density[here] = interpolate(year[here], row.density)
    return density


def ingredients(row: Chemistry) -> tuple[tuple[str, Points], ...]:
    """Return the chemistries in a class, each with its share over the years; a pure chemistry has share 1.

    >>> ingredients(BY_NAME["LFP"])
    (('LFP', ((2020.0, 1.0),)),)
    """
    if not row.mixture:
        return ((row.name, ((2020.0, 1.0),)),)
    names = sorted({name for _, shares in row.mixture for name in shares}, key=CHEMISTRIES.index)
    return tuple((name, tuple((year, shares.get(name, 0.0)) for year, shares in row.mixture)) for name in names)
