"""Rated energy by design (同规格电池包): packs of one specification have the rated energy on the plates of some.

Vendor, level, type and specification letters of a GB/T 34014-2017 code identify a design. A trained model stores the
rated energy of each design in its training sales, for packs whose record does not state it.
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
"""Prefix of the stored name of a design's rated energy in a market calibration."""
AGREEMENT: Final = 0.10
"""Largest relative difference from the median at which a plate agrees with its design (judged, 2026). [1]"""
AGREEING_SHARE: Final = 0.8
"""Minimum share of agreeing plates, as some are recorded wrongly (judged, 2026). [1]"""

LEAST_PLATES: Final = 2
"""Minimum number of plates per design: a single one would serve only its own pack."""

_STANDARD: Final = float(KINDS.index("normal24"))


def specifications(codes: tuple[str | None, ...], read: Mapping[str, FloatArray]) -> list[str | None]:
    """Return the letters of each code that identify its design; None for codes outside the standard.

    Parameters
    ----------
    codes : texts
        Battery codes.
    read : columns
        Decoded codes, from :func:`valuation.battery_code.decoding.decode_many`.
    """
    standard = (read["kind_code"] == _STANDARD) & (read["valid"] == 1.0)
    return [code[:SPECIFICATION_LENGTH] if code and good else None for code, good in zip(codes, standard, strict=True)]


def lookup_design_energy(designs: list[str | None], known: Mapping[str, float], wanted: BoolArray) -> FloatArray:
    """Return the stored rated energy of each pack's design, if wanted; NaN for unknown designs. [kWh]"""
    size = unknown(len(designs))
    for row in np.flatnonzero(wanted).tolist():
        size[row] = known.get(f"{DESIGN_MARK}{designs[row]}", np.nan)
    return size


def sizes_of_designs(designs: list[str | None], energy_kwh: FloatArray) -> dict[str, float]:
    """Return the rated energy of every design by its stored name, given one plate energy per pack (NaN without one).

    Designs with disagreeing plates and designs with a single plate are left out.

    >>> sizes_of_designs(["T01PE3E", "T01PE3E", "T02PB11", None], np.array([26.4, 26.4, np.nan, 50.0]))
    {'kwh of T01PE3E': 26.4}
    """
    plates: dict[str, list[float]] = {}
    for design, energy in zip(designs, energy_kwh.tolist(), strict=True):
        if design is not None and energy > 0.0:
            plates.setdefault(design, []).append(energy)
    found = {}
    for design in sorted(plates):
        plate_kwh = np.array(plates[design])
        if len(plate_kwh) < LEAST_PLATES:
            continue
        size = float(np.median(plate_kwh))
        if np.mean(np.abs(plate_kwh / size - 1.0) <= AGREEMENT) >= AGREEING_SHARE:
            found[f"{DESIGN_MARK}{design}"] = round(size, 3)
    return found
