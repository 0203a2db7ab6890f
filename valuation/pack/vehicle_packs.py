"""Chemistry and rated energy of each pack by its vehicle (车型电池), from the shares of the vehicle's variants."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from valuation.numeric.columns import UNKNOWN, FloatArray, unknown
from valuation.pack.chemistry import family_code

MATCHES: Final = ("year", "make", "model")
"""Precision of the match with a vehicle: by year only, by make, or by model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehiclePacks:
    """Energy and chemistry of packs by their vehicles, one row per pack; NaN if the vehicle is unknown.

    Attributes
    ----------
    match : index of :data:`MATCHES`
    made_day : days since 1970-01-01
        Middle of the model year.
    chemistry, energy_kwh, log_sd
        Likeliest chemistry, its median energy, and the spread of the logarithm of that energy.
    other_chemistry, other_share, other_energy_kwh, other_log_sd
        The same for the next chemistry; its share is that of all others. NaN if every variant is of one chemistry.
    """

    match: FloatArray
    made_day: FloatArray
    chemistry: FloatArray
    energy_kwh: FloatArray
    log_sd: FloatArray
    other_chemistry: FloatArray
    other_share: FloatArray
    other_energy_kwh: FloatArray
    other_log_sd: FloatArray

    def given(self, chemistry: FloatArray) -> VehiclePacks:
        """Return the columns if the chemistry is given (NaN if not): variants with another chemistry are excluded."""
        known = ~np.isnan(chemistry)
        if not known.any():
            return self
        family = family_code(np.where(known, chemistry, 0.0))
        has_other = ~np.isnan(self.other_chemistry)
        other_family = family_code(np.where(has_other, self.other_chemistry, 0.0))
        is_other = known & has_other & (family == other_family)
        none = np.where(known, UNKNOWN, self.other_share)
        return replace(
            self,
            energy_kwh=np.where(is_other, self.other_energy_kwh, self.energy_kwh),
            log_sd=np.where(is_other, self.other_log_sd, self.log_sd),
            other_chemistry=np.where(known, UNKNOWN, self.other_chemistry),
            other_share=none,
        )


def no_vehicles(rows: int) -> VehiclePacks:
    """Return the columns of packs without a known vehicle: all unknown."""
    return VehiclePacks(**dict.fromkeys((field.name for field in fields(VehiclePacks)), unknown(rows)))
