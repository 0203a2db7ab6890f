"""BatteryPass 1.2.x (`io.BatteryPass.*`): one battery in several documents, one per topic.

Material masses are in gram; `remainingCapacityValue` is tagged kWh but means Ah; temperature times are minutes. The
misspellings `batteryTechicalProperties`, `remainingEnergyalue`, `warrentyPeriod` are part of the wire format, so both
spellings are read (models of the Battery Pass Consortium, CC-BY-4.0).
"""

from __future__ import annotations

from typing import Final

from valuation.ingest.passports.draft import Draft
from valuation.ingest.passports.elements import read_material
from valuation.ingest.passports.field_reader import FieldReader
from valuation.ingest.passports.health_claims import percentage, remaining, settle_soh
from valuation.messages import Message
from valuation.record.fields import PACK_FIELDS, event_field

CONDITIONS: Final = frozenset(
    {"stateOfCertifiedEnergy", "remainingCapacity", "remainingEnergy", "numberOfFullCycles", "capacityFade"}
)
"""Condition fields, which some exporters place outside `batteryCondition`."""

TOPICS: Final = frozenset(
    {
        "batteryTechicalProperties",
        "batteryTechnicalProperties",
        "batteryCondition",
        "batteryMaterials",
        "batteryChemistry",
        "batteryCategory",
        "batteryStatus",
        "batteryPassportIdentifier",
        "productIdentifier",
        "batteryMass",
        *CONDITIONS,
    }
)

_PACK = {field.name: field for field in PACK_FIELDS}
_HOUR = 1.0 / 60.0


def _technical(name: str) -> tuple[str, str]:
    """Return both spellings of a technical property."""
    return f"batteryTechicalProperties.{name}", f"batteryTechnicalProperties.{name}"


def read_batterypass(reader: FieldReader) -> Draft:
    """Return the draft of one battery from its documents."""
    draft = Draft(family="BatteryPass 1.2", reader=reader)
    draft.read_chemistry(reader.text("batteryChemistry.shortName"), reader.text("batteryChemistry.clearName"))
    draft.energy_kwh = reader.number(_technical("ratedEnergy"), _PACK["rated_energy_kwh"])
    draft.capacity_ah = reader.number(_technical("ratedCapacity"), _PACK["rated_capacity_ah"])
    draft.voltage_v = reader.number(_technical("nominalVoltage"), _PACK["nominal_voltage_v"])
    draft.mass_kg = reader.number("batteryMass", _PACK["mass_kg"])
    draft.made_on = reader.day("manufacturingDate")
    draft.maker = reader.text("manufacturerInformation.contactName")
    draft.installed("puttingIntoService")
    draft.identity("batteryPassportIdentifier", reader.text("batteryPassportIdentifier"))
    draft.identity("productIdentifier", reader.text("productIdentifier"))
    draft.category("batteryCategory")
    draft.life_cycle_status("batteryStatus")
    _read_condition(draft)
    _read_materials(draft)
    return draft


def _read_materials(draft: Draft) -> None:
    """Read material masses, in gram in this model."""
    reader = draft.reader
    paths = list(reader.items("batteryMaterials"))
    if paths:
        reader.note("I04", field="batteryMaterialMass", reason=Message("passport.respelled.gram"))
    for path in paths:
        name, cas = reader.text(f"{path}.batteryMaterialName"), reader.text(f"{path}.batteryMaterialIdentifier")
        read_material(draft, f"{path}.batteryMaterialMass", name, cas, 0.001)


def _read_condition(draft: Draft) -> None:
    """Read health, cycles, throughput, temperature times and negative events, each on its own day."""
    reader = draft.reader
    base = "batteryCondition."
    soce, capacity, energy, fade = (
        f"{base}{part}" for part in ("stateOfCertifiedEnergy", "remainingCapacity", "remainingEnergy", "capacityFade")
    )
    energies = (f"{energy}.remainingEnergyValue", f"{energy}.remainingEnergyalue")
    settle_soh(
        draft,
        {
            "stateOfCertifiedEnergy": percentage(
                reader, f"{soce}.stateOfCertifiedEnergyValue", f"{soce}.lastUpdate", "energy"
            ),
            "remainingCapacity": remaining(
                reader, f"{capacity}.remainingCapacityValue", f"{capacity}.lastUpdate", "capacity", draft.capacity_ah
            ),
            "remainingEnergy": remaining(reader, energies, f"{energy}.lastUpdate", "energy", draft.energy_kwh),
            "1 - capacityFade": percentage(
                reader, f"{fade}.capacityFadeValue", f"{fade}.lastUpdate", "capacity", fade=True
            ),
        },
    )
    if next(reader.items(capacity), None) is not None:
        reader.note("I04", field="remainingCapacityValue", reason=Message("passport.respelled.tagged_kwh"))
    for part, name in (
        ("numberOfFullCycles", "full_cycles"),
        ("energyThroughput", "energy_throughput_kwh"),
        ("capacityThroughput", "charge_throughput_ah"),
    ):
        value = reader.number((f"{base}{part}.{part}Value", f"{base}{part}Value"), event_field(name))
        _dated(draft, f"{base}{part}", name, value)
    for part, name in (("timeExtremeHighTemp", "hours_above_45c"), ("timeExtremeLowTemp", "hours_below_0c")):
        value = reader.number(f"{base}temperatureInformation.{part}", event_field(name), _HOUR)
        _dated(draft, f"{base}temperatureInformation", name, value)
    for path in reader.items(f"{base}internalResistanceIncrease"):
        if (reader.text(f"{path}.batteryComponent") or "pack") == "pack":
            value = reader.number(f"{path}.internalResistanceIncreaseValue", event_field("resistance_growth"), 0.01)
            _dated(draft, path, "resistance_growth", value)
    for path in reader.items(f"{base}negativeEvents"):
        draft.negative(reader.day(f"{path}.lastUpdate"), path, reader.text(f"{path}.negativeEvent"))


def _dated(draft: Draft, part: str, name: str, value: float | None) -> None:
    """Add a reading on the day on which its part of the passport was last updated."""
    on = draft.reader.day(f"{part}.lastUpdate") if value is not None else None
    draft.reading(on, part, name, value)
