"""Packs of one specification (同规格电池包): what is on the plates of some is the rated energy of all.

Vendor, level, type and specification letters of a code of GB/T 34014-2017 name a design; packs that share them are
alike. A pack whose record does not tell its size has the size of its sisters, where a trained model met any.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from valuation.battery_code.layout import KINDS
from valuation.numeric.columns import BoolArray, FloatArray, unknown

SPECIFICATION_LENGTH: Final = 7
"""Vendor 3, level 1, type 1, spec 2 characters (GB/T 34014-2017)."""
DESIGN_MARK: Final = "kwh of "
"""How the rated energy of a specification is called among the habits of a market."""
AGREEMENT: Final = 0.10
"""Plates of one specification that differ by more than this share are no sisters (judged, 2026). [1]"""
AGREEING_SHARE: Final = 0.8
"""Share of the plates that must agree: some are misread or wrongly filed (judged, 2026). [1]"""

LEAST_PLATES: Final = 2
"""A pack alone of its design would teach its size to nobody but itself."""

_STANDARD: Final = float(KINDS.index("normal24"))


def specifications(codes: tuple[str | None, ...], read: Mapping[str, FloatArray]) -> list[str | None]:
    """Return the letters of the design of each code that is built by the standard, nothing for others.

    Parameters
    ----------
    codes : texts
        Battery codes.
    read : columns
        What they say, of :func:`valuation.battery_code.decoding.decode_many`.
    """
    plain = (read["kind_code"] == _STANDARD) & (read["valid"] == 1.0)
    return [code[:SPECIFICATION_LENGTH] if code and good else None for code, good in zip(codes, plain, strict=True)]


def size_of_design(designs: list[str | None], learned: Mapping[str, float], wanted: BoolArray) -> FloatArray:
    """Return the rated energy of each pack's sisters where it is wanted; NaN where a model met none. [kWh]"""
    size = unknown(len(designs))
    for row in np.flatnonzero(wanted).tolist():
        size[row] = learned.get(f"{DESIGN_MARK}{designs[row]}", np.nan)
    return size


def sizes_of_designs(designs: list[str | None], energy_kwh: FloatArray) -> dict[str, float]:
    """Return the rated energy of every design by the name it has among the habits; energies not on a plate are NaN.

    One energy a pack. Designs whose plates disagree have none, nor those of a single pack: what a training learns of it
    by its own plate, no later pack without one could know.

    >>> sizes_of_designs(["T01PE3E", "T01PE3E", "T02PB11", None], np.array([26.4, 26.4, np.nan, 50.0]))
    {'kwh of T01PE3E': 26.4}
    """
    plates: dict[str, list[float]] = {}
    for design, energy in zip(designs, energy_kwh.tolist(), strict=True):
        if design is not None and energy > 0.0:
            plates.setdefault(design, []).append(energy)
    found = {}
    for design in sorted(plates):
        told = np.array(plates[design])
        if len(told) < LEAST_PLATES:
            continue
        size = float(np.median(told))
        if np.mean(np.abs(told / size - 1.0) <= AGREEMENT) >= AGREEING_SHARE:
            found[f"{DESIGN_MARK}{design}"] = round(size, 3)
    return found
