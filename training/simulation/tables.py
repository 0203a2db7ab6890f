"""The record of a simulated market as the tables that the trace reader reads (溯源记录表).

The files of a market and the check for closed routes are both made from these tables, so that what the buyers are
refused is what anybody finds who reads the files.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.simulation.chemistries import ELEMENTS, NAMES
from training.simulation.events import (
    CHOICES,
    CODE_WIDTHS,
    EVENT_TYPES,
    FLOAT_DECIMALS,
    REPORTER_KINDS,
    Events,
    reporter_numbers,
)
from training.simulation.fleet import DUTIES, Fleet, told_chemistry_code
from training.simulation.vehicle_models import MAKER_NAMES, SEGMENTS, VehicleModels
from valuation.numeric.columns import BoolArray, FloatArray, IntArray


def nameplates_table(fleet: Fleet, models: VehicleModels, missing_modules: FloatArray) -> pa.Table:
    """Return the nameplates as the record states them, one row per pack, without the list of modules."""
    names = pa.array([*NAMES, "NMC"])
    model_names = pa.array([f"{SEGMENTS[segment]}-{number:03d}" for number, segment in enumerate(models.segment)])
    parent = np.where(fleet.parent >= 0, fleet.code[fleet.parent], b"")
    maker_told = fleet.model_told | (fleet.parent >= 0)
    columns = {
        "battery_code": text_column(fleet.code),
        "chemistry": choice_column(told_chemistry_code(fleet), names),
        "rated_energy_kwh": known_column(fleet.energy_kwh, fleet.energy_told),
        "rated_capacity_ah": known_column(fleet.capacity_ah, fleet.capacity_told),
        "nominal_voltage_v": known_column(fleet.volt, fleet.volt_told),
        "mass_kg": known_column(fleet.mass_kg, fleet.mass_told),
        "made_on": day_column(fleet.made_on, fleet.made_on_told),
        "maker": choice_column(np.where(maker_told, fleet.maker, -1), pa.array(MAKER_NAMES)),
        "vehicle_model": choice_column(np.where(fleet.model_told, fleet.model, -1), model_names),
        "duty": choice_column(np.where(fleet.duty_told, fleet.duty, -1), pa.array(DUTIES)),
        "parent_code": text_column(parent),
        "missing_modules": pa.array(missing_modules.astype(np.int32)),
    }
    for column, element in enumerate(ELEMENTS):
        columns[f"{element}_kg"] = known_column(fleet.metal_kg[:, column].round(2), fleet.metals_told)
    return pa.table(columns)


def reported_table(fleet: Fleet, events: Events) -> pa.Table:
    """Return events with the battery codes of their packs, in the order given."""
    columns = {
        "battery_code": text_column(fleet.code).take(pa.array(events.row)),
        "type": choice_column(events.type, pa.array(EVENT_TYPES)),
        "on": day_column(events.on),
        "reported_on": day_column(events.reported_on),
        "reporter": choice_column(events.reporter, pa.array(reporter_numbers())),
        "reporter_kind": choice_column(events.reporter_kind, pa.array(REPORTER_KINDS)),
    }
    for name, decimals in FLOAT_DECIMALS.items():
        values = np.round(events.numbers(name), decimals)
        columns[name] = pa.array(values, mask=np.isnan(values))
    for name, choices in CHOICES.items():
        columns[name] = choice_column(events.choice(name), pa.array(choices))
    for name, width in CODE_WIDTHS.items():
        columns[name] = text_column(events.fields.get(name, np.zeros(len(events), dtype=f"S{width}")))
    return pa.table(columns)


def text_column(column: np.ndarray) -> pa.Array:
    """Return bytes as strings, empty ones as not known."""
    strings = pa.array(column, type=pa.binary()).cast(pa.string())
    if isinstance(strings, pa.ChunkedArray):  # columns of many megabytes come in pieces
        strings = strings.combine_chunks()
    empty = pa.array(column == b"")
    return pc.if_else(empty, pa.scalar(None, pa.string()), strings)


def choice_column(codes: IntArray, choices: pa.Array) -> pa.Array:
    """Return codes as the choices they stand for, negative ones as not known."""
    return choices.take(pa.array(codes, mask=codes < 0))


def known_column(values: FloatArray, told: BoolArray) -> pa.Array:
    """Return numbers, those the record does not state as not known."""
    return pa.array(values.astype(np.float64), mask=~told)


def day_column(days: IntArray, told: BoolArray | None = None) -> pa.Array:
    """Return days since 1970-01-01 as dates, those the record does not state as not known."""
    return pa.array(days.astype(np.int32), mask=None if told is None else ~told).cast(pa.date32())
