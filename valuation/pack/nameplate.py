"""Nameplate of a pack (铭牌): declared values, and assumed ones with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

from valuation.battery_code.decoding import decode_many
from valuation.battery_code.layout import CHEMISTRY_OF_TYPE, TYPE_LETTERS
from valuation.numeric.columns import BoolArray, FloatArray, IntArray, coalesce, unknown
from valuation.pack.chemistry import CHEMISTRY_CODE, energy_density_wh_per_kg, lookup
from valuation.pack.design_sizes import lookup_design_energy, specifications
from valuation.pack.vehicle_packs import VehiclePacks, no_vehicles
from valuation.pack.vintage import interpolate
from valuation.record.cases import Cases
from valuation.record.fields import DUTIES

PACK, MODULE, CELL = 0.0, 1.0, 2.0

DAYS_PER_YEAR: Final = 365.25
EPOCH_YEAR: Final = 1970.0
ASSUMED_AGE_A: Final = 6.0
"""Assumed age of a pack without a date: retired packs are mostly five to eight years old (judged, 2026). [a]"""

# Rated energy of a Chinese passenger-car pack by year made [kWh]: judged in 2026 after the mean energy per battery
# electric car in the yearly type approvals, about 25 kWh in 2015 and 55 kWh in 2024.
_PACK_KWH = ((2013.0, 22.0), (2016.0, 30.0), (2018.0, 42.0), (2020.0, 49.0), (2024.0, 56.0))
# The same for other duties, whatever the year (judged, 2026): bus, logistics; a taxi or swap car is a passenger car.
_DUTY_KWH = {"bus": 180.0, "logistics": 60.0}
# Nickel-metal hydride is used in hybrids only: 1.3 to 1.7 kWh (makers' data sheets of 2000 to 2020).
HYBRID_KWH: Final = 1.5
MODULE_KWH: Final = 4.5
CELL_AH: Final = 120.0

# Spread of the logarithm of the energy if it is not on the plate (judged, 2026): a code gives only level, year and
# chemistry; a known duty narrows little; capacity alone leaves the voltage open.
LOG_SD_FROM_PLATE_VOLTAGE: Final = 0.03
LOG_SD_FROM_DESIGN: Final = 0.04
LOG_SD_FROM_CAPACITY: Final = 0.20
LOG_SD_FROM_MASS: Final = 0.15
LOG_SD_FROM_MASS_WITHOUT_YEAR: Final = 0.25
"""Energy densities rose by about 7 % a year from 2015 to 2024, and the age of an undated pack is known to 3 years."""
LOG_SD_BY_LEVEL: Final = (0.50, 0.70, 0.60)
PACK_VOLTAGE_V: Final = 350.0
MODULES_PER_PACK: Final = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Nameplate:
    """Nameplate data of each pack, one row per pack: declared if known, else typical.

    Attributes
    ----------
    chemistry : code into CHEMISTRIES, never NaN
        Declared, else from the type letter of the battery code, else OTHER.
    chemistry_declared : bool
        Whether the record states it.
    level : 0 pack, 1 module, 2 cell
        From the battery code; by default a pack.
    energy_kwh, energy_log_sd : never NaN
        Rated energy, and one standard deviation of its logarithm; 0 if declared.
    mass_kg, mass_declared
        Mass, else from energy and the energy density of its chemistry and year.
    made_day, in_service_day : days since 1970-01-01, NaN if unknown
        Declared or coded day of production; first day installed or sold, else the day of production.
    year : calendar year with fraction, never NaN
        Year of production for all data by vintage.
    vehicle_match : index of :data:`valuation.pack.vehicle_packs.MATCHES`, NaN if the vehicle says nothing
        How well the vehicle is known that energy or chemistry rest on.
    other_chemistry, other_share, other_energy_kwh, other_log_sd : NaN if the chemistry is certain
        The chemistry of the vehicle's other variants, their share, and their energy with its spread.
    """

    chemistry: FloatArray
    chemistry_declared: BoolArray
    level: FloatArray
    energy_kwh: FloatArray
    energy_log_sd: FloatArray
    mass_kg: FloatArray
    mass_declared: BoolArray
    made_day: FloatArray
    in_service_day: FloatArray
    year: FloatArray
    vehicle_match: FloatArray
    other_chemistry: FloatArray
    other_share: FloatArray
    other_energy_kwh: FloatArray
    other_log_sd: FloatArray

    def take(self, rows: IntArray) -> Nameplate:
        """Return the nameplates of the packs of these rows."""
        return Nameplate(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    def of_other_chemistry(self) -> Nameplate:
        """Return the nameplates that the packs have if they are of the other chemistry of their vehicle."""
        density = energy_density_wh_per_kg(self.other_chemistry, self.year)
        return replace(
            self,
            chemistry=self.other_chemistry,
            energy_kwh=self.other_energy_kwh,
            energy_log_sd=self.other_log_sd,
            mass_kg=np.where(self.mass_declared, self.mass_kg, self.other_energy_kwh * 1000.0 / density),
            other_chemistry=unknown(len(self.year)),
            other_share=unknown(len(self.year)),
        )


def read_nameplate(
    cases: Cases, design_energy: Mapping[str, float] | None = None, vehicles: VehiclePacks | None = None
) -> Nameplate:
    """Return the nameplate of each pack (铭牌信息): declared, else from its code, else typical of kind and year.

    A valid battery code alone is enough: it gives level, chemistry and day; the rest is typical and uncertain. A known
    vehicle is enough too: it gives energy and chemistry as a distribution over its variants.
    `design_energy` is the rated energy of known designs (:mod:`valuation.pack.design_sizes`).
    """
    code = read_codes(cases)
    stated = coalesce(cases.packs["chemistry"], _coded_chemistry(code["type_code"]))
    vehicle = (vehicles or no_vehicles(cases.rows)).given(stated)
    chemistry = coalesce(stated, vehicle.chemistry)
    chemistry = np.where(np.isnan(chemistry), CHEMISTRY_CODE["OTHER"], chemistry)
    level = np.where(np.isnan(code["level_code"]), PACK, code["level_code"])
    made_day = coalesce(cases.packs["made_day"], code["made_day"], vehicle.made_day)
    first_use = cases.first("on_day", cases.is_type("installed", "sold"))
    in_service_day = coalesce(first_use, made_day)
    born = coalesce(made_day, first_use, cases.as_of_day - ASSUMED_AGE_A * DAYS_PER_YEAR)
    year = EPOCH_YEAR + born / DAYS_PER_YEAR
    density = energy_density_wh_per_kg(chemistry, year)
    dated = ~np.isnan(coalesce(made_day, first_use))
    energy_kwh, energy_log_sd = _energy(cases, chemistry, level, (year, dated), density)
    if design_energy:
        uncertain = energy_log_sd > LOG_SD_FROM_DESIGN
        size = lookup_design_energy(specifications(cases.texts["battery_code"], code), design_energy, uncertain)
        energy_log_sd = np.where(np.isnan(size), energy_log_sd, LOG_SD_FROM_DESIGN)
        energy_kwh = coalesce(size, energy_kwh)
    of_vehicle = (vehicle.log_sd < energy_log_sd) & (level == PACK)
    energy_kwh = np.where(of_vehicle, vehicle.energy_kwh, energy_kwh)
    energy_log_sd = np.where(of_vehicle, vehicle.log_sd, energy_log_sd)
    mass_kg = cases.packs["mass_kg"]
    return Nameplate(
        chemistry=chemistry,
        chemistry_declared=~np.isnan(cases.packs["chemistry"]),
        level=level,
        energy_kwh=energy_kwh,
        energy_log_sd=energy_log_sd,
        mass_kg=coalesce(mass_kg, energy_kwh * 1000.0 / density),
        mass_declared=~np.isnan(mass_kg),
        made_day=made_day,
        in_service_day=in_service_day,
        year=year,
        vehicle_match=vehicle.match,
        other_chemistry=vehicle.other_chemistry,
        other_share=vehicle.other_share,
        # an energy that is known better than by the vehicle is that of the other chemistry too
        other_energy_kwh=np.where(of_vehicle, vehicle.other_energy_kwh, energy_kwh),
        other_log_sd=np.where(of_vehicle, vehicle.other_log_sd, energy_log_sd),
    )


def read_codes(cases: Cases) -> Mapping[str, FloatArray]:
    """Return the decoded battery codes (编码解读): the columns of :func:`battery_code.decode_many`, computed once."""
    return cases.once("codes", lambda: decode_many(cases.texts["battery_code"], cases.as_of_day).columns)


def _coded_chemistry(type_code: FloatArray) -> FloatArray:
    """Return the chemistry of the type letter of a code (GB/T 34014-2017); NaN if it gives none."""
    by_letter = np.array([CHEMISTRY_CODE.get(CHEMISTRY_OF_TYPE.get(letter, ""), np.nan) for letter in TYPE_LETTERS])
    known = ~np.isnan(type_code)
    return np.where(known, by_letter[np.where(known, type_code, 0.0).astype(np.int64)], np.nan)


def _energy(
    cases: Cases, chemistry: FloatArray, level: FloatArray, made: tuple[FloatArray, BoolArray], density: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return rated energy [kWh] and the spread of its logarithm, from the best available evidence.

    `made` is the year of production, and whether it is known.
    """
    packs, (year, dated) = cases.packs, made
    capacity, voltage = packs["rated_capacity_ah"], packs["nominal_voltage_v"]
    cell_voltage = lookup("cell_voltage_v", chemistry)
    usual_voltage = np.where(level == CELL, cell_voltage, np.where(level == PACK, PACK_VOLTAGE_V, np.nan))
    ways = (
        (packs["rated_energy_kwh"], 0.0),
        (capacity * voltage / 1000.0, LOG_SD_FROM_PLATE_VOLTAGE),
        (packs["mass_kg"] * density / 1000.0, np.where(dated, LOG_SD_FROM_MASS, LOG_SD_FROM_MASS_WITHOUT_YEAR)),
        (capacity * usual_voltage / 1000.0, LOG_SD_FROM_CAPACITY),
    )
    energy = _usual_energy(packs["duty"], level, year, cell_voltage)
    is_hybrid = (chemistry == CHEMISTRY_CODE["NIMH"]) & (level == PACK)
    energy = np.where(is_hybrid, HYBRID_KWH, energy)
    log_sd = np.array(LOG_SD_BY_LEVEL)[level.astype(np.int64)]
    for value, spread in reversed(ways):
        known = ~np.isnan(value)
        energy = np.where(known, value, energy)
        log_sd = np.where(known, spread, log_sd)
    return energy, log_sd


def _usual_energy(duty: FloatArray, level: FloatArray, year: FloatArray, cell_voltage: FloatArray) -> FloatArray:
    """Return the usual rated energy of a pack, module or cell by duty and year. [kWh]"""
    pack = interpolate(year, _PACK_KWH)
    for name, kwh in _DUTY_KWH.items():
        pack = np.where(duty == float(DUTIES.index(name)), kwh, pack)
    cell = CELL_AH * cell_voltage / 1000.0
    return np.where(level == PACK, pack, np.where(level == MODULE, MODULE_KWH, cell))
