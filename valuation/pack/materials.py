"""What metals a pack holds (有价金属含量): fixed when it was made, whatever its health.

By chemistry, corrected for vintage: old packs carry more copper, aluminium and steel per kWh, (pack kg/kWh over the
table's) to the power 0.8 (judged, 2026), while cathode metals per kWh change little. What a passport states wins over
the table where it can be true. Missing modules take their metals with them.
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
"""A pack is never that much heavier or lighter per kWh than the table's; beyond it the mass is a slip of unit."""

MODULE_SHARE_OF_INERT: Final = 0.71
"""Share of a pack's mass that is in its modules (EverBatt 2023: .69 to .73); the rest stays when modules go. [1]"""

DERIVED_SPREAD: Final = 0.16
"""Spread of an element for which the chemistry's row names none (judged, 2026). [1]"""
DECLARED_SD: Final = 0.03
"""Spread of a stated mass: rounding and the tolerance of production (judged, 2026). [1]"""
PLAUSIBLE_RATIO: Final = 4.0
"""A stated mass further than this factor from the table is not believed."""
TRACE_KG_PER_KWH: Final = 0.05
"""So much of an element may be there that the table does not have, for example manganese in LFP. [kg/kWh]"""

# Share of a pack's metal that is in a module or a cell taken alone: the case stays with the pack (judged, 2026).
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
    """Metals of each pack, one row a pack.

    Attributes
    ----------
    mass_kg : columns by element of :data:`valuation.pack.chemistry.ELEMENTS`
        What is in the pack today. [kg]
    relative_sd : columns by element
        One standard deviation over the mass. [1]
    declared : bool columns by element
        Where a passport states it and is believed.
    doubtful : bool
        Where a passport states a mass that cannot be true; the table is used instead.
    present_share : array
        Share of the modules that are still there. [1]
    pack_mass_kg, cell_mass_kg : arrays
        What has to be carried, and what has to be crushed. [kg]
    """

    mass_kg: Mapping[str, FloatArray]
    relative_sd: Mapping[str, FloatArray]
    declared: Mapping[str, BoolArray]
    doubtful: BoolArray
    present_share: FloatArray
    pack_mass_kg: FloatArray
    cell_mass_kg: FloatArray


def metal_content(cases: Cases, nameplate: Nameplate) -> MetalContent:
    """Return the metals in each pack (有价金属含量): as its passport states, else by chemistry and vintage. [kg]"""
    table = _by_chemistry(nameplate)
    modern_kg = nameplate.energy_kwh * table.pack_kg_per_kwh
    ratio = nameplate.mass_kg / modern_kg
    heavier = np.minimum(np.maximum(ratio, LIGHTEST_RATIO), HEAVIEST_RATIO)
    vintage = np.where(nameplate.level == PACK, power(heavier, VINTAGE_EXPONENT), 1.0)
    present = present_share(cases)
    usual = table.content * nameplate.energy_kwh * _LEVEL_SHARES[:, nameplate.level.astype(np.int64)]
    usual = usual * np.where(_INERT, vintage, 1.0)
    stated = np.array([cases.packs[COMPOSITION_OF[element]] for element in ELEMENTS])
    told = ~np.isnan(stated)
    believed = told & _plausible(stated, usual, nameplate)
    refuted = told & ~believed
    left = 1.0 - (1.0 - present) * np.where(_INERT, MODULE_SHARE_OF_INERT, 1.0)
    mass_kg = np.where(believed, stated, usual) * left
    relative_sd = np.where(believed, DECLARED_SD, np.where(refuted, 2.0 * table.spread, table.spread))
    carried_kg = modern_kg * heavier
    pack_mass_kg = carried_kg * (1.0 - (1.0 - present) * MODULE_SHARE_OF_INERT)
    share = np.where(nameplate.level == CELL, 1.0, table.cell_share)
    return MetalContent(
        mass_kg=dict(zip(ELEMENTS, mass_kg, strict=True)),
        relative_sd=dict(zip(ELEMENTS, relative_sd, strict=True)),
        declared=dict(zip(ELEMENTS, believed, strict=True)),
        doubtful=refuted.any(axis=0),
        present_share=present,
        pack_mass_kg=pack_mass_kg,
        cell_mass_kg=carried_kg * share * present,
    )


def present_share(cases: Cases) -> FloatArray:
    """Return the share of a pack's modules that are still there; all of them where nobody says otherwise. [1]"""
    missing = np.where(np.isnan(cases.packs["missing_modules"]), 0.0, cases.packs["missing_modules"])
    listed = cases.packs["module_count"]
    total = np.where(np.isnan(listed), np.maximum(MODULES_PER_PACK, missing), listed + missing)
    return np.where(total > 0.0, 1.0 - missing / np.where(total > 0.0, total, 1.0), 1.0)


# One row a chemistry: content of each element, its mean square with the spread inside the chemistry, pack mass, share.
_MEAN = np.array([[row.kg_per_kwh.get(element, 0.0) for element in ELEMENTS] for row in ROWS])
_WITHIN = np.array([[row.spread.get(element, DERIVED_SPREAD) for element in ELEMENTS] for row in ROWS])
_PACK = np.array([[row.pack_kg_per_kwh, row.cell_share] for row in ROWS])
_NUMBERS = np.concatenate([_MEAN, _MEAN * _MEAN * (1.0 + _WITHIN * _WITHIN), _PACK], axis=1)
_MIXTURES = tuple((code, ingredients(row)) for code, row in enumerate(ROWS) if row.mixture)
_IS_MIXTURE = np.array([bool(row.mixture) for row in ROWS])
_INERT = np.array([[element in INERT] for element in ELEMENTS])
# How much of the pack's metal per kWh a pack, module or cell has, a row an element. [1]
_LEVEL_SHARES = np.array([LEVEL_SHARE.get(element, (1.0, 1.0, 1.0)) for element in ELEMENTS])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Usual:
    """What packs of that chemistry and year usually hold: kg/kWh, relative spread, pack kg/kWh and cell share.

    `content` and `spread` have a row an element.
    """

    content: FloatArray
    spread: FloatArray
    pack_kg_per_kwh: FloatArray
    cell_share: FloatArray


def _by_chemistry(nameplate: Nameplate) -> _Usual:
    """Return the table's figures for each pack, a class of several chemistries as the mixture of its year."""
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
    """Tell where a stated mass can be true: near the table, or a class that may hold none of it."""
    mixture = _IS_MIXTURE[nameplate.chemistry.astype(np.int64)]
    high = usual * PLAUSIBLE_RATIO + TRACE_KG_PER_KWH * nameplate.energy_kwh
    near: BoolArray = (stated <= high) & ((stated >= usual / PLAUSIBLE_RATIO) | mixture)
    return near
