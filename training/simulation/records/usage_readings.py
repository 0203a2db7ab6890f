"""Simulate usage readings (使用数据): odometer, cycles, temperatures and the state of health reported by the BMS.

Each vehicle model reports certain fields, with a certain BMS optimism, and defines health by capacity or by resistance.
Readings have typical errors, and a falsified record has a false last reading.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.simulation.packs.capacity_ageing import Ageing
from training.simulation.packs.fleet import Fleet
from training.simulation.packs.offered_packs import ODOMETER_ROLLED_BACK, PACK_SWAPPED, SOH_EDITED, Offers, by_pack
from training.simulation.packs.service_lives import NEVER, Lives
from training.simulation.packs.vehicle_models import VehicleModels
from training.simulation.plan import DAYS_PER_YEAR, SimulationPlan, stream
from training.simulation.records.events import Events, block
from valuation.numeric.columns import BoolArray, FloatArray, IntArray

_BMS_NOISE = 0.012
_TENTH_KM_SHARE = 0.006  # odometer read in units of 0.1 km
_HIGHEST_SLIP_KM = 400_000.0  # a larger error would be noticed and corrected
_STUCK_AT_NEW_SHARE = 0.02  # packs whose BMS always reports 100 %
# Share of models that report a field (expert judgement; 34 % of cars report no health).
_REPORTED_SHARE = {
    "odometer_km": 0.93, "full_cycles": 0.55, "energy_throughput_kwh": 0.38, "charge_throughput_ah": 0.22,
    "fast_charge_share": 0.35, "mean_temperature_c": 0.35, "hours_above_45c": 0.22, "hours_below_0c": 0.20,
    "mean_soc": 0.25, "mean_depth_of_discharge": 0.25, "resistance_growth": 0.10, "cell_spread_mv": 0.30,
}  # fmt: skip
_BMS, _CAPACITY, _RESISTANCE = 0, 0, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """True state of packs, models, lives and offers, from which readings are simulated."""

    fleet: Fleet
    models: VehicleModels
    ageing: Ageing
    lives: Lives
    offers: Offers


def usage_events(plan: SimulationPlan, known: Known) -> list[Events]:
    """Return all usage readings, including false ones, before incomplete reporting."""
    rng = stream(plan, "usage")
    fleet, models, lives = known.fleet, known.models, known.lives
    end = np.minimum(lives.retired_on, plan.last_day)
    interval = models.reading_days[fleet.model]
    count = np.maximum((end - lives.first_sold_on) / interval, 0.0).astype(np.int64)
    row = np.repeat(np.arange(fleet.rows), count)
    number = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + 1
    day = lives.first_sold_on[row] + number * interval[row] - rng.uniform(0.0, 12.0, len(row))
    columns = _readings(rng, known, row, np.floor(day))
    columns = _partly_recorded(rng, known, row, columns)
    honest = block("usage", row, day, ("vehicle_maker", fleet.maker[row]), **columns)
    return [honest, *_false_readings(rng, known)]


def _readings(rng: np.random.Generator, known: Known, row: IntArray, day: FloatArray) -> dict[str, np.ndarray]:
    """Draw all fields of the readings of packs on given days, as measured by the vehicle."""
    fleet, models = known.fleet, known.models
    years = np.maximum(day - known.lives.first_sold_on[row], 0.0) / DAYS_PER_YEAR
    soh = known.ageing.soh_at(row, day - fleet.made_on[row])
    growth = known.ageing.resistance_growth(row, soh)
    cycles = fleet.full_cycles_per_year[row] * years
    resistance = models.reports_resistance_soh[fleet.model[row]]
    believed = 1.0 - (1.0 - soh) * models.bms_optimism[fleet.model[row]] + rng.normal(0.0, _BMS_NOISE, len(row))
    believed = np.where(resistance, 1.0 - 0.55 * growth + rng.normal(0.0, 0.01, len(row)), believed)
    stuck = rng.random(fleet.rows) < _STUCK_AT_NEW_SHARE
    believed = np.where(stuck[row], 1.0, np.clip(np.round(believed, 3), 0.2, 1.0))
    reports_soh = models.reports_soh[fleet.model[row]]
    odometer = fleet.km_per_year[row] * years
    slipped = (rng.random(len(row)) < _TENTH_KM_SHARE) & (odometer < _HIGHEST_SLIP_KM)
    odometer = np.where(slipped, odometer * 10.0, odometer)
    warm = np.maximum(fleet.temperature_c[row] - 12.0, 0.3)
    counted = rng.normal(1.0, 0.02, fleet.rows)[row] * (1.0 + rng.normal(0.0, 0.001, len(row)))
    energy = cycles * fleet.energy_kwh[row] * (0.5 + 0.5 * soh)  # approximate mean health over the life
    return {
        "odometer_km": np.round(odometer),
        "full_cycles": np.round(cycles * counted, 1),
        "energy_throughput_kwh": np.round(energy * counted),
        "charge_throughput_ah": np.round(energy * counted * 1000.0 / fleet.volt[row]),
        "fast_charge_share": np.clip(fleet.fast_share[row] + rng.normal(0.0, 0.02, len(row)), 0.0, 1.0).round(3),
        "mean_temperature_c": (fleet.temperature_c[row] + 4.0 + rng.normal(0.0, 1.0, len(row))).round(1),
        "hours_above_45c": np.round(years * warm**2 * (0.25 + fleet.fast_share[row])),
        "hours_below_0c": np.round(years * np.maximum(19.0 - fleet.temperature_c[row], 0.0) ** 2 * 4.0),
        "mean_soc": np.clip(fleet.mean_soc[row] + rng.normal(0.0, 0.02, len(row)), 0.0, 1.0).round(3),
        "mean_depth_of_discharge": np.clip(fleet.depth[row] + rng.normal(0.0, 0.02, len(row)), 0.0, 1.0).round(3),
        "soh": np.where(reports_soh, believed, np.nan),
        "resistance_growth": np.round(growth * rng.normal(1.0, 0.06, len(row)), 4),
        "cell_spread_mv": np.round(known.ageing.cell_spread(row, soh) * 1300.0 * rng.lognormal(0.0, 0.2, len(row))),
        "resistance_meant": resistance,
    }  # fmt: skip


def _partly_recorded(
    rng: np.random.Generator, known: Known, row: IntArray, columns: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Drop the fields that a model never reports, and random fields of single readings."""
    model = known.fleet.model[row]
    models = len(known.models.maker)
    reported = dict(columns)
    for name, share in _REPORTED_SHARE.items():
        usually = rng.random(models) < share  # a model either reports a field or does not
        sent: BoolArray = usually[model] & (rng.random(len(row)) > 0.07)  # and single values are missing
        reported[name] = np.where(sent, columns[name], np.nan)
    reported["soh"] = np.where(rng.random(len(row)) > 0.05, columns["soh"], np.nan)
    has_soh = ~np.isnan(reported["soh"])
    meant = np.where(reported.pop("resistance_meant"), _RESISTANCE, _CAPACITY)
    named = has_soh & (rng.random(len(row)) < 0.7)
    reported["soh_source"] = np.where(has_soh, _BMS, -1)
    reported["soh_definition"] = np.where(named, meant, -1)
    return reported


