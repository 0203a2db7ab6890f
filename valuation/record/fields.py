"""Fields of a trace record: kind, choices, and the bounds beyond which a value is impossible (字段表).

Ingestion, columns and tests share this table. The bounds exclude *impossible* values; unusual values are left to the
provenance checks, which caution and widen instead of refusing.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["number", "category", "text", "day"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: name with unit, kind, possible range or choices."""

    name: str
    kind: Kind
    low: float = float("-inf")
    high: float = float("inf")
    choices: tuple[str, ...] = ()


def number(name: str, low: float = float("-inf"), high: float = float("inf")) -> Field:
    """Return a field that holds a quantity within possible bounds."""
    return Field(name, "number", low, high)


def category(name: str, *choices: str) -> Field:
    """Return a field that holds one of the named choices."""
    return Field(name, "category", choices=choices)


def text(name: str) -> Field:
    """Return a field that holds free text; the core only compares it for equality."""
    return Field(name, "text")


def day(name: str) -> Field:
    """Return a field that holds a calendar day."""
    return Field(name, "day")


@lru_cache(maxsize=65_536)
def text_code(value: str) -> float:
    """Return the CRC-32 by which columns compare a text, equal on every machine.

    >>> text_code("LFP") == text_code("LFP"), text_code("LFP") == text_code("NMC")
    (True, False)
    """
    return float(zlib.crc32(value.encode()))


REPORTER_KINDS = (
    "battery_maker",
    "vehicle_maker",
    "swap_operator",
    "repair_shop",
    "dismantler",
    "recycler",
    "service_outlet",
    "importer",
    "owner",
)
CHEMISTRIES = (
    "LFP",
    "NMC",
    "NMC111",
    "NMC523",
    "NMC622",
    "NMC811",
    "NCA",
    "LMO",
    "LCO",
    "LTO",
    "NIMH",
    "NAION",
    "OTHER",
)
LIFE_CYCLE_STATUSES = ("original", "reused", "repurposed", "remanufactured", "waste", "recycled")
"""States of a battery in the EU battery passport (Regulation (EU) 2023/1542, Annex XIII), and recycled."""
DUTIES = ("private", "taxi", "bus", "logistics", "swap", "other")
REGIONS = (
    *("CN-BJ", "CN-TJ", "CN-HE", "CN-SX", "CN-NM", "CN-LN", "CN-JL", "CN-HL", "CN-SH", "CN-JS", "CN-ZJ", "CN-AH"),
    *("CN-FJ", "CN-JX", "CN-SD", "CN-HA", "CN-HB", "CN-HN", "CN-GD", "CN-GX", "CN-HI", "CN-CQ", "CN-SC", "CN-GZ"),
    *("CN-YN", "CN-XZ", "CN-SN", "CN-GS", "CN-QH", "CN-NX", "CN-XJ", "CN-TW", "CN-HK", "CN-MO"),
)
"""Provinces by ISO 3166-2:CN; any other region is a whole country without a place."""
COMPOSITION = (
    "lithium_kg",
    "nickel_kg",
    "cobalt_kg",
    "manganese_kg",
    "copper_kg",
    "aluminium_kg",
    "steel_kg",
    "graphite_kg",
    "iron_kg",
    "phosphorus_kg",
    "titanium_kg",
    "sodium_kg",
)

PACK_FIELDS: tuple[Field, ...] = (
    text("battery_code"),
    category("chemistry", *CHEMISTRIES),
    number("rated_energy_kwh", 0.001, 2000.0),
    number("rated_capacity_ah", 0.1, 5000.0),
    number("nominal_voltage_v", 0.5, 2000.0),
    number("mass_kg", 0.01, 30000.0),
    day("made_on"),
    text("maker"),
    text("vehicle_model"),
    category("duty", *DUTIES),
    text("parent_code"),
    number("missing_modules", 0.0, 1000.0),
    day("superseded_on"),
    category("life_cycle_status", *LIFE_CYCLE_STATUSES),
    text("make"),
    number("model_year", 1990.0, 2100.0),
    text("vin"),
    number("odometer_km", 0.0, 4_000_000.0),
    number("made_on_sd_days", 0.0, 400.0),
)
COMPOSITION_FIELDS: tuple[Field, ...] = tuple(number(name, 0.0, 10000.0) for name in COMPOSITION)

EVENT_COMMON_FIELDS: tuple[Field, ...] = (
    day("on"),
    day("reported_on"),
    day("recorded_on"),
    text("reporter"),
    category("reporter_kind", *REPORTER_KINDS),
)

