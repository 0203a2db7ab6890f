"""Small passports of every family for the tests; all describe the same battery."""

from __future__ import annotations

CODE = "T02PE010000009B1S0000078"
STAMP = "2026-03-01T10:00:00Z"


def catenax(version: str = "6.1.0") -> dict:
    """Return a nested Catena-X passport of a version from 4 to 6."""
    made = {"manufacturingDate": "2021-01-26", "manufacturer": "Own Example"}
    weight = {"weight": {"value": 420.0, "unit": "unit:kilogram"}}
    document = {
        "identification": {"chemistry": "NCM", "category": "EV", "idDmc": CODE},
        "performance": {
            "rated": {"energy": {"value": 60.0}, "capacity": {"value": 160.0}, "voltage": {"nominal": 375.0}},
            "dynamic": {
                "energy": {"soce": {"value": 85.0, "time": STAMP}},
                "fullCycles": {"value": 800, "time": STAMP},
            },
        },
        "metadata": {"status": "approved"},
    }
    if version.startswith("4"):
        return document | {
            "physicalDimension": weight,
            "generalInformation": {"intoServiceDate": "2021-06-01", "manufacturer": made},
            "circularity": {"status": "original"},
        }
    later = {"commercial": {"purpose": ["automotive"]}} if version.startswith("6") else {}
    return (
        document
        | later
        | {
            "characteristics": {"physicalDimension": weight},
            "operation": {"intoServiceDate": "2021-06-01", "manufacturer": made},
            "sustainability": {"status": "original"},
        }
    )


def catenax_flat() -> dict:
    """Return a flat Catena-X passport of version 3, whose readings have no date."""
    return {
        "batteryIdentification": {"batteryType": "NMC", "batteryIDDMCCode": CODE},
        "electrochemicalProperties": {
            "ratedCapacity": 160,
            "batteryEnergy": {"maximumAllowedBatteryEnergy": 60000.0},
            "batteryVoltage": {"nominalVoltage": 375},
        },
        "physicalDimensions": {"weight": 420},
        "manufacturing": {"dateOfManufacturing": "2021-01-26"},
        "stateOfBattery": {"statusBattery": "first life"},
    }


def batterypass() -> dict:
    """Return the topics of a BatteryPass passport as one document."""
    return {
        "batteryPassportIdentifier": CODE,
        "batteryCategory": "ev",
        "batteryStatus": "Original",
        "batteryMass": 420.0,
        "manufacturingDate": "2021-01-26",
        "puttingIntoService": "2021-06-01",
        "batteryChemistry": {"shortName": "NMC"},
        "batteryTechnicalProperties": {"ratedEnergy": 60.0, "ratedCapacity": 160.0, "nominalVoltage": 375.0},
        "batteryCondition": {
            "stateOfCertifiedEnergy": {"stateOfCertifiedEnergyValue": 85.0, "lastUpdate": STAMP},
            "numberOfFullCycles": {"numberOfFullCyclesValue": 800, "lastUpdate": STAMP},
        },
    }


def idta_parts() -> list[dict]:
    """Return parts 1 to 7 of an IDTA passport."""
    return [
        {"URIOfTheProduct": "https://example.test/1", "SerialNumber": CODE, "DateOfManufacture": "2021-01-26",
         "ManufacturerName": [{"de": "Werk"}, {"en": "Own Example"}], "BatteryStatus": "Original"},
        {"Documents": []},
        {"ProductCarbonFootprints": []},
        {"GeneralInformation": {"BatteryCategory": "ev", "BatteryMass": 420},
         "TechnicalPropertyAreas": {"CapacityEnergyVoltage": {
             "NominalVoltage": 375, "RatedCapacity": 160, "CertifiedUsableBatteryEnergy": 60}}},
        {"NumberOfFullCycles": {"NumberOfFullCyclesValue": 800, "LastUpdate": STAMP},
         "StateOfCertifiedEnergy": {"StateOfCertifiedEnergyValue": 85, "LastUpdate": STAMP},
         "InformationOnAccidents": []},
        {"BatteryChemistry": {"ShortName": "NMC", "ClearName": "Lithium nickel manganese cobalt oxides"}},
        {"SparePartSources": [], "EndOfLifeInformation": {}},
    ]  # fmt: skip


