"""BatteryPass 1.2.x (`io.BatteryPass.*`): one battery in several documents, one per topic.

Material masses are in gram; `remainingCapacityValue` is tagged kWh but means Ah; temperature times are minutes. The
misspellings `batteryTechicalProperties`, `remainingEnergyalue`, `warrentyPeriod` are part of the wire format, so both
spellings are read (models of the Battery Pass Consortium, CC-BY-4.0).
"""

from __future__ import annotations

from typing import Final

from valuation.ingest.passports.draft import Draft
from valuation.ingest.passports.elements import read_material
from valuation.ingest.passports.finder import Finder
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


def read_batterypass(finder: Finder) -> Draft:
    """Return the draft of one battery from its documents."""
    draft = Draft(family="BatteryPass 1.2", finder=finder)
    draft.read_chemistry(finder.text("batteryChemistry.shortName"), finder.text("batteryChemistry.clearName"))
    draft.energy_kwh = finder.number(_technical("ratedEnergy"), _PACK["rated_energy_kwh"])
    draft.capacity_ah = finder.number(_technical("ratedCapacity"), _PACK["rated_capacity_ah"])
    draft.voltage_v = finder.number(_technical("nominalVoltage"), _PACK["nominal_voltage_v"])
    draft.mass_kg = finder.number("batteryMass", _PACK["mass_kg"])
    draft.made_on = finder.day("manufacturingDate")
    draft.maker = finder.text("manufacturerInformation.contactName")
    draft.installed("puttingIntoService")
    draft.identity("batteryPassportIdentifier", finder.text("batteryPassportIdentifier"))
    draft.identity("productIdentifier", finder.text("productIdentifier"))
    draft.category("batteryCategory")
    draft.life_cycle_status("batteryStatus")
    _read_condition(draft)
    _read_materials(draft)
    return draft


def _read_materials(draft: Draft) -> None:
    """Read material masses, in gram in this model."""
    finder = draft.finder
    paths = list(finder.items("batteryMaterials"))
    if paths:
        finder.note("I04", field="batteryMaterialMass", reason=Message("passport.respelled.gram"))
    for path in paths:
        name, cas = finder.text(f"{path}.batteryMaterialName"), finder.text(f"{path}.batteryMaterialIdentifier")
        read_material(draft, f"{path}.batteryMaterialMass", name, cas, 0.001)


def _read_condition(draft: Draft) -> None:
    """Read health, cycles, throughput, temperature times and negative events, each on its own day."""
    finder = draft.finder
    base = "batteryCondition."
    soce, capacity, energy, fade = (
        f"{base}{part}" for part in ("stateOfCertifiedEnergy", "remainingCapacity", "remainingEnergy", "capacityFade")
    )
    energies = (f"{energy}.remainingEnergyValue", f"{energy}.remainingEnergyalue")
    settle_soh(
        draft,
        {
            "stateOfCertifiedEnergy": percentage(
                finder, f"{soce}.stateOfCertifiedEnergyValue", f"{soce}.lastUpdate", "energy"
            ),
            "remainingCapacity": remaining(
                finder, f"{capacity}.remainingCapacityValue", f"{capacity}.lastUpdate", "capacity", draft.capacity_ah
            ),
            "remainingEnergy": remaining(finder, energies, f"{energy}.lastUpdate", "energy", draft.energy_kwh),
            "1 - capacityFade": percentage(
                finder, f"{fade}.capacityFadeValue", f"{fade}.lastUpdate", "capacity", fade=True
            ),
        },
    )
    if next(finder.items(capacity), None) is not None:
        finder.note("I04", field="remainingCapacityValue", reason=Message("passport.respelled.tagged_kwh"))
    for part, name in (
        ("numberOfFullCycles", "full_cycles"),
        ("energyThroughput", "energy_throughput_kwh"),
        ("capacityThroughput", "charge_throughput_ah"),
    ):
        value = finder.number((f"{base}{part}.{part}Value", f"{base}{part}Value"), event_field(name))
        _dated(draft, f"{base}{part}", name, value)
    for part, name in (("timeExtremeHighTemp", "hours_above_45c"), ("timeExtremeLowTemp", "hours_below_0c")):
        value = finder.number(f"{base}temperatureInformation.{part}", event_field(name), _HOUR)
        _dated(draft, f"{base}temperatureInformation", name, value)
    for path in finder.items(f"{base}internalResistanceIncrease"):
        if (finder.text(f"{path}.batteryComponent") or "pack") == "pack":
            value = finder.number(f"{path}.internalResistanceIncreaseValue", event_field("resistance_growth"), 0.01)
            _dated(draft, path, "resistance_growth", value)
    for path in finder.items(f"{base}negativeEvents"):
        draft.negative(finder.day(f"{path}.lastUpdate"), path, finder.text(f"{path}.negativeEvent"))


def _dated(draft: Draft, part: str, name: str, value: float | None) -> None:
    """Add a reading on the day on which its part of the passport was last updated."""
    on = draft.finder.day(f"{part}.lastUpdate") if value is not None else None
    draft.reading(on, part, name, value)
