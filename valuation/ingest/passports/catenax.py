"""Catena-X `battery_pass`: the nested 5.x and 6.x models, and the flat 3.x model before them.

Units travel with the value in 5.x and 6.x; 3.x gives energy in Wh, weight in kg and material weight in gram, and no
time stamp on any measured value (model texts in eclipse-tractusx/sldt-semantic-models, CC-BY-4.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from valuation.ingest.passports.assembly import Draft, settle_soh
from valuation.ingest.passports.elements import read_material
from valuation.ingest.passports.finder import Finder
from valuation.messages import Message
from valuation.record.fields import PACK_FIELDS, Field, event_field
from valuation.record.history import TraceEvent

_PACK = {field.name: field for field in PACK_FIELDS}
_ANY = Field("value", "number")
_DYNAMIC = "performance.dynamic."
_KILOGRAMS = {"gram": 0.001, "kilogram": 1.0, "tonnemetricton": 1000.0, "metrictonne": 1000.0, "tonne": 1000.0}
_SHARES = {"partpermillion": 1e-6, "percent": 0.01, "partperthousand": 1e-3}

NESTED = frozenset({"identification", "performance", "characteristics", "operation", "materials", "metadata"})
FLAT = frozenset({"electrochemicalProperties", "stateOfBattery", "cellChemistry", "batteryIdentification"})


def read_nested(finder: Finder) -> Draft:
    """Return the draft of a 5.x or 6.x passport."""
    version = (finder.text("specVersion") or "").rpartition(":")[2]
    version = version or ("6.x" if "commercial" in finder.document else "5.x")
    draft = Draft(family=f"Catena-X battery_pass {version}", finder=finder)
    draft.read_chemistry(finder.text("identification.chemistry"))
    draft.energy_kwh = finder.number("performance.rated.energy.value", _PACK["rated_energy_kwh"])
    draft.capacity_ah = finder.number("performance.rated.capacity.value", _PACK["rated_capacity_ah"])
    draft.voltage_v = finder.number("performance.rated.voltage.nominal", _PACK["nominal_voltage_v"])
    draft.mass_kg = _weight(finder)
    draft.made_on = finder.day("operation.manufacturer.manufacturingDate")
    draft.maker = finder.text("operation.manufacturer.manufacturer")
    in_service = finder.day("operation.intoServiceDate")
    if in_service is not None:
        draft.events.append(TraceEvent(type="installed", on=in_service))
    _identify(draft)
    _read_condition(draft)
    _read_shares(draft)
    return draft


def read_flat(finder: Finder) -> Draft:
    """Return the draft of a flat 3.x passport; its measured values have no time stamp and are not used."""
    draft = Draft(family="Catena-X battery_pass 3.x", finder=finder)
    cathode = " ".join(
        str(item.get("materialName", "")) for _, item in finder.items("cellChemistry.cathodeActiveMaterials")
    )
    draft.read_chemistry(finder.text("batteryIdentification.batteryType"), cathode)
    reason = Message("passport.respelled.watt_hours")
    finder.note("I04", field="electrochemicalProperties.batteryEnergy", reason=reason)
    draft.energy_kwh = finder.number(
        "electrochemicalProperties.batteryEnergy.maximumAllowedBatteryEnergy", _PACK["rated_energy_kwh"], 0.001
    )
    draft.capacity_ah = finder.number("electrochemicalProperties.ratedCapacity", _PACK["rated_capacity_ah"])
    draft.voltage_v = finder.number(
        "electrochemicalProperties.batteryVoltage.nominalVoltage", _PACK["nominal_voltage_v"]
    )
    draft.mass_kg = finder.number("physicalDimensions.weight", _PACK["mass_kg"])
    draft.made_on = finder.day("manufacturing.dateOfManufacturing")
    draft.maker = finder.text("manufacturer.name")
    draft.identity("idDmc", finder.text("batteryIdentification.batteryIDDMCCode"))
    draft.identity("model", finder.text("batteryIdentification.batteryModel"))
    finder.day("datePlacedOnMarket")
    fade = finder.number("electrochemicalProperties.capacityFade", event_field("soh"), 0.01)
    settle_soh(
        draft,
        {
            "stateOfBattery.stateOfHealth": (
                None,
                "",
                finder.number("stateOfBattery.stateOfHealth", event_field("soh"), 0.01),
            ),
            "1 - capacityFade": (None, "", None if fade is None else 1 - fade),
        },
    )
    status = finder.text("stateOfBattery.statusBattery")
    if status and status.casefold() not in {"first life", "original"}:
        draft.statuses["status"] = status
        finder.note("I13", value=status)
    for group in ("cathodeActiveMaterials", "anodeActiveMaterials", "cathodeCompositionOther", "anodeCompositionOther"):
        for path, item in finder.items(f"cellChemistry.{group}"):
            name = item.get("materialName")
            text = name if isinstance(name, str) else None
            read_material(draft, f"{path}.materialWeight", text, None, item.get("materialWeight"), 0.001)
    return draft


def _identify(draft: Draft) -> None:
    """Read the names, category and status of the battery."""
    finder = draft.finder
    draft.identity("passportIdentifier", finder.text("metadata.passportIdentifier"))
    draft.identity("predecessor", finder.text("metadata.predecessor"))
    draft.identity("idDmc", finder.text("identification.idDmc"))
    for group in ("serial", "codes"):
        for path, item in finder.items(f"identification.identification.{group}"):
            value = item.get("value")
            draft.identity(f"{path.rpartition('.')[2]}", value if isinstance(value, str) else None)
    category = finder.text("identification.category")
    if category and category.casefold() != "ev":
        draft.statuses["category"] = category
        finder.note("I11", value=category)
    if (finder.text("metadata.status") or "").casefold() == "draft":
        finder.note("I09")
    status = finder.text("sustainability.status")
    if status and status.casefold() != "original":
        draft.statuses["status"] = status
        finder.note("I13", value=status)


def _weight(finder: Finder) -> float | None:
    """Return the mass in kg, converted from its stated unit."""
    path, weight = finder.raw("characteristics.physicalDimension.weight")
    if not isinstance(weight, Mapping):
        return None
    factor = _KILOGRAMS.get(_unit(weight.get("unit")))
    if factor is None:
        finder.drop(f"{path}.unit", weight.get("unit"), Message("passport.why.unit_of_mass"))
        return None
    return finder.quantity(f"{path}.value", weight.get("value"), _PACK["mass_kg"], factor)


def _unit(tagged: object) -> str:
    """Return the unit of a tag such as `unit:partPerMillion`."""
    return tagged.rpartition(":")[2].casefold() if isinstance(tagged, str) else ""


def _measured(finder: Finder, part: str, field: Field, factor: float = 1.0) -> tuple[date | None, float | None]:
    """Return the day and the value of a measured field."""
    value = finder.number(f"{_DYNAMIC}{part}.value", field, factor)
    return (finder.day(f"{_DYNAMIC}{part}.time") if value is not None else None), value


def _read_condition(draft: Draft) -> None:
    """Read health, cycles, throughput, resistance and negative events, each on its own day."""
    finder = draft.finder
    soce_on, soce = _measured(finder, "energy.soce", event_field("soh"), 0.01)
    capacity_on, capacity = _measured(finder, "capacity.capacity", event_field("remaining_capacity_ah"))
    energy_on, energy = _measured(finder, "energy.remaining", event_field("remaining_energy_kwh"))
    fade_on, fade = _measured(finder, "capacity.fade", event_field("soh"), 0.01)
    settle_soh(
        draft,
        {
            "soce": (soce_on, "energy", soce),
            "remaining/rated capacity": (capacity_on, "capacity", _share(capacity, draft.capacity_ah)),
            "1 - capacity fade": (fade_on, "capacity", None if fade is None else 1 - fade),
            "remaining/rated energy": (energy_on, "energy", _share(energy, draft.energy_kwh)),
        },
    )
    for part, name, factor in (
        ("fullCycles", "full_cycles", 1.0),
        ("energy.throughput", "energy_throughput_kwh", 1.0),
        ("capacity.throughput", "charge_throughput_ah", 1.0),
        ("resistance.increase.pack", "resistance_growth", 0.01),
    ):
        on, value = _measured(finder, part, event_field(name), factor)
        draft.reading(on, f"{_DYNAMIC}{part}", name, value)
    documents = [str(item.get("header", ""))[:60] for _, item in finder.items(f"{_DYNAMIC}negativeEvents")]
    if documents:
        finder.note("I08", value=documents[:3], path=f"{_DYNAMIC}negativeEvents")


def _share(part: float | None, whole: float | None) -> float | None:
    """Return remaining over rated capacity, None if unknown or impossible."""
    return part / whole if part is not None and whole and part / whole <= event_field("soh").high else None


def _read_shares(draft: Draft) -> None:
    """Turn material shares into masses by the mass of the battery."""
    finder = draft.finder
    for path, item in finder.items("materials.composition"):
        factor = _SHARES.get(_unit(item.get("unit")))
        names = item.get("id")
        first = names[0] if isinstance(names, list) and names and isinstance(names[0], Mapping) else {}
        name = first.get("name")
        cas = first.get("id") if first.get("type") == "CAS" else None
        if factor is not None and draft.mass_kg is not None:
            spelled = name if isinstance(name, str) else None
            number = cas if isinstance(cas, str) else None
            share = item.get("concentration")
            read_material(draft, f"{path}.concentration", spelled, number, share, factor * draft.mass_kg)
