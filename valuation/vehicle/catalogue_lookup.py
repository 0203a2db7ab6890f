"""Looks up the vehicles of packs in the catalogue (车型推断): energy and chemistry as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from valuation.numeric.columns import FloatArray, coalesce, unknown
from valuation.pack.chemistry import CHEMISTRY_CODE
from valuation.pack.vehicle_packs import MATCHES, VehiclePacks, no_vehicles
from valuation.record.cases import Cases
from valuation.vehicle.catalogue import Vehicle, find_vehicle, makes_named
from valuation.vehicle.vin import model_year_of

_DAYS_PER_YEAR = 365.25


def describe_vehicles(cases: Cases) -> VehiclePacks:
    """Return energy, chemistry and year of each pack by its vehicle.

    Only the year is looked up for packs with declared chemistry and energy.
    """
    named = np.array([bool(model) for model in cases.texts["vehicle_model"]])
    year = model_years(cases)
    if not named.any() and np.isnan(year).all():
        return no_vehicles(cases.rows)
    packs = cases.packs
    energy = coalesce(packs["rated_energy_kwh"], packs["rated_capacity_ah"] * packs["nominal_voltage_v"])
    columns = {name: unknown(cases.rows) for name in VehiclePacks.__slots__}
    columns["made_day"] = (year - 1970.0 + 0.5) * _DAYS_PER_YEAR
    rows = np.flatnonzero(named & np.isnan(packs["chemistry"] + energy))
    models, makes, makers = (cases.texts[name] for name in ("vehicle_model", "make", "maker"))
    years = np.nan_to_num(np.floor(coalesce(year, 1970.0 + _day_of_vehicle(cases) / _DAYS_PER_YEAR))).tolist()
    alike: dict[tuple[object, ...], list[int]] = {}
    for row in rows.tolist():
        alike.setdefault((models[row], makes[row], makers[row], years[row]), []).append(row)
    for together in alike.values():  # each vehicle is looked up once
        _describe(columns, vehicle_of(cases, together[0]), together)
    return VehiclePacks(**columns)


def _describe(columns: dict[str, FloatArray], vehicle: Vehicle | None, rows: list[int]) -> None:
    """Write the data of a vehicle into the rows of its packs; chemistries after the second are added to the second."""
    if vehicle is None:
        return
    columns["match"][rows] = float(MATCHES.index(vehicle.match))
    for prefix, part in zip(("", "other_"), vehicle.parts, strict=False):
        columns[f"{prefix}chemistry"][rows] = CHEMISTRY_CODE[part.chemistry]
        columns[f"{prefix}energy_kwh"][rows] = part.energy_kwh
        columns[f"{prefix}log_sd"][rows] = part.log_sd
    if len(vehicle.parts) > 1:
        columns["other_share"][rows] = 1.0 - vehicle.parts[0].share


def vehicle_of(cases: Cases, row: int) -> Vehicle | None:
    """Return the catalogue data of the vehicle of one pack; None if the vehicle is unknown."""
    packs = {"model_year": cases.packs["model_year"], "made_day": _day_of_vehicle(cases)}
    return vehicle_in_row(cases.texts, packs, row)


def _day_of_vehicle(cases: Cases) -> FloatArray:
    """Return the day of production, else of the first registration or sale, which tells the year of the variant."""
    first_use = cases.once("first use", lambda: cases.first("on_day", cases.is_type("installed", "sold")))
    return coalesce(cases.packs["made_day"], first_use)


def vehicle_in_row(
    texts: Mapping[str, Sequence[str | None]], packs: Mapping[str, FloatArray], row: int
) -> Vehicle | None:
    """Return the catalogue data of the vehicle in one row of a table of packs; None if the vehicle is unknown."""
    model = texts["vehicle_model"][row]
    if not model:
        return None
    year, made_year = float(packs["model_year"][row]), float(1970.0 + packs["made_day"][row] / _DAYS_PER_YEAR)
    return look_up(model, texts["make"][row], texts["maker"][row], year, texts["vin"][row], made_year)


def look_up(  # noqa: PLR0913, PLR0917 - everything that is told of a vehicle
    model: str,
    make: str | None,
    maker: str | None,
    model_year: float | None,
    vin: str | None,
    made_year: float | None,
) -> Vehicle | None:
    """Return the catalogue data of a vehicle by maker, make, model, year and VIN; None if the vehicle is unknown.

    If `maker` names a make of vehicles, it is used as the make: some tables have one column for brands. The year is the
    model year, else the year in the VIN, else the year of production (None or NaN if unknown).
    """
    named = make or (maker if maker and makes_named(maker) else None)
    years = (model_year, model_year_of(vin) if vin else None, made_year)
    year = next((float(np.floor(one)) for one in years if one is not None and not np.isnan(one)), None)
    return find_vehicle(model, named, year)


def model_years(cases: Cases) -> FloatArray:
    """Return the model year of each vehicle, stated or in its VIN; NaN if unknown."""
    coded = np.array([np.nan if vin is None else model_year_of(vin) for vin in cases.texts["vin"]])
    return coalesce(cases.packs["model_year"], coded)