_ODOMETER = number("odometer_km", 0.0, 4_000_000.0)
_SOH = number("soh", 0.0, 1.2)
_RESISTANCE = number("resistance_growth", -0.9, 10.0)
_NEW_CODE = text("new_code")
_DESTINATION = text("destination")
_MASS = number("mass_kg", 0.01, 30000.0)
_VIN = text("vin")

_OWNERSHIP = (_VIN, _ODOMETER, text("purpose"), text("region"))
_USAGE = (
    _ODOMETER,
    number("full_cycles", 0.0, 50_000.0),
    number("energy_throughput_kwh", 0.0, 1e7),
    number("charge_throughput_ah", 0.0, 2e7),
    number("fast_charge_share", 0.0, 1.0),
    number("mean_temperature_c", -50.0, 70.0),
    number("hours_above_45c", 0.0, 500_000.0),
    number("hours_below_0c", 0.0, 500_000.0),
    number("mean_soc", 0.0, 1.0),
    number("mean_depth_of_discharge", 0.0, 1.0),
    _SOH,
    category("soh_source", "bms", "quick_test", "lab_test", "certificate"),
    category("soh_definition", "capacity", "energy", "resistance"),
    _RESISTANCE,
    number("cell_spread_mv", 0.0, 5000.0),
)
_MAINTAINED = (
    category("work", "inspection", "cooling", "bms", "balancing", "module_replaced", "cell_replaced", "seal", "other"),
    number("cost_cny", 0.0, 10_000_000.0),
    text("old_code"),
    _NEW_CODE,
)
_NEGATIVE = (
    category(
        "kind",
        "accident",
        "fire",
        "water",
        "overcharge",
        "deep_discharge",
        "over_temperature",
        "isolation_fault",
        "recall",
        "swelling",
        "leak",
        "other",
    ),
    number("severity", 0.0, 1.0),
)
_SWAP = (text("station"), _VIN, _ODOMETER)
_TESTED = (
    category("method", "lab", "quick", "bms", "undated"),
    number("remaining_capacity_ah", 0.0, 5000.0),
    number("remaining_energy_kwh", 0.0, 5000.0),
    _SOH,
    _RESISTANCE,
    number("cell_soh_spread", 0.0, 1.0),
    text("standard"),
    number("temperature_c", -60.0, 90.0),
)
_LEAVING = (
    text("reason"),
    _ODOMETER,
    _DESTINATION,
    category("condition", "intact", "opened", "damaged", "burned", "corroded", "swollen", "leaking"),
)
_END = (_NEW_CODE, _MASS, _DESTINATION)

EVENT_TYPE_FIELDS: dict[str, tuple[Field, ...]] = {
    "produced": _OWNERSHIP,
    "installed": _OWNERSHIP,
    "sold": _OWNERSHIP,
    "owner_changed": _OWNERSHIP,
    "usage": _USAGE,
    "maintained": _MAINTAINED,
    "negative": _NEGATIVE,
    "swapped_in": _SWAP,
    "swapped_out": _SWAP,
    "tested": _TESTED,
    "retired": _LEAVING,
    "removed": _LEAVING,
    "vehicle_scrapped": _LEAVING,
    "collected_in": _LEAVING,
    "collected_out": _LEAVING,
    "second_life_out": _END,
    "dismantled": _END,
    "recycled_in": _END,
    "recycled_done": _END,
}
"""Event types in the order of a pack's life, each with its own fields (CONTRACT: trace record)."""

EVENT_TYPES: tuple[str, ...] = tuple(EVENT_TYPE_FIELDS)
REQUIRED_EVENT_FIELDS: dict[str, str] = {"maintained": "work", "negative": "kind", "tested": "method"}
EVENT_FIELDS: tuple[Field, ...] = tuple(
    {field.name: field for fields in EVENT_TYPE_FIELDS.values() for field in fields}.values()
)
"""Every own field of any event type, without repetition."""


def choice_code(field: Field, choice: str) -> float:
    """Return the column number of a choice.

    >>> choice_code(PACK_FIELDS[1], "NMC811")
    5.0
    """
    return float(field.choices.index(choice))


def event_field(name: str) -> Field:
    """Return the event field of that name.

    >>> event_field("kind").choices[:2]
    ('accident', 'fire')
    """
    return _EVENT_FIELD_BY_NAME[name]


_EVENT_FIELD_BY_NAME = {field.name: field for field in (*EVENT_COMMON_FIELDS, *EVENT_FIELDS)}
