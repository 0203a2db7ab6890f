"""Life of a pack as input to ageing: production, time in use, full cycles."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from valuation.condition.ageing import Ageing, ageing_of, stress_of
from valuation.condition.cooling import cooling_factor
from valuation.numeric.columns import FloatArray, IntArray, coalesce
from valuation.pack.nameplate import PACK, Nameplate
from valuation.pack.vintage import interpolate
from valuation.record.cases import Cases

DAYS_PER_YEAR = 365.25
TYPICAL_AGE_A = 6.0  # judged: usual age of offered packs, for a pack of unknown age
USUAL_KWH_PER_KM = {
    "private": 0.15,
    "taxi": 0.15,
    "bus": 0.90,
    "logistics": 0.30,
    "swap": 0.16,
    "other": 0.20,
    "unknown": 0.20,
}
"""Energy drawn per distance, judged from type-approval figures plus a tenth. [kWh/km]"""

ELECTRIC_SHARE = ((2.0, 0.1), (8.0, 0.4), (16.0, 0.4), (24.0, 1.0))
"""Share of the energy of driving from the pack, by its rated energy [kWh] (judged): a full hybrid only stores what it
recovers, a plug-in hybrid also burns fuel, a larger pack is that of an electric car. [1]"""
HYBRID_BELOW_KWH = 3.0  # makers' data sheets: full hybrids have 0.6 to 1.9 kWh
HYBRID_DEPTH = 0.10  # judged: a full hybrid swings around half charge, hardly deeper
USUAL_KM_PER_YEAR = {
    "private": 12_000.0,
    "taxi": 120_000.0,
    "bus": 55_000.0,
    "logistics": 25_000.0,
    "swap": 45_000.0,
    "other": 18_000.0,
    "unknown": 35_000.0,
}
"""Distance driven per year, judged from transport statistics of Chinese cities; unknown: mean of cars, taxis, buses
and vans. Taxis: the first 850 electric ones of Shenzhen, on the road since 2010 to 2014, had driven over 500,000 km in
the mean by the end of 2016. [km/a]"""

_KM_PER_YEAR = np.array([*USUAL_KM_PER_YEAR.values()])
_KWH_PER_KM = np.array([*USUAL_KWH_PER_KM.values()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Age, cycles and ageing of each pack, to extrapolate readings to another day."""

    born_day: FloatArray
    used_from: FloatArray
    used_until: FloatArray
    cycles: FloatArray
    ageing: Ageing

    def of_events(self, row: IntArray) -> Life:
        """Return the life of each event's pack, given the row of that pack."""
        return Life(
            born_day=self.born_day[row],
            used_from=self.used_from[row],
            used_until=self.used_until[row],
            cycles=self.cycles[row],
            ageing=self.ageing.of_events(row),
        )

    def loss_by(self, day: FloatArray) -> FloatArray:
        """Return the fraction of capacity lost to age and use by a day. [1]"""
        span = np.maximum(self.used_until - self.used_from, 1.0)
        share = np.minimum(np.maximum((day - self.used_from) / span, 0.0), 1.0)
        return self.ageing.loss((day - self.born_day) / DAYS_PER_YEAR, self.cycles * share)


def life_of(cases: Cases, nameplate: Nameplate, known_cycles: FloatArray) -> Life:
    """Return age, cycles and ageing of each pack, with usual values for unknown ones."""
    stress = stress_of(cases)
    hybrid = nameplate.energy_kwh < HYBRID_BELOW_KWH
    usual_depth = np.where(hybrid & (nameplate.level == PACK), HYBRID_DEPTH, np.nan)
    stress = replace(stress, mean_depth_of_discharge=coalesce(stress.mean_depth_of_discharge, usual_depth))
    cooling = cooling_factor(cases, nameplate.chemistry)
    ageing = ageing_of(nameplate.chemistry, cases.packs["duty"], stress, cooling)
    first_day = cases.lowest("on_day")
    typical = cases.as_of_day - TYPICAL_AGE_A * DAYS_PER_YEAR
    born = np.minimum(
        coalesce(nameplate.made_day, nameplate.in_service_day, np.fmin(first_day, typical)), cases.as_of_day
    )
    used_from = np.minimum(coalesce(nameplate.in_service_day, born), cases.as_of_day)
    used_until = np.maximum(_left_day(cases), used_from)
    distance_km = coalesce(
        cases.highest("odometer_km"),
        cases.packs["odometer_km"],
        km_per_year(cases.packs["duty"]) * (used_until - used_from) / DAYS_PER_YEAR,
    )
    electric = interpolate(nameplate.energy_kwh, ELECTRIC_SHARE)
    driven = electric * distance_km * kwh_per_km(cases.packs["duty"]) / nameplate.energy_kwh
    return Life(
        born_day=born,
        used_from=used_from,
        used_until=used_until,
        cycles=coalesce(known_cycles, driven),
        ageing=ageing,
    )


def calendar_age(cases: Cases, nameplate: Nameplate) -> FloatArray:
    """Return years since production, else since first use; never below zero. [a]"""
    return np.maximum((cases.as_of_day - coalesce(nameplate.made_day, nameplate.in_service_day)) / DAYS_PER_YEAR, 0.0)


def reported_cycles(cases: Cases, nameplate: Nameplate) -> FloatArray:
    """Return equivalent full cycles as reported, else throughput over the rating (等效全循环次数). [1]

    Throughput is taken as discharged energy, as in warranties; some systems count both directions.
    """
    from_energy = cases.last("energy_throughput_kwh") / nameplate.energy_kwh
    from_charge = cases.last("charge_throughput_ah") / cases.packs["rated_capacity_ah"]
    return coalesce(cases.last("full_cycles"), from_energy, from_charge)


def kwh_per_km(duty: FloatArray) -> FloatArray:
    """Return the usual energy per distance of a vehicle, by duty. [kWh/km]

    >>> kwh_per_km(np.array([0.0, 2.0, np.nan])).tolist()
    [0.15, 0.9, 0.2]
    """
    return _by_duty(_KWH_PER_KM, duty)


def km_per_year(duty: FloatArray) -> FloatArray:
    """Return the usual yearly distance of a vehicle, by duty. [km/a]

    >>> km_per_year(np.array([0.0, np.nan])).tolist()
    [12000.0, 35000.0]
    """
    return _by_duty(_KM_PER_YEAR, duty)


def _by_duty(table: FloatArray, duty: FloatArray) -> FloatArray:
    """Return a number of a table by duty, the last one for an unknown duty."""
    return table[np.where(np.isnan(duty), float(len(table) - 1), duty).astype(np.int64)]


def days_in_use(cases: Cases, nameplate: Nameplate) -> FloatArray:
    """Return the time in use of each pack; NaN if its start is unknown. [d]"""
    return np.maximum(_left_day(cases) - nameplate.in_service_day, 0.0)


def days_out_of_use(cases: Cases, nameplate: Nameplate) -> FloatArray:
    """Return the time since each pack left its vehicle; 0 if it has not, NaN if its use is unknown. [d]"""
    idle = cases.as_of_day - _left_day(cases)
    return np.where(np.isnan(nameplate.in_service_day) & (idle == 0.0), np.nan, idle)


def _left_day(cases: Cases) -> FloatArray:
    """Return the day each pack left its vehicle, else its valuation day."""
    left = cases.first_day("retired", "removed", "vehicle_scrapped", "collected_in")
    return coalesce(left, cases.as_of_day)
