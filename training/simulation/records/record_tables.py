"""Convert the record of a simulated market to tables of the trace reader (溯源记录表).

The files of a market and the check for closed routes use the same tables, so that both find the same closed routes.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from training.simulation.event_fields import CHOICES, CODE_WIDTHS, EVENT_TYPES, FLOAT_DECIMALS, REPORTER_KINDS
from training.simulation.packs.chemistries import ELEMENTS, NAMES
from training.simulation.packs.fleet import DUTIES, Fleet, recorded_chemistry_code
from training.simulation.packs.vehicle_models import MAKER_NAMES, SEGMENTS, VehicleModels
from training.simulation.records.events import Events, reporter_numbers
from valuation.numeric.columns import BoolArray, FloatArray, IntArray


def nameplates_table(fleet: Fleet, models: VehicleModels, missing_modules: FloatArray) -> pa.Table:
    """Return the recorded nameplates, one row per pack, without the list of modules."""
    names = pa.array([*NAMES, "NMC"])
    model_names = pa.array([f"{SEGMENTS[segment]}-{number:03d}" for number, segment in enumerate(models.segment)])
    parent = np.where(fleet.parent >= 0, fleet.code[fleet.parent], b"")
    recorded_maker = fleet.recorded_model | (fleet.parent >= 0)
    columns = {
        "battery_code": text_column(fleet.code),
        "chemistry": choice_column(recorded_chemistry_code(fleet), names),
        "rated_energy_kwh": known_column(fleet.energy_kwh, fleet.recorded_energy),
        "rated_capacity_ah": known_column(fleet.capacity_ah, fleet.recorded_capacity),
        "nominal_voltage_v": known_column(fleet.volt, fleet.recorded_volt),
        "mass_kg": known_column(fleet.mass_kg, fleet.recorded_mass),
        "made_on": day_column(fleet.made_on, fleet.recorded_made_on),
        "maker": choice_column(np.where(recorded_maker, fleet.maker, -1), pa.array(MAKER_NAMES)),
        "vehicle_model": choice_column(np.where(fleet.recorded_model, fleet.model, -1), model_names),
        "duty": choice_column(np.where(fleet.recorded_duty, fleet.duty, -1), pa.array(DUTIES)),
        "parent_code": text_column(parent),
        "missing_modules": pa.array(missing_modules.astype(np.int32)),
    }
    for column, element in enumerate(ELEMENTS):
        columns[f"{element}_kg"] = known_column(fleet.metal_kg[:, column].round(2), fleet.recorded_metals)
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
    """Convert bytes to strings, empty bytes to null."""
    strings = pa.array(column, type=pa.binary()).cast(pa.string())
    if isinstance(strings, pa.ChunkedArray):  # large columns are chunked
        strings = strings.combine_chunks()
    empty = pa.array(column == b"")
    return pc.if_else(empty, pa.scalar(None, pa.string()), strings)


def choice_column(codes: IntArray, choices: pa.Array) -> pa.Array:
    """Convert codes to choices, negative codes to null."""
    return choices.take(pa.array(codes, mask=codes < 0))


def known_column(values: FloatArray, recorded: BoolArray) -> pa.Array:
    """Convert numbers, those not recorded to null."""
    return pa.array(values.astype(np.float64), mask=~recorded)


def day_column(days: IntArray, recorded: BoolArray | None = None) -> pa.Array:
    """Convert days since 1970-01-01 to dates, those not recorded to null."""
    return pa.array(days.astype(np.int32), mask=None if recorded is None else ~recorded).cast(pa.date32())
