"""BatteryPass 1.2.x (`io.BatteryPass.*`): one battery in several documents, one per topic.

Material masses are in gram; `remainingCapacityValue` is tagged kWh but means Ah; temperature times are minutes. The
misspellings `batteryTechicalProperties`, `remainingEnergyalue`, `warrentyPeriod` are part of the wire format, so both
spellings are read (models of the Battery Pass Consortium, CC-BY-4.0).
"""

from __future__ import annotations

from valuation.ingest.passports.assembly import Draft, settle_soh
from valuation.ingest.passports.elements import read_material
from valuation.ingest.passports.finder import Finder
from valuation.messages import Message
from valuation.record.fields import PACK_FIELDS, event_field
from valuation.record.history import TraceEvent

TOPICS = frozenset(
    {
        "batteryTechicalProperties",
        "batteryTechnicalProperties",
        "batteryCondition",
        "batteryMaterials",
        "batteryChemistry",
        "batteryCategory",
        "batteryPassportIdentifier",
        "productIdentifier",
        "batteryMass",
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
    in_service = finder.day("puttingIntoService")
    if in_service is not None:
        draft.events.append(TraceEvent(type="installed", on=in_service))
    draft.identity("batteryPassportIdentifier", finder.text("batteryPassportIdentifier"))
    draft.identity("productIdentifier", finder.text("productIdentifier"))
    _read_status(draft)
    _read_condition(draft)
    _read_materials(draft)
    return draft


def _read_status(draft: Draft) -> None:
    """Read category and life-cycle status."""
    category = draft.finder.text("batteryCategory")
    if category and category.casefold() != "ev":
        draft.statuses["category"] = category
        draft.finder.note("I11", value=category)
    status = draft.finder.text("batteryStatus")
    if status and status.casefold() != "original":
        draft.statuses["status"] = status
        draft.finder.note("I13", value=status)


def _read_materials(draft: Draft) -> None:
    """Read material masses, in gram in this model."""
    noted = False
    for path, item in draft.finder.items("batteryMaterials"):
        name, cas = item.get("batteryMaterialName"), item.get("batteryMaterialIdentifier")
        if not noted:
            draft.finder.note("I04", field="batteryMaterialMass", reason=Message("passport.respelled.gram"))
            noted = True
        read_material(
            draft,
            f"{path}.batteryMaterialMass",
            name if isinstance(name, str) else None,
            cas if isinstance(cas, str) else None,
            item.get("batteryMaterialMass"),
            0.001,
        )


def _read_condition(draft: Draft) -> None:
    """Read health, cycles, throughput, temperature times and negative events, each on its own day."""
    finder = draft.finder
    base = "batteryCondition."
    claims = {}
    for label, part, spellings, definition, whole in (
        ("stateOfCertifiedEnergy", "stateOfCertifiedEnergy", ("stateOfCertifiedEnergyValue",), "energy", 100.0),
        ("remainingCapacity", "remainingCapacity", ("remainingCapacityValue",), "capacity", draft.capacity_ah),
        (
            "remainingEnergy",
            "remainingEnergy",
            ("remainingEnergyValue", "remainingEnergyalue"),
            "energy",
            draft.energy_kwh,
        ),
    ):
        if whole:
            paths = tuple(f"{base}{part}.{name}" for name in spellings)
            value = finder.number(paths, event_field("soh"), 1.0 / whole)
            claims[label] = (finder.day(f"{base}{part}.lastUpdate") if value is not None else None, definition, value)
    fade = finder.number(f"{base}capacityFade.capacityFadeValue", event_field("soh"), 0.01)
    fade_on = finder.day(f"{base}capacityFade.lastUpdate") if fade is not None else None
    claims["1 - capacityFade"] = (fade_on, "capacity", None if fade is None else 1 - fade)
    if finder.raw(f"{base}remainingCapacity")[1] is not None:
        finder.note("I04", field="remainingCapacityValue", reason=Message("passport.respelled.tagged_kwh"))
    settle_soh(draft, claims)
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
    for path, item in finder.items(f"{base}internalResistanceIncrease"):
        if item.get("batteryComponent", "pack") == "pack":
            growth = item.get("internalResistanceIncreaseValue")
            value = finder.quantity(path, growth, event_field("resistance_growth"), 0.01)
            on = finder.calendar_day(f"{path}.lastUpdate", item.get("lastUpdate")) if value is not None else None
            draft.reading(on, path, "resistance_growth", value)
    for path, item in finder.items(f"{base}negativeEvents"):
        text = item.get("negativeEvent")
        on = finder.calendar_day(f"{path}.lastUpdate", item.get("lastUpdate"))
        draft.negative(on, path, text if isinstance(text, str) else None)


def _dated(draft: Draft, part: str, name: str, value: float | None) -> None:
    """Add a reading on the day on which its part of the passport was last updated."""
    on = draft.finder.day(f"{part}.lastUpdate") if value is not None else None
    draft.reading(on, part, name, value)
