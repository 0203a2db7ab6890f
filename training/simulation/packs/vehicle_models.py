"""Simulate makers and vehicle models (车型): chemistry by vintage, size, cooling and reporting behaviour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.packs.chemistries import CONTENT_VARIATION, ELEMENTS, NAMES, pack_wh_per_kg
from training.simulation.plan import DAYS_PER_YEAR, SimulationPlan, stream
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

MAKERS = tuple(f"T{number:02d}" for number in range(1, 13))  # vendor codes T.. are invented
SECOND_LIFE_MAKERS = tuple(f"T{number:02d}" for number in range(51, 55))
MAKER_NAMES = tuple(f"Synthetic Maker {code}" for code in (*MAKERS, *SECOND_LIFE_MAKERS))
SEGMENTS = ("car", "bus", "van")
CAR, BUS, VAN = 0, 1, 2
_MODELS_BY_SEGMENT = (150, 32, 48)
_MAKER_WEIGHT = 1.0 / np.arange(1.0, len(MAKERS) + 1.0) ** 0.8
_YEARS = (2012.0, 2014.0, 2016.0, 2018.0, 2020.0, 2022.0, 2024.0, 2026.0)
_LFP_SHARE = {
    CAR: (0.55, 0.45, 0.25, 0.12, 0.25, 0.50, 0.64, 0.72),
    BUS: (0.80, 0.84, 0.88, 0.92, 0.94, 0.95, 0.95, 0.95),
    VAN: (0.50, 0.52, 0.45, 0.55, 0.75, 0.88, 0.92, 0.94),
}
_ENERGY_KWH = {
    CAR: (20.0, 23.0, 30.0, 45.0, 53.0, 58.0, 60.0, 62.0),
    BUS: (90.0, 110.0, 130.0, 160.0, 180.0, 200.0, 215.0, 225.0),
    VAN: (22.0, 26.0, 34.0, 42.0, 44.0, 47.0, 52.0, 55.0),
}
_GRADES = ("NMC111", "NMC523", "NMC622", "NMC811", "NCA")
_GRADE_SHARE = np.array([
    [0.60, 0.30, 0.00, 0.00, 0.10], [0.45, 0.45, 0.02, 0.00, 0.08], [0.15, 0.70, 0.10, 0.00, 0.05],
    [0.04, 0.66, 0.24, 0.03, 0.03], [0.00, 0.55, 0.24, 0.18, 0.03], [0.00, 0.50, 0.22, 0.26, 0.02],
    [0.00, 0.46, 0.25, 0.28, 0.01], [0.00, 0.44, 0.27, 0.28, 0.01],
])  # fmt: skip
_LARGE_MODEL_SHARE = 0.8  # of the content variation lies between models, the rest between packs of one model


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleModels:
    """One row per vehicle model; every model is sold for three to five years."""

    maker: IntArray
    segment: IntArray
    launched: IntArray
    ended: IntArray
    chemistry: IntArray
    energy_kwh: FloatArray
    cells_in_series: IntArray
    wh_per_kg: FloatArray
    wear: FloatArray  # cooling and build: multiplies ageing
    content_deviation: FloatArray  # (models, elements): true content over the table
    demand: FloatArray  # how easily a spare pack finds a vehicle, 0-1
    popularity: FloatArray
    modules: IntArray
    reports_soh: BoolArray
    bms_optimism: FloatArray  # reported loss over true loss
    reports_resistance_soh: BoolArray
    reading_days: FloatArray


def simulate_models(plan: SimulationPlan) -> VehicleModels:
    """Draw the vehicle models of the synthetic fleet."""
    rng = stream(plan, "models")
    segment = np.repeat(np.arange(3), _MODELS_BY_SEGMENT)
    count = len(segment)
    first, last = plan.first_made_day - 900, plan.last_day - 300
    launched = (first + (last - first) * (np.arange(count) * 0.6180339887 % 1.0)).astype(np.int64)
    year = 1970.0 + launched / DAYS_PER_YEAR
    chemistry = _chemistry(rng, segment, year)
    energy = _energy(rng, segment, year, chemistry)
    volt = np.where(segment == BUS, 560.0, np.where((segment == CAR) & (rng.random(count) < 0.12), 640.0, 350.0))
    volt = np.where(energy < 20.0, 210.0, volt)
    cell_volt = np.array([3.2, 3.65])[(chemistry != 0).astype(int)]
    deviation = rng.normal(0.0, np.sqrt(_LARGE_MODEL_SHARE), (count, len(ELEMENTS))) * CONTENT_VARIATION
    cooling_by_year = np.interp(year, (2012.0, 2015.0, 2018.0, 2022.0), (1.30, 1.22, 1.12, 1.10))
    return VehicleModels(
        maker=rng.choice(len(MAKERS), count, p=_MAKER_WEIGHT / _MAKER_WEIGHT.sum()),
        segment=segment,
        launched=launched,
        ended=launched + rng.integers(1000, 1800, count),
        chemistry=chemistry,
        energy_kwh=energy,
        cells_in_series=np.round(volt / cell_volt).astype(np.int64),
        wh_per_kg=pack_wh_per_kg(chemistry, year) * rng.normal(1.0, 0.05, count) * np.where(energy < 20.0, 0.8, 1.0),
        wear=cooling_by_year * rng.lognormal(0.0, 0.10, count),
        content_deviation=np.clip(1.0 + deviation, 0.6, 1.5),
        demand=0.12 + 0.20 * rng.beta(2.0, 2.0, count),
        popularity=rng.lognormal(0.0, 0.7, count),
        modules=rng.integers(4, 13, count),
        reports_soh=rng.random(count) < 0.68,
        bms_optimism=np.clip(rng.normal(0.82, 0.16, count), 0.4, 1.15),
        reports_resistance_soh=rng.random(count) < 0.08,
        reading_days=rng.choice([182.6, 365.25], count),
    )


def _chemistry(rng: np.random.Generator, segment: IntArray, year: FloatArray) -> IntArray:
    """Draw the chemistry of each model: LFP shares and ternary grades by vintage, with some rare chemistries."""
    count = len(segment)
    share = np.empty(count)
    for kind, shares in _LFP_SHARE.items():
        share = np.where(segment == kind, np.interp(year, _YEARS, shares), share)
    grades = np.stack([np.interp(year, _YEARS, _GRADE_SHARE[:, g]) for g in range(len(_GRADES))], axis=1)
    grade = (rng.random(count)[:, None] > np.cumsum(grades, axis=1)).sum(axis=1).clip(0, len(_GRADES) - 1)
    ternary = np.array([NAMES.index(name) for name in _GRADES])[grade]
    # Evenly spaced instead of random numbers, so that the shares are met with few models.
    even = (np.argsort(np.argsort(rng.random(count))) + 0.5) / count
    chosen = np.where(even < share, NAMES.index("LFP"), ternary)
    early, late, car = year < 2019.0, year >= 2023.0, segment == CAR
    for name, eligible, share_of_eligible in (
        ("LMO", early & (segment != BUS), 0.08),
        ("LTO", (segment == BUS) & early, 0.12),
        ("NIMH", car, 0.035),
        ("NAION", (segment != BUS) & late, 0.05),
        ("LCO", (year < 2017.0) & car, 0.02),
        ("OTHER", car, 0.01),
    ):
        candidates = rng.permutation(np.flatnonzero(eligible))
        chosen[candidates[: max(1, round(share_of_eligible * len(candidates)))]] = NAMES.index(name)
    return chosen


def _energy(rng: np.random.Generator, segment: IntArray, year: FloatArray, chemistry: IntArray) -> FloatArray:
    """Draw the nominal energy of each model [kWh]; a tenth of the cars are plug-in hybrids, NiMH packs full hybrids."""
    usual = np.zeros(len(segment))
    for kind, levels in _ENERGY_KWH.items():
        usual = np.where(segment == kind, np.interp(year, _YEARS, levels), usual)
    energy = usual * rng.lognormal(-0.03, 0.25, len(segment))
    plug_in = (segment == CAR) & (rng.random(len(segment)) < 0.10)
    energy = np.where(plug_in, rng.uniform(9.0, 18.0, len(segment)), energy)
    energy = np.where(chemistry == NAMES.index("NIMH"), rng.uniform(1.3, 1.8, len(segment)), energy)
    return energy.round(1)
