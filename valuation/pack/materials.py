"""Metal content of a pack (有价金属含量): fixed at production and independent of health.

It follows from chemistry and vintage: old packs contain more copper, aluminium and steel per kWh, by (pack kg/kWh over
that of the table) to the power 0.8 (judged, 2026), while cathode metals per kWh change little. Masses stated in a
passport replace the table if they are plausible. The metals of missing modules are deducted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray
from valuation.numeric.exact_math import power
from valuation.pack.chemistry import ELEMENTS, ROWS, ingredients
from valuation.pack.nameplate import CELL, MODULES_PER_PACK, PACK, Nameplate
from valuation.pack.vintage import interpolate
from valuation.record.cases import Cases
from valuation.record.fields import CHEMISTRIES

INERT: Final = ("Cu", "Al", "Fe")
VINTAGE_EXPONENT: Final = 0.8
HEAVIEST_RATIO, LIGHTEST_RATIO = 3.0, 0.5
"""Limits of the mass per kWh over that of the table; outside, the mass has a wrong unit. [1]"""

MODULE_SHARE_OF_INERT: Final = 0.71
"""Share of a pack's mass in its modules (EverBatt 2023: .69 to .73); the rest stays if modules are missing. [1]"""

DERIVED_SPREAD: Final = 0.16
"""Spread of an element without one in the row of its chemistry (judged, 2026). [1]"""
DECLARED_SD: Final = 0.03
"""Spread of a stated mass from rounding and production tolerance (judged, 2026). [1]"""
PLAUSIBLE_RATIO: Final = 4.0
"""Largest plausible factor between a stated mass and the table. [1]"""
TRACE_KG_PER_KWH: Final = 0.05
"""Largest plausible mass of an element that the table does not have, for example Mn in LFP. [kg/kWh]"""

# Share of a pack's metal in its modules or cells alone, as the case belongs to the pack (judged, 2026).
LEVEL_SHARE: Final = {"Cu": (1.0, 0.97, 0.92), "Al": (1.0, 0.80, 0.55), "Fe": (1.0, 0.35, 0.10)}

