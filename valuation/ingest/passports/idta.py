"""IDTA 02035 (Asset Administration Shell): parts 4 technical data, 5 product condition, 6 material composition.

Derived from BatteryPass, in Pascal case, all condition fields optional. Material masses are in **kilogram** here;
`RemainingCapacityValue` is tagged kWh up to 1.0.1 and Ah from 1.0.2 on, and means Ah throughout; temperature times are
minutes (submodel templates of the Industrial Digital Twin Association, CC-BY-4.0).
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
        "GeneralInformation",
        "TechnicalPropertyAreas",
        "NumberOfFullCycles",
        "StateOfCertifiedEnergy",
        "StateOfCharge",
        "RemainingCapacity",
        "RemainingEnergy",
        "BatteryChemistry",
        "BatteryMaterials",
        "InformationOnAccidents",
    }
)

_PACK = {field.name: field for field in PACK_FIELDS}
_AREA = "TechnicalPropertyAreas.CapacityEnergyVoltage."
_HOUR = 1.0 / 60.0


def read_idta(finder: Finder) -> Draft:
    """Return the draft of one battery from its documents."""
    draft = Draft(family="IDTA 02035", finder=finder)
    draft.read_chemistry(finder.text("BatteryChemistry.ShortName"), finder.text("BatteryChemistry.ClearName"))
    draft.energy_kwh = finder.number(
        (f"{_AREA}CertifiedUsableBatteryEnergy", f"{_AREA}RatedEnergy"), _PACK["rated_energy_kwh"]
    )
    draft.capacity_ah = finder.number(f"{_AREA}RatedCapacity", _PACK["rated_capacity_ah"])
    draft.voltage_v = finder.number(f"{_AREA}NominalVoltage", _PACK["nominal_voltage_v"])
    draft.mass_kg = finder.number("GeneralInformation.BatteryMass", _PACK["mass_kg"])
    draft.made_on = finder.day(("DateOfManufacture", "GeneralInformation.DateOfManufacture"))
    draft.maker = finder.text("GeneralInformation.ManufacturerName")
    in_service = finder.day(("DateOfPuttingIntoService", "GeneralInformation.DateOfPuttingIntoService"))
    if in_service is not None:
        draft.events.append(TraceEvent(type="installed", on=in_service))
    draft.identity("serialNumber", finder.text("SerialNumber"))
    draft.identity("uriOfTheProduct", finder.text("URIOfTheProduct"))
    category = finder.text("GeneralInformation.BatteryCategory")
    if category and category.casefold() != "ev":
        draft.statuses["category"] = category
        finder.note("I11", value=category)
    stage = finder.text(("LifeCycleStage", "GeneralInformation.LifeCycleStage"))
    if stage and stage.casefold() != "original":
        draft.statuses["status"] = stage
        finder.note("I13", value=stage)
    _read_health(draft)
    _read_use(draft)
    _read_materials(draft)
    return draft


def _read_health(draft: Draft) -> None:
    """Read the state of health from certified energy, remaining capacity or remaining energy."""
    finder = draft.finder
    claims = {}
    for part, definition, whole in (
        ("StateOfCertifiedEnergy", "energy", 100.0),
        ("RemainingCapacity", "capacity", draft.capacity_ah),
        ("RemainingEnergy", "energy", draft.energy_kwh),
    ):
        if whole:
            value = finder.number(f"{part}.{part}Value", event_field("soh"), 1.0 / whole)
            claims[part] = (finder.day(f"{part}.LastUpdate") if value is not None else None, definition, value)
    if finder.raw("RemainingCapacity")[1] is not None:
        finder.note("I04", field="RemainingCapacityValue", reason=Message("passport.respelled.tagged_kwh_idta"))
    settle_soh(draft, claims)


def _read_use(draft: Draft) -> None:
    """Read cycles, throughput, temperature times, negative events and accidents."""
    finder = draft.finder
    for part, name in (
        ("NumberOfFullCycles", "full_cycles"),
        ("EnergyThroughput", "energy_throughput_kwh"),
        ("CapacityThroughput", "charge_throughput_ah"),
    ):
        value = finder.number(f"{part}.{part}Value", event_field(name))
        on = finder.day(f"{part}.LastUpdate") if value is not None else None
        draft.reading(on, part, name, value)
    for part, name in (("TimeExtremeHighTemp", "hours_above_45c"), ("TimeExtremeLowTemp", "hours_below_0c")):
        value = finder.number(f"TemperatureInformation.{part}", event_field(name), _HOUR)
        on = finder.day("TemperatureInformation.LastUpdate") if value is not None else None
        draft.reading(on, f"TemperatureInformation.{part}", name, value)
    for path, item in finder.items("NegativeEvents"):
        text = item.get("NegativeEventValue")
        on = finder.calendar_day(f"{path}.LastUpdate", item.get("LastUpdate"))
        draft.negative(on, path, text if isinstance(text, str) else None)
    _, accidents = finder.raw("InformationOnAccidents")
    for text in accidents if isinstance(accidents, list) else []:
        draft.negative(None, "InformationOnAccidents", text if isinstance(text, str) else None)


def _read_materials(draft: Draft) -> None:
    """Read material masses, in kilogram in this model."""
    noted = False
    for path, item in draft.finder.items("BatteryMaterials"):
        if not noted:
            draft.finder.note("I04", field="BatteryMaterialMass", reason=Message("passport.respelled.kilogram"))
            noted = True
        name, cas = item.get("BatteryMaterialName"), item.get("BatteryMaterialIdentifier")
        read_material(
            draft,
            f"{path}.BatteryMaterialMass",
            name if isinstance(name, str) else None,
            cas if isinstance(cas, str) else None,
            item.get("BatteryMaterialMass"),
            1.0,
        )
