"""IDTA 02035 (Asset Administration Shell), parts 1 to 7: nameplate, technical data, product condition, materials.

Derived from BatteryPass, in Pascal case, all condition fields optional. Material masses are in **kilogram** here;
`RemainingCapacityValue` is tagged kWh up to 1.0.1 and Ah from 1.0.2 on, and means Ah throughout; temperature times are
minutes. Parts 2, 3 and 7 (documents, carbon footprint, circularity) hold nothing that is valued; they are recognised
so that they can be given with the others (submodel templates of the Industrial Digital Twin Association, CC-BY-4.0).
"""

from __future__ import annotations

from typing import Final

from valuation.ingest.passports.draft import Draft
from valuation.ingest.passports.elements import read_material
from valuation.ingest.passports.field_reader import FieldReader
from valuation.ingest.passports.health_claims import percentage, remaining, settle_soh
from valuation.messages import Message
from valuation.record.fields import PACK_FIELDS, event_field

TOPICS: Final = frozenset(
    {
        *("URIOfTheProduct", "SerialNumber", "DateOfManufacture", "BatteryStatus"),  # part 1
        *("Documents", "Entities"),  # part 2
        *("ProductCarbonFootprints", "ProductOrSectorSpecificCarbonFootprints"),
        *("GeneralInformation", "TechnicalPropertyAreas"),  # part 4
        *("NumberOfFullCycles", "StateOfCertifiedEnergy", "StateOfCharge", "RemainingCapacity", "RemainingEnergy"),
        *("InformationOnAccidents", "NegativeEvents", "EnergyThroughput", "TemperatureInformation"),  # part 5
        *("BatteryChemistry", "BatteryMaterials", "HazardousSubstances"),  # part 6
        *("RecycledContentInformation", "RenewableContent", "DismantlingAndRemovalInformation", "EndOfLifeInformation"),
        *("SparePartSources", "SafetyMeasures"),  # part 7
    }
)

_PACK = {field.name: field for field in PACK_FIELDS}
_AREA = "TechnicalPropertyAreas.CapacityEnergyVoltage."
_HOUR = 1.0 / 60.0


def read_idta(reader: FieldReader) -> Draft:
    """Return the draft of one battery from its documents."""
    draft = Draft(family="IDTA 02035", reader=reader)
    draft.read_chemistry(reader.text("BatteryChemistry.ShortName"), reader.text("BatteryChemistry.ClearName"))
    draft.energy_kwh = reader.number(
        (f"{_AREA}CertifiedUsableBatteryEnergy", f"{_AREA}RatedEnergy"), _PACK["rated_energy_kwh"]
    )
    draft.capacity_ah = reader.number(f"{_AREA}RatedCapacity", _PACK["rated_capacity_ah"])
    draft.voltage_v = reader.number(f"{_AREA}NominalVoltage", _PACK["nominal_voltage_v"])
    draft.mass_kg = reader.number("GeneralInformation.BatteryMass", _PACK["mass_kg"])
    draft.made_on = reader.day(("DateOfManufacture", "GeneralInformation.DateOfManufacture"))
    draft.maker = reader.text(("ManufacturerName", "GeneralInformation.ManufacturerName"))
    draft.installed(("DateOfPuttingIntoService", "GeneralInformation.DateOfPuttingIntoService"))
    draft.identity("serialNumber", reader.text("SerialNumber"))
    draft.identity("uriOfTheProduct", reader.text("URIOfTheProduct"))
    draft.category(("BatteryCategory", "GeneralInformation.BatteryCategory"))
    places = ("", "GeneralInformation.")
    draft.life_cycle_status(tuple(f"{place}{name}" for place in places for name in ("BatteryStatus", "LifeCycleStage")))
    _read_health(draft)
    _read_use(draft)
    _read_materials(draft)
    return draft


def _read_health(draft: Draft) -> None:
    """Read the state of health from certified energy, remaining capacity or remaining energy."""
    reader = draft.reader
    soce = "StateOfCertifiedEnergy"
    claims = {soce: percentage(reader, f"{soce}.{soce}Value", f"{soce}.LastUpdate", "energy")}
    for part, definition, whole in (
        ("RemainingCapacity", "capacity", draft.capacity_ah),
        ("RemainingEnergy", "energy", draft.energy_kwh),
    ):
        claims[part] = remaining(reader, f"{part}.{part}Value", f"{part}.LastUpdate", definition, whole)
    if next(reader.items("RemainingCapacity"), None) is not None:
        reader.note("I04", field="RemainingCapacityValue", reason=Message("passport.respelled.tagged_kwh_idta"))
    settle_soh(draft, claims)


def _read_use(draft: Draft) -> None:
    """Read cycles, throughput, temperature times, negative events and accidents."""
    reader = draft.reader
    for part, name in (
        ("NumberOfFullCycles", "full_cycles"),
        ("EnergyThroughput", "energy_throughput_kwh"),
        ("CapacityThroughput", "charge_throughput_ah"),
    ):
        value = reader.number(f"{part}.{part}Value", event_field(name))
        on = reader.day(f"{part}.LastUpdate") if value is not None else None
        draft.reading(on, part, name, value)
    for part, name in (("TimeExtremeHighTemp", "hours_above_45c"), ("TimeExtremeLowTemp", "hours_below_0c")):
        value = reader.number(f"TemperatureInformation.{part}", event_field(name), _HOUR)
        on = reader.day("TemperatureInformation.LastUpdate") if value is not None else None
        draft.reading(on, f"TemperatureInformation.{part}", name, value)
    for path in reader.items("NegativeEvents"):
        draft.negative(reader.day(f"{path}.LastUpdate"), path, reader.text(f"{path}.NegativeEventValue"))
    _, accidents = reader.raw("InformationOnAccidents")
    for text in accidents if isinstance(accidents, list) else [accidents]:
        draft.negative(None, "InformationOnAccidents", text if isinstance(text, str) else None)


def _read_materials(draft: Draft) -> None:
    """Read material masses, in kilogram in this model."""
    reader = draft.reader
    paths = list(reader.items("BatteryMaterials"))
    if paths:
        reader.note("I04", field="BatteryMaterialMass", reason=Message("passport.respelled.kilogram"))
    for path in paths:
        name, cas = reader.text(f"{path}.BatteryMaterialName"), reader.text(f"{path}.BatteryMaterialIdentifier")
        read_material(draft, f"{path}.BatteryMaterialMass", name, cas, 1.0)