COMPOSITION_OF: Final[Mapping[str, str]] = {
    "Li": "lithium_kg",
    "Ni": "nickel_kg",
    "Co": "cobalt_kg",
    "Mn": "manganese_kg",
    "Cu": "copper_kg",
    "Al": "aluminium_kg",
    "Fe": "steel_kg",
    "graphite": "graphite_kg",
    "P": "phosphorus_kg",
    "Ti": "titanium_kg",
    "Na": "sodium_kg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetalContent:
    """Metals of each pack, one row per pack.

    Attributes
    ----------
    mass_kg : columns by element of :data:`valuation.pack.chemistry.ELEMENTS`
        Mass in the pack today. [kg]
    relative_sd : columns by element
        One standard deviation over the mass. [1]
    declared : bool columns by element
        Whether a plausible mass from a passport is used.
    doubtful : bool
        Whether a passport states an implausible mass, so that the table is used.
    present_share : array
        Share of the modules that are present. [1]
    pack_mass_kg, cell_mass_kg : arrays
        Mass to transport and mass to crush. [kg]
    """

    mass_kg: Mapping[str, FloatArray]
    relative_sd: Mapping[str, FloatArray]
    declared: Mapping[str, BoolArray]
    doubtful: BoolArray
    present_share: FloatArray
    pack_mass_kg: FloatArray
    cell_mass_kg: FloatArray


def metal_content(cases: Cases, nameplate: Nameplate) -> MetalContent:
    """Return the metals in each pack (有价金属含量): from its passport, else by chemistry and vintage. [kg]"""
    table = _by_chemistry(nameplate)
    modern_kg = nameplate.energy_kwh * table.pack_kg_per_kwh
    ratio = nameplate.mass_kg / modern_kg
    heavier = np.minimum(np.maximum(ratio, LIGHTEST_RATIO), HEAVIEST_RATIO)
    vintage = np.where(nameplate.level == PACK, power(heavier, VINTAGE_EXPONENT), 1.0)
    present = present_share(cases)
    usual = table.content * nameplate.energy_kwh * _LEVEL_SHARES[:, nameplate.level.astype(np.int64)]
    usual = usual * np.where(_INERT, vintage, 1.0)
    stated = np.array([cases.packs[COMPOSITION_OF[element]] for element in ELEMENTS])
    is_stated = ~np.isnan(stated)
    accepted = is_stated & _plausible(stated, usual, nameplate)
    rejected = is_stated & ~accepted
    left = 1.0 - (1.0 - present) * np.where(_INERT, MODULE_SHARE_OF_INERT, 1.0)
    mass_kg = np.where(accepted, stated, usual) * left
    relative_sd = np.where(accepted, DECLARED_SD, np.where(rejected, 2.0 * table.spread, table.spread))
    carried_kg = modern_kg * heavier
    pack_mass_kg = carried_kg * (1.0 - (1.0 - present) * MODULE_SHARE_OF_INERT)
    share = np.where(nameplate.level == CELL, 1.0, table.cell_share)
    return MetalContent(
        mass_kg=dict(zip(ELEMENTS, mass_kg, strict=True)),
        relative_sd=dict(zip(ELEMENTS, relative_sd, strict=True)),
        declared=dict(zip(ELEMENTS, accepted, strict=True)),
        doubtful=rejected.any(axis=0),
        present_share=present,
        pack_mass_kg=pack_mass_kg,
        cell_mass_kg=carried_kg * share * present,
    )


def present_share(cases: Cases) -> FloatArray:
    """Return the share of a pack's modules that are present; 1 if no missing modules are stated. [1]"""
    missing = np.where(np.isnan(cases.packs["missing_modules"]), 0.0, cases.packs["missing_modules"])
    listed = cases.packs["module_count"]
    total = np.where(np.isnan(listed), np.maximum(MODULES_PER_PACK, missing), listed + missing)
    return np.where(total > 0.0, 1.0 - missing / np.where(total > 0.0, total, 1.0), 1.0)


# One row per chemistry: content of each element, mean square including its spread, pack mass, cell share.
_MEAN = np.array([[row.kg_per_kwh.get(element, 0.0) for element in ELEMENTS] for row in ROWS])
_WITHIN = np.array([[row.spread.get(element, DERIVED_SPREAD) for element in ELEMENTS] for row in ROWS])
_PACK = np.array([[row.pack_kg_per_kwh, row.cell_share] for row in ROWS])
_NUMBERS = np.concatenate([_MEAN, _MEAN * _MEAN * (1.0 + _WITHIN * _WITHIN), _PACK], axis=1)
_MIXTURES = tuple((code, ingredients(row)) for code, row in enumerate(ROWS) if row.mixture)
_IS_MIXTURE = np.array([bool(row.mixture) for row in ROWS])
_INERT = np.array([[element in INERT] for element in ELEMENTS])
# Share of the pack's metal per kWh in a pack, module or cell, one row per element. [1]
_LEVEL_SHARES = np.array([LEVEL_SHARE.get(element, (1.0, 1.0, 1.0)) for element in ELEMENTS])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usual:
    """Usual content of packs of a chemistry and year: kg/kWh, relative spread, pack kg/kWh and cell share.

    `content` and `spread` have one row per element.
    """

    content: FloatArray
    spread: FloatArray
    pack_kg_per_kwh: FloatArray
    cell_share: FloatArray


def _by_chemistry(nameplate: Nameplate) -> _Usual:
    """Return the figures of the table for each pack; a class of several chemistries is the mixture of its year."""
    numbers = _NUMBERS[nameplate.chemistry.astype(np.int64)]
    for code, parts in _MIXTURES:
        here = np.flatnonzero(nameplate.chemistry == code)
        if len(here):
            mixed = np.zeros((len(here), _NUMBERS.shape[1]))
            for name, shares in parts:
                row = _NUMBERS[CHEMISTRIES.index(name)]
                mixed = mixed + interpolate(nameplate.year[here], shares)[:, None] * row
            numbers[here] = mixed
    count = len(ELEMENTS)
    mean, square = numbers[:, :count], numbers[:, count : 2 * count]
    variance = np.maximum(square - mean * mean, 0.0)
    spread = np.where(mean > 0.0, np.sqrt(variance) / np.where(mean > 0.0, mean, 1.0), 0.0)
    return _Usual(
        content=np.ascontiguousarray(mean.T),
        spread=np.ascontiguousarray(spread.T),
        pack_kg_per_kwh=numbers[:, -2],
        cell_share=numbers[:, -1],
    )


def _plausible(stated: FloatArray, usual: FloatArray, nameplate: Nameplate) -> BoolArray:
    """Return whether a stated mass is plausible: near the table, or any lower mass in a mixture."""
    mixture = _IS_MIXTURE[nameplate.chemistry.astype(np.int64)]
    high = usual * PLAUSIBLE_RATIO + TRACE_KG_PER_KWH * nameplate.energy_kwh
    near: BoolArray = (stated <= high) & ((stated >= usual / PLAUSIBLE_RATIO) | mixture)
    return near