def _false_readings(rng: np.random.Generator, known: Known) -> list[Events]:
    """Draw the last readings, falsified shortly before the sale."""
    offers, fleet, lives = known.offers, known.fleet, known.lives
    kind = by_pack(offers, offers.tampering, fleet.rows, 0).astype(np.int64)
    sold_on = by_pack(offers, offers.sold_on, fleet.rows, NEVER)
    row = np.flatnonzero(kind > 0)
    late = np.minimum(lives.retired_on[row] + rng.integers(0, 3, len(row)), sold_on[row] - 1)
    years = np.maximum(late - lives.first_sold_on[row], 0.0) / DAYS_PER_YEAR
    odometer = fleet.km_per_year[row] * years
    rolled = np.where(
        kind[row] == ODOMETER_ROLLED_BACK, rng.uniform(0.3, 0.7, len(row)), rng.uniform(0.97, 1.0, len(row))
    )
    soh = known.ageing.soh_at(row, late - fleet.made_on[row])
    edited = np.clip(np.maximum(soh + rng.uniform(0.06, 0.16, len(row)), 0.84), 0.0, 0.98)
    pretended = np.where(kind[row] == SOH_EDITED, edited, np.clip(soh + rng.normal(0.01, 0.01, len(row)), 0.2, 1.0))
    reporting = (kind[row] == SOH_EDITED) | (kind[row] == PACK_SWAPPED)
    return [
        block(
            "usage", row, late, ("owner", fleet.maker[row]),
            odometer_km=np.round(odometer * rolled),
            soh=np.where(reporting, np.round(pretended, 3), np.nan),
            soh_source=np.where(reporting, _BMS, -1),
        )
    ]  # fmt: skip
