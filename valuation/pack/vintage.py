"""Properties by year of production (年份): energy density, and the mix of grades of unspecified chemistries."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from valuation.numeric.columns import FloatArray

Points: TypeAlias = tuple[tuple[float, float], ...]
"""Year and value, in order of year, interpolated linearly."""

Mixture: TypeAlias = tuple[tuple[float, Mapping[str, float]], ...]
"""Year and shares by chemistry, which add up to one."""

# Pack energy density by year made [Wh/kg]: middle of the ranges recalled in 2026 (2011-14 80-100, 2015-16 90-110,
# 2017 105-120, 2018 130-145, 2019-21 140-165 ternary and 125-145 LFP, 2022-26 155-190 ternary and 130-160 LFP).
TERNARY_DENSITY: Final[Points] = (
    (2012.5, 90.0),
    (2015.5, 100.0),
    (2017.0, 112.0),
    (2018.0, 137.0),
    (2020.0, 152.0),
    (2024.0, 172.0),
)
LFP_DENSITY: Final[Points] = (
    (2012.5, 90.0),
    (2015.5, 98.0),
    (2017.0, 110.0),
    (2018.0, 128.0),
    (2020.0, 135.0),
    (2024.0, 145.0),
)

# Grades of Chinese ternary cathodes by year made: judged in 2026 from recalled production shares.
TERNARY_GRADES: Final[Mixture] = (
    (2014.5, {"NMC111": 0.70, "NMC523": 0.30}),
    (2016.5, {"NMC111": 0.35, "NMC523": 0.60, "NMC622": 0.05}),
    (2018.5, {"NMC111": 0.08, "NMC523": 0.72, "NMC622": 0.15, "NMC811": 0.05}),
    (2020.5, {"NMC523": 0.56, "NMC622": 0.20, "NMC811": 0.24}),
    (2022.5, {"NMC523": 0.42, "NMC622": 0.18, "NMC811": 0.40}),
    (2024.5, {"NMC523": 0.25, "NMC622": 0.30, "NMC811": 0.45}),
)
# For a pack of unknown chemistry: shares of the Chinese fleet by year made, judged in 2026.
ANYTHING: Final[Mixture] = (
    (2014.5, {"LFP": 0.65, "NMC111": 0.15, "NMC523": 0.05, "LMO": 0.15}),
    (2017.5, {"LFP": 0.50, "NMC111": 0.08, "NMC523": 0.36, "LMO": 0.06}),
    (2019.5, {"LFP": 0.33, "NMC523": 0.48, "NMC622": 0.10, "NMC811": 0.07, "LMO": 0.02}),
    (2022.5, {"LFP": 0.60, "NMC523": 0.18, "NMC622": 0.08, "NMC811": 0.14}),
)


def interpolate(x: FloatArray, points: Points) -> FloatArray:
    """Return the linear interpolation of the points at x, constant before the first and after the last.

    >>> interpolate(np.array([0.0, 1.5, 9.0]), ((1.0, 10.0), (2.0, 20.0))).tolist()
    [10.0, 15.0, 20.0]
    """
    result = np.full(len(x), points[0][1])
    for (x0, y0), (x1, y1) in pairwise(points):
        share = np.minimum(np.maximum((x - x0) / (x1 - x0), 0.0), 1.0)
        result = result + share * (y1 - y0)
    return result
