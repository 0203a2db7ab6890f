"""Expected ageing from age and use alone (老化先验): calendar and cycle fade in closed form.

Capacity lost = early part + calendar part + cycle part: the second grows with the months since production to a power
below one and with temperature and state of charge, the third with equivalent full cycles, their depth and the share of
fast charging; beyond a quarter lost they run faster (the knee).

References: form and constants are fitted to fleet figures, not to cells: 22,700 cars (Geotab 2025: 1.5 %/a without, up
to 3.0 %/a with much fast charging, 2.3 %/a mean) and 8,000 tests (Generational UK 2026: .935 after 4-5, .850 after 8-12
years). They conflict; the constants lie between. Two-term form after Schimpe et al., J. Electrochem. Soc. 165 (2018)
A181; temperature term as there. An early loss that settles within months comes on top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray, IntArray, coalesce
from valuation.numeric.exact_math import exp, power
from valuation.pack.chemistry import FAMILIES, family_code, lookup
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
# A new pack loses fast for some months, then slowly: about 5 % in the first 40,000 km, then 1 % in each 40,000 km (M.
# Steinbuch, survey of Tesla owners to 2020; Tesla, Impact Report 2019). The size is set so that a private NMC car of
# 4.5 years lies midway between 8,000 tests (.935) and 22,700 cars (2.3 %/a: .897). The time is judged.
SETTLING, SETTLING_TIME_A = 0.030, 0.4
FLEET_DUTIES = ("taxi", "bus", "logistics", "swap")


@dataclass(frozen=True, slots=True)
class Duty:
    """Ageing under a kind of use: calendar rate per month^exponent, rate per full cycle, share of fast charging."""

    calendar_rate: float
    exponent: float
    cycle_rate: float
    fast_share: float


# After settling, calendar fade is nearly even over time, as in those surveys; its size for private cars and mixed
# fleets (`other`) is set by the figures above at 10 and 8 years. Packs of heavy duties are built and cooled for it and
# lose less per cycle; a taxi is set so that 20 BAIC EU500 (NCM, commercial) of 28 months come to .79-.83 of nominal
# (measured .788, Applied Energy 339 (2023) 120954, figure 2), the other duties relative to it (judged). Fast shares are
# judged. An unknown duty counts as that of Chinese packs at retirement: cars, taxis, buses and vans in about equal
# parts (judged).
DUTY_AGEING: dict[str, Duty] = {
    "private": Duty(0.00148, 0.80, 8.0e-5, 0.15),
    "taxi": Duty(0.0010, 0.80, 4.8e-5, 0.45),
    "bus": Duty(0.0010, 0.80, 4.8e-5, 0.25),
    "logistics": Duty(0.0010, 0.80, 6.0e-5, 0.35),
    "swap": Duty(0.0010, 0.80, 5.2e-5, 0.20),
    "other": Duty(0.0016, 0.80, 8.0e-5, 0.20),
    "unknown": Duty(0.0012, 0.80, 6.0e-5, 0.30),
}
"""Ageing by duty."""

_DUTY_TABLE = {
    name: np.array([getattr(DUTY_AGEING[duty], name) for duty in (*DUTIES, "unknown")])
    for name in ("calendar_rate", "exponent", "cycle_rate", "fast_share")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """Ageing rates of each pack under its stress, one row per pack: calendar and cycle rates, early loss."""

    calendar_rate: FloatArray
    exponent: FloatArray
    cycle_rate: FloatArray
    settling: FloatArray

    def of_events(self, row: IntArray) -> Ageing:
        """Return the rates of each event's pack, given the row of that pack."""
        return Ageing(
            calendar_rate=self.calendar_rate[row],
            exponent=self.exponent[row],
            cycle_rate=self.cycle_rate[row],
            settling=self.settling[row],
        )

    def loss(self, age_a: FloatArray, full_cycles: FloatArray) -> FloatArray:
        """Return the fraction of capacity lost at an age and a number of full cycles (容量衰减). [1]

        >>> private = ageing_of(np.array([1.0]), np.array([0.0]))  # an NMC pack, private, 4.5 a, 290 cycles
        >>> private.loss(np.array([4.5]), np.array([290.0])).round(3).tolist()
        [0.094]
        """
        years = np.maximum(age_a, 0.0)
        settled = self.settling * (1.0 - exp(-years / SETTLING_TIME_A))
        calendar = self.calendar_rate * power(years * MONTHS_PER_YEAR, self.exponent)
        smooth = settled + calendar + self.cycle_rate * np.maximum(full_cycles, 0.0)
        beyond = np.maximum(smooth - KNEE_AT, 0.0)
        return np.minimum(smooth + KNEE_SLOPE * beyond * beyond, 1.0 - LOWEST_SOH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """Recorded stress of a pack; NaN if unknown, which counts as usual for the duty."""

    mean_temperature_c: FloatArray
    mean_soc: FloatArray
    mean_depth_of_discharge: FloatArray
    fast_charge_share: FloatArray


def ageing_of(
    chemistry: FloatArray, duty: FloatArray, stress: Stress | None = None, cooling: FloatArray | float = 1.0
) -> Ageing:
    """Return the ageing rates of packs by chemistry, duty and stress.

    Parameters
    ----------
    chemistry, duty : codes into CHEMISTRIES and DUTIES, shape (n,)
        The duty may be NaN.
    stress : Stress, optional
        Known temperature, state of charge, depth of discharge and share of fast charging.
    cooling : factor of shape (n,) or one for all
        Ageing against packs cooled by liquid (:mod:`valuation.condition.cooling`).
    """
    duty_code = np.where(np.isnan(duty), float(len(DUTIES)), duty).astype(np.int64)
    usual = {name: table[duty_code] for name, table in _DUTY_TABLE.items()}
    factor = cooling * lookup("ageing_factor", chemistry)
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
    settling = SETTLING * np.minimum(factor, 1.0)
    return Ageing(calendar_rate=calendar, exponent=usual["exponent"], cycle_rate=cycle, settling=settling)


def of_ternary_fleet(chemistry: FloatArray, duty: FloatArray) -> BoolArray:
    """Return which packs are of a ternary chemistry and driven by a fleet."""
    ternary = family_code(chemistry) == float(FAMILIES.index("ternary"))
    fleet: BoolArray = np.isin(duty, [float(DUTIES.index(name)) for name in FLEET_DUTIES])
    both: BoolArray = ternary & fleet
    return both


def stress_of(cases: Cases) -> Stress:
    """Return the latest reported temperature, state of charge, depth of discharge and fast charging of each pack."""
    return Stress(
        mean_temperature_c=cases.last("mean_temperature_c"),
        mean_soc=cases.last("mean_soc"),
        mean_depth_of_discharge=cases.last("mean_depth_of_discharge"),
        fast_charge_share=cases.last("fast_charge_share"),
    )
