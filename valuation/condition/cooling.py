"""Cooling of a pack by its vehicle (冷却方式): passively air-cooled packs age faster.

Source: 2015 Nissan Leaf, air, lost 4.2 % a year, 2015 Tesla Model S, liquid, 2.3 % (Geotab 2019). LMO is not in the
table of vehicles: nearly all of it known here is the first Leaf, whose fade its ageing factor already states.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from valuation.numeric.columns import FloatArray
from valuation.pack.chemistry import CHEMISTRY_CODE
from valuation.record.cases import Cases

AIR_COOLED: Final = ("leaf", "聆风", "env200", "egolf", "高尔夫纯电", "venuciae30", "晨风")
"""Models without liquid cooling, letters and digits only, in lower case (makers' specifications)."""
AIR_FACTOR: Final = 1.4
"""Ageing of air-cooled packs against liquid-cooled ones: half of the excess of 4.2 over 2.3, as later cells fade less
(judged). [1]"""


def cooling_factor(cases: Cases, chemistry: FloatArray) -> FloatArray:
    """Return the factor of ageing by the cooling of the vehicle, 1 if the vehicle is not known as air-cooled. [1]"""
    models = cases.texts["vehicle_model"]
    if not any(models):
        return np.ones(cases.rows)
    air = np.array([name is not None and _is_air_cooled(name) for name in models])
    return np.where(air & (chemistry != CHEMISTRY_CODE["LMO"]), AIR_FACTOR, 1.0)


@lru_cache(maxsize=65_536)
def _is_air_cooled(model: str) -> bool:
    plain = "".join(letter for letter in model.casefold() if letter.isalnum())
    return any(name in plain for name in AIR_COOLED)