def idta() -> dict:
    """Return all parts of an IDTA passport as one document."""
    return {name: value for part in idta_parts() for name, value in part.items()}


def with_status(family: str, status: str) -> dict:
    """Return a passport of a family with a life-cycle status."""
    document = FAMILIES[family]()
    place, name = {
        "Catena-X 3": (document.get("stateOfBattery"), "statusBattery"),
        "Catena-X 4": (document.get("circularity"), "status"),
        "Catena-X 5": (document.get("sustainability"), "status"),
        "Catena-X 6": (document.get("sustainability"), "status"),
        "BatteryPass": (document, "batteryStatus"),
        "IDTA": (document, "BatteryStatus"),
    }[family]
    place[name] = status
    return document


FAMILIES = {
    "Catena-X 3": catenax_flat,
    "Catena-X 4": lambda: catenax("4.0.0"),
    "Catena-X 5": lambda: catenax("5.0.0"),
    "Catena-X 6": catenax,
    "BatteryPass": batterypass,
    "IDTA": idta,
}


def shell_element(name: str | None, value: object) -> dict:
    """Return a value as a submodel element of an Asset Administration Shell in JSON."""
    named = {} if name is None else {"idShort": name}
    if isinstance(value, dict):
        inner = [shell_element(key, item) for key, item in value.items()]
        return named | {"modelType": "SubmodelElementCollection", "value": inner}
    if isinstance(value, list) and all(isinstance(one, dict) and len(one) == 1 for one in value) and value:
        texts = [{"language": key, "text": text} for one in value for key, text in one.items()]
        return named | {"modelType": "MultiLanguageProperty", "value": texts}
    if isinstance(value, list):
        return named | {"modelType": "SubmodelElementList", "value": [shell_element(None, item) for item in value]}
    kind = "xs:double" if isinstance(value, int | float) else "xs:string"
    return named | {"modelType": "Property", "valueType": kind, "value": str(value)}


def environment(parts: list[dict]) -> dict:
    """Return documents as an environment with one shell and a submodel per document."""
    submodels = [
        {"modelType": "Submodel", "idShort": f"Part{number}", "id": f"urn:part:{number}",
         "submodelElements": [shell_element(name, value) for name, value in part.items()]}
        for number, part in enumerate(parts)
    ]  # fmt: skip
    return {
        "assetAdministrationShells": [{"modelType": "AssetAdministrationShell", "id": "urn:shell"}],
        "submodels": submodels,
        "conceptDescriptions": [],
    }


def xml_of(content: dict) -> str:
    """Return a JSON environment converted to XML."""
    space = "https://admin-shell.io/aas/3/0"
    inner = "".join(_xml_element(one, "submodel") for one in content["submodels"])
    return f'<?xml version="1.0"?><environment xmlns="{space}"><submodels>{inner}</submodels></environment>'


def _xml_element(element: dict, tag: str | None = None) -> str:
    kind = element["modelType"]
    tag = tag or kind[0].lower() + kind[1:]
    parts = [f"<{name}>{element[name]}</{name}>" for name in ("idShort", "id", "valueType") if name in element]
    value = element.get("submodelElements", element.get("value"))
    name = "submodelElements" if "submodelElements" in element else "value"
    if kind == "MultiLanguageProperty":
        texts = "".join(
            f"<langStringTextType><language>{one['language']}</language><text>{one['text']}</text></langStringTextType>"
            for one in value
        )
        parts.append(f"<value>{texts}</value>")
    elif isinstance(value, list):
        parts.append(f"<{name}>{''.join(_xml_element(one) for one in value)}</{name}>")
    else:
        parts.append(f"<value>{value}</value>")
    return f"<{tag}>{''.join(parts)}</{tag}>"
