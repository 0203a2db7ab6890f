"""Catena-X `battery_pass`: the nested models 4.x, 5.x and 6.x, and the flat model 3.x before them.

Units travel with the value from 4.x on; 3.x gives energy in Wh, weight in kg and material weight in gram, and no time
stamp on any measured value. 4.x has mass, days and status in other places than 5.x and 6.x, and wraps optional values
in `left` (model texts in eclipse-tractusx/sldt-semantic-models, CC-BY-4.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from valuation.ingest.fields.units import unit_names, units_of
from valuation.ingest.passports.draft import Draft
from valuation.ingest.passports.elements import read_material
from valuation.ingest.passports.field_reader import FieldReader
from valuation.ingest.passports.health_claims import Claim, percentage, settle_soh
from valuation.messages import Message, shown_value
from valuation.record.fields import PACK_FIELDS, Field, event_field

_PACK = {field.name: field for field in PACK_FIELDS}
_DYNAMIC = "performance.dynamic."
_SHARES = {
    **dict.fromkeys(("percent", "%"), 0.01),
    **dict.fromkeys(("partperthousand", "‰"), 1e-3),
    **dict.fromkeys(("partpermillion", "ppm"), 1e-6),
}

NESTED: Final = frozenset(
    {"identification", "performance", "characteristics", "operation", "materials", "metadata", "generalInformation"}
)
FLAT: Final = frozenset({"electrochemicalProperties", "stateOfBattery", "cellChemistry", "batteryIdentification"})
_LAYOUT_4: Final = frozenset({"generalInformation", "physicalDimension", "circularity", "chemicalMaterial"})


def read_nested(reader: FieldReader) -> Draft:
    """Return the draft of a 4.x, 5.x or 6.x passport."""
    version = (reader.text("specVersion") or "").rpartition(":")[2]
    draft = Draft(family=f"Catena-X battery_pass {version or _layout(reader.document)}", reader=reader)
    draft.read_chemistry(reader.text("identification.chemistry"))
    draft.energy_kwh = reader.number("performance.rated.energy.value", _PACK["rated_energy_kwh"])
    draft.capacity_ah = reader.number("performance.rated.capacity.value", _PACK["rated_capacity_ah"])
    draft.voltage_v = reader.number("performance.rated.voltage.nominal", _PACK["nominal_voltage_v"])
    draft.mass_kg = _weight(reader)
    maker = ("operation.manufacturer", "generalInformation.manufacturer")
    draft.made_on = reader.day(tuple(f"{place}.manufacturingDate" for place in maker))
    named = ("manufacturer", "manufacturer.companyName[0]")
    draft.maker = reader.text(tuple(f"{place}.{name}" for place in reversed(maker) for name in reversed(named)))
    draft.installed(("operation.intoServiceDate", "generalInformation.intoServiceDate"))
    _identify(draft)
    _read_condition(draft)
    _read_shares(draft)
    return draft


def _layout(document: Mapping[str, object]) -> str:
    """Return the version implied by the layout of a document without a stated version."""
    if _LAYOUT_4 & document.keys():
        return "4.x"
    return "6.x" if "commercial" in document else "5.x"


def read_flat(reader: FieldReader) -> Draft:
    """Return the draft of a flat 3.x passport; its measured values have no time stamp and are not used."""
    draft = Draft(family="Catena-X battery_pass 3.x", reader=reader)
    cathode = " ".join(
        reader.text(f"{path}.materialName") or "" for path in reader.items("cellChemistry.cathodeActiveMaterials")
    )
    draft.read_chemistry(reader.text("batteryIdentification.batteryType"), cathode)
    reason = Message("passport.respelled.watt_hours")
    reader.note("I04", field="electrochemicalProperties.batteryEnergy", reason=reason)
    draft.energy_kwh = reader.number(
        "electrochemicalProperties.batteryEnergy.maximumAllowedBatteryEnergy", _PACK["rated_energy_kwh"], 0.001
    )
    draft.capacity_ah = reader.number("electrochemicalProperties.ratedCapacity", _PACK["rated_capacity_ah"])
    draft.voltage_v = reader.number(
        "electrochemicalProperties.batteryVoltage.nominalVoltage", _PACK["nominal_voltage_v"]
    )
    draft.mass_kg = reader.number("physicalDimensions.weight", _PACK["mass_kg"])
    draft.made_on = reader.day("manufacturing.dateOfManufacturing")
    draft.maker = reader.text("manufacturer.name")
    draft.identity("idDmc", reader.text("batteryIdentification.batteryIDDMCCode"))
    draft.identity("model", reader.text("batteryIdentification.batteryModel"))
    reader.day("datePlacedOnMarket")
    settle_soh(
        draft,
        {
            "stateOfBattery.stateOfHealth": percentage(reader, "stateOfBattery.stateOfHealth", None, "capacity"),
            "1 - capacityFade": percentage(
                reader, "electrochemicalProperties.capacityFade", None, "capacity", fade=True
            ),
        },
    )
    draft.life_cycle_status("stateOfBattery.statusBattery")
    for group in ("cathodeActiveMaterials", "anodeActiveMaterials", "cathodeCompositionOther", "anodeCompositionOther"):
        for path in reader.items(f"cellChemistry.{group}"):
            read_material(draft, f"{path}.materialWeight", reader.text(f"{path}.materialName"), None, 0.001)
    return draft


def _identify(draft: Draft) -> None:
    """Read identifiers, category and status of the battery."""
    reader = draft.reader
    draft.identity("passportIdentifier", reader.text("metadata.passportIdentifier"))
    draft.identity("predecessor", reader.text("metadata.predecessor"))
    draft.identity("idDmc", reader.text("identification.idDmc"))
    for group in ("identification.serial", "identification.codes", "localIdentifier", "additionalCode"):
        for path in reader.items(f"identification.{group}"):
            draft.identity(path.rpartition(".")[2], reader.text(f"{path}.value"))
    draft.category("identification.category")
    if (reader.text("metadata.status") or "").casefold() == "draft":
        reader.note("I09")
    draft.life_cycle_status(("sustainability.status", "circularity.status"))


def _weight(reader: FieldReader) -> float | None:
    """Return the mass in kg, converted from its stated unit."""
    for path in reader.items(("characteristics.physicalDimension.weight", "physicalDimension.weight")):
        if reader.raw(f"{path}.unit")[1] is not None:
            return reader.number(f"{path}.value", _PACK["mass_kg"])
        reader.drop(f"{path}.unit", None, Message("passport.why.unit", known=unit_names(units_of("mass_kg").values())))
    return None


def _unit(tagged: object) -> str:
    """Return the unit of a tag such as `unit:partPerMillion`."""
    return tagged.rpartition(":")[2].strip().casefold() if isinstance(tagged, str) else ""


def _measured(reader: FieldReader, part: str, field: Field, factor: float = 1.0) -> tuple[date | None, float | None]:
    """Return the day and the value of a measured field."""
    value = reader.number(f"{_DYNAMIC}{part}.value", field, factor)
    return (reader.day(f"{_DYNAMIC}{part}.time") if value is not None else None), value


def _read_condition(draft: Draft) -> None:
    """Read health, cycles, throughput, resistance and negative events, each on its own day."""
    reader = draft.reader
    capacity_on, capacity = _measured(reader, "capacity.capacity", event_field("remaining_capacity_ah"))
    energy_on, energy = _measured(reader, "energy.remaining", event_field("remaining_energy_kwh"))
    soce, fade = f"{_DYNAMIC}energy.soce", f"{_DYNAMIC}capacity.fade"
    settle_soh(
        draft,
        {
            "soce": percentage(reader, f"{soce}.value", f"{soce}.time", "energy"),
            "remaining/rated capacity": Claim(capacity_on, "capacity", _share(capacity, draft.capacity_ah)),
            "1 - capacity fade": percentage(reader, f"{fade}.value", f"{fade}.time", "capacity", fade=True),
            "remaining/rated energy": Claim(energy_on, "energy", _share(energy, draft.energy_kwh)),
        },
    )
    for part, name, factor in (
        ("fullCycles", "full_cycles", 1.0),
        ("energy.throughput", "energy_throughput_kwh", 1.0),
        ("capacity.throughput", "charge_throughput_ah", 1.0),
        ("resistance.increase.pack", "resistance_growth", 0.01),
    ):
        on, value = _measured(reader, part, event_field(name), factor)
        draft.reading(on, f"{_DYNAMIC}{part}", name, value)
    documents = [reader.text(f"{path}.header") or "" for path in reader.items(f"{_DYNAMIC}negativeEvents")]
    if documents:
        reader.note("I08", value=[one[:60] for one in documents[:3]], path=f"{_DYNAMIC}negativeEvents")


def _share(part: float | None, whole: float | None) -> float | None:
    """Return remaining over rated capacity, None if unknown or impossible."""
    return part / whole if part is not None and whole and part / whole <= event_field("soh").high else None


def _read_shares(draft: Draft) -> None:
    """Convert material shares to masses; a share that cannot be converted is noted."""
    reader = draft.reader
    units: set[str] = set()
    for path in reader.items("materials.composition"):
        _, unit = reader.raw(f"{path}.unit")
        name = reader.text((f"{path}.name.name", f"{path}.name", f"{path}.id[0].name"))
        factor = _SHARES.get(_unit(unit))
        share = reader.raw(f"{path}.concentration")[1]
        if share is None:
            continue
        if factor is None:
            reason = Message("passport.why.unit_of_share", unit=shown_value(unit))
            if unit is None:
                reason = Message("passport.why.no_unit_of_share")
            reader.drop(f"{path}.concentration", share, reason)
        elif draft.mass_kg is None:
            reader.drop(f"{path}.concentration", share, Message("passport.why.no_pack_mass"))
        else:
            units.add(str(unit))
            read_material(draft, f"{path}.concentration", name, _cas(reader, path), factor * draft.mass_kg)
    if units:
        reason = Message("passport.respelled.shares", units=sorted(units), mass=draft.mass_kg)
        reader.note("I04", field="materials.composition", reason=reason)


def _cas(reader: FieldReader, path: str) -> str | None:
    """Return the CAS number among the numbers of a material."""
    for item in reader.items(f"{path}.id"):
        if reader.text(f"{item}.type") == "CAS":
            return reader.text(f"{item}.id")
    return None
