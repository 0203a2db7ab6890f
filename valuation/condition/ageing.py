"""Expected ageing from age and use alone (老化先验): calendar and cycle fade in closed form.

Capacity lost = calendar part + cycle part: the first grows with the months since production to a power below one and
with temperature and state of charge, the second with equivalent full cycles, their depth and the share of fast
charging; beyond a quarter lost both run faster (the knee).

References: form and constants are fitted to fleet figures, not to cells: 22,700 cars (Geotab 2025: 1.5 %/a without, up
to 3.0 %/a with much fast charging, 2.3 %/a mean) and 8,000 tests (Generational UK 2026: .935 after 4-5, .850 after 8-12
years). Two-term form after Schimpe et al., J. Electrochem. Soc. 165 (2018) A181; temperature term as there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.numeric.columns import FloatArray, IntArray, coalesce
from valuation.numeric.exact_math import exp, power
from valuation.pack.chemistry import lookup
from valuation.record.cases import Cases
from valuation.record.fields import DUTIES

MONTHS_PER_YEAR = 12.0
REFERENCE_KELVIN = 288.15  # 15 °C, the mean of the fitted fleets' climates
ACTIVATION_KELVIN = 3300.0  # calendar fade against temperature; fitted, cells read 2,700-5,200
SOC_SLOPE = 0.9  # calendar fade against mean state of charge
REFERENCE_SOC = 0.6
DEPTH_FLOOR, DEPTH_SLOPE = 0.55, 0.9  # cycle fade against mean depth of discharge
REFERENCE_DEPTH = 0.4
FAST_SLOPE = 0.9 / 0.4  # cycle fade against the share of fast charging
KNEE_AT, KNEE_SLOPE = 0.25, 0.6  # half of 1.2: the slope 1 + 1.2 (q - .25) integrated
LOWEST_SOH = 0.05


@dataclass(frozen=True, slots=True)
class Duty:
    """Ageing under a kind of use: calendar rate per month^exponent, rate per full cycle, share of fast charging."""

    calendar_rate: float
    exponent: float
    cycle_rate: float
    fast_share: float


# Private cars and company fleets are fitted to the figures above. Packs of heavy duties lose less per cycle: they are
# built and cooled for it (judged, so that city buses and taxis reach .80 after about 2,000 LFP or 1,200 NMC cycles).
# Fast shares are judged.
DUTY_AGEING: dict[str, Duty] = {
    "private": Duty(0.0040, 0.55, 8.0e-5, 0.15),
    "taxi": Duty(0.0033, 0.58, 6.0e-5, 0.45),
    "bus": Duty(0.0033, 0.58, 6.0e-5, 0.25),
    "logistics": Duty(0.0033, 0.58, 7.0e-5, 0.35),
    "swap": Duty(0.0033, 0.58, 6.5e-5, 0.20),
    "other": Duty(0.0036, 0.57, 8.0e-5, 0.20),
}
"""Ageing by duty; a pack of unknown duty ages as `other`."""

_DUTY_TABLE = {
    name: np.array([getattr(DUTY_AGEING[duty], name) for duty in (*DUTIES, "other")])
    for name in ("calendar_rate", "exponent", "cycle_rate", "fast_share")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """Ageing rates of each pack under its stress, one row per pack: calendar and cycle rates."""

    calendar_rate: FloatArray
    exponent: FloatArray
    cycle_rate: FloatArray

    def of_events(self, row: IntArray) -> Ageing:
        """Return the rates of each event's pack, given the row of that pack."""
        return Ageing(
            calendar_rate=self.calendar_rate[row],
            exponent=self.exponent[row],
            cycle_rate=self.cycle_rate[row],
        )

    def loss(self, age_a: FloatArray, full_cycles: FloatArray) -> FloatArray:
        """Return the fraction of capacity lost at an age and a number of full cycles (容量衰减). [1]

        >>> private = ageing_of(np.array([1.0]), np.array([0.0]))  # an NMC pack, private, 4.5 a, 290 cycles
        >>> private.loss(np.array([4.5]), np.array([290.0])).round(3).tolist()
        [0.064]
        """
        calendar = self.calendar_rate * power(np.maximum(age_a, 0.0) * MONTHS_PER_YEAR, self.exponent)
        smooth = calendar + self.cycle_rate * np.maximum(full_cycles, 0.0)
        beyond = np.maximum(smooth - KNEE_AT, 0.0)
        return np.minimum(smooth + KNEE_SLOPE * beyond * beyond, 1.0 - LOWEST_SOH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """Recorded stress of a pack; NaN if unknown, which counts as usual for the duty."""

    mean_temperature_c: FloatArray
    mean_soc: FloatArray
    mean_depth_of_discharge: FloatArray
    fast_charge_share: FloatArray


def ageing_of(chemistry: FloatArray, duty: FloatArray, stress: Stress | None = None) -> Ageing:
    """Return the ageing rates of packs by chemistry, duty and stress.

    Parameters
    ----------
    chemistry, duty : codes into CHEMISTRIES and DUTIES, shape (n,)
        The duty may be NaN.
    stress : Stress, optional
        Known temperature, state of charge, depth of discharge and share of fast charging.
    """
    duty_code = np.where(np.isnan(duty), float(len(DUTIES)), duty).astype(np.int64)
    usual = {name: table[duty_code] for name, table in _DUTY_TABLE.items()}
    factor = lookup("ageing_factor", chemistry)
    calendar, cycle, fast = factor * usual["calendar_rate"], factor * usual["cycle_rate"], usual["fast_share"]
    depth = np.full(len(factor), REFERENCE_DEPTH)
    if stress is not None:
        kelvin = coalesce(stress.mean_temperature_c + 273.15, np.full(len(factor), REFERENCE_KELVIN))
        charge = coalesce(stress.mean_soc, np.full(len(factor), REFERENCE_SOC))
        heat = exp(-ACTIVATION_KELVIN * (1.0 / np.maximum(kelvin, 233.15) - 1.0 / REFERENCE_KELVIN))
        calendar = calendar * np.minimum(heat, 6.0) * exp(SOC_SLOPE * (charge - REFERENCE_SOC))
        depth = coalesce(stress.mean_depth_of_discharge, depth)
        fast = coalesce(stress.fast_charge_share, fast)
    cycle = cycle * (DEPTH_FLOOR + DEPTH_SLOPE * depth) * (1.0 + FAST_SLOPE * fast)
    return Ageing(calendar_rate=calendar, exponent=usual["exponent"], cycle_rate=cycle)


def stress_of(cases: Cases) -> Stress:
    """Return the latest reported temperature, state of charge, depth of discharge and fast charging of each pack."""
    return Stress(
        mean_temperature_c=cases.last("mean_temperature_c"),
        mean_soc=cases.last("mean_soc"),
        mean_depth_of_discharge=cases.last("mean_depth_of_discharge"),
        fast_charge_share=cases.last("fast_charge_share"),
    )
