"""Passports as exported by applications: layouts, wrappers, several parts, status, scale, unused fields."""

from __future__ import annotations

import base64
import contextlib
import copy
import importlib.util
import io
import json
import random
import zipfile
from datetime import date
from pathlib import Path

import pytest

from valuation.errors import CanzhiError, UnreadableRecord
from valuation.ingest import Document, read_trace
from valuation.ingest.fields.life_cycle_text import status_named

_DESCRIBED = importlib.util.spec_from_file_location("documents", Path(__file__).parent / "passport_documents.py")
documents = importlib.util.module_from_spec(_DESCRIBED)
_DESCRIBED.loader.exec_module(documents)

FAMILIES = documents.FAMILIES


def only(source):
    traces = read_trace(source)
    assert not traces.problems
    (history,) = traces.histories
    return history


def said(source) -> str:
    return " | ".join(note.caution.message_en for note in read_trace(source).notes[0])


def told(history) -> dict:
    """Return the facts that all families state about the battery."""
    readings = [event.facts for event in history.events if event.type == "usage"]
    return {
        "code": history.battery_code,
        "chemistry": history.chemistry,
        "energy": history.rated_energy_kwh,
        "mass": history.mass_kg,
        "made": history.made_on,
        "soh": readings[0]["soh"] if readings else None,
        "cycles": readings[0]["full_cycles"] if readings else None,
    }


BATTERY = {
    "code": documents.CODE, "chemistry": "NMC", "energy": 60.0, "mass": 420.0, "made": date(2021, 1, 26),
    "soh": 0.85, "cycles": 800.0,
}  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_all_passport_formats_give_the_same_record(entrances, family):
    history = only(FAMILIES[family]())
    undated = {"soh": None, "cycles": None} if family == "Catena-X 3" else {}
    assert told(history) == BATTERY | undated
    assert family.rpartition(" ")[2] in history.extras["passport"]["family"] or family == "BatteryPass"
    if family in ("Catena-X 4", "Catena-X 5", "Catena-X 6", "BatteryPass"):
        assert [event.on for event in history.events if event.type == "installed"] == [date(2021, 6, 1)]
    assert entrances.everywhere("passport", FAMILIES[family]()).answer["battery_code"] == documents.CODE


@pytest.mark.parametrize(("version", "named"), [("4.0.0", "4.x"), ("5.0.0", "5.x"), ("6.1.0", "6.x")])
def test_a_layout_without_a_version_is_named(version, named):
    assert only(documents.catenax(version)).extras["passport"]["family"] == f"Catena-X battery_pass {named}"


def test_optional_values_of_4_are_unwrapped():
    document = documents.catenax("4.0.0")
    maker = document["generalInformation"]["manufacturer"]
    maker["manufacturer"] = {"left": {"companyName": ["Own Example"]}}
    document["metadata"]["passportIdentifier"] = {"left": "urn:uuid:1b"}
    history = only(document)
    assert history.maker == "Own Example"
    assert history.extras["passport"]["passportIdentifier"] == "urn:uuid:1b"


def test_parts_given_together_are_one_battery(entrances):
    parts = documents.idta_parts()
    assert told(only(parts)) == BATTERY
    files = [(f"part{number}.json", part) for number, part in enumerate(parts)]
    by_line, by_page = entrances.value(*files), entrances.page(*files)
    assert by_line.worth == by_page.worth == entrances.http("passport", documents.idta()).worth


def test_parts_of_two_batteries_stay_two():
    traces = read_trace([*documents.idta_parts(), *documents.idta_parts()])
    assert len(traces.problems) == 2  # two packs with one code


def aasx(parts: dict[str, str]) -> bytes:
    """Return an AASX package with these parts."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
        package.writestr("_rels/.rels", "<Relationships/>")
        for name, content in parts.items():
            package.writestr(name, content)
    return packed.getvalue()


SHELLS = documents.environment(documents.idta_parts())
FORMS = {
    "environment in JSON": json.dumps(SHELLS).encode(),
    "environment in XML": documents.xml_of(SHELLS).encode(),
    "package with JSON": aasx({"aasx/data.json": json.dumps(SHELLS)}),
    "package with XML": aasx({"aasx/env.aas.xml": documents.xml_of(SHELLS), "aasx/files/manual.pdf": "x"}),
}


@pytest.mark.parametrize("form", FORMS)
def test_shells_are_read_as_their_value_only_form(entrances, form):
    document = Document(name="battery.aasx" if "package" in form else "battery.json", content=FORMS[form])
    assert told(only(document)) == BATTERY
    assert only(document) == only(documents.idta())
    plain = entrances.http("passport", documents.idta())
    file = (document.name, document.content)
    assert entrances.value(file).worth == entrances.page(file).worth == plain.worth


def test_a_damaged_package_or_one_without_shells_is_refused():
    for content in (FORMS["package with JSON"][:200], aasx({"aasx/readme.txt": "x"}), aasx({"aasx/a.json": "{"})):
        with pytest.raises(UnreadableRecord):
            read_trace(Document(name="battery.aasx", content=content))
    with pytest.raises(UnreadableRecord, match="document type"):
        read_trace(b'<!DOCTYPE a [<!ENTITY b "c">]><environment><submodel/></environment>')


def linked(value: object, prefix: str) -> object:
    """Return a document as JSON-LD with prefixed names and typed values."""
    if isinstance(value, dict):
        return {f"{prefix}{name}": linked(item, prefix) for name, item in value.items()}
    if isinstance(value, list):
        return [linked(item, prefix) for item in value]
    return {"@type": "xsd:decimal", "@value": value} if isinstance(value, float) else value


WRAPPERS = {
    "credential": lambda passport: {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": "did:web:example.test",
        "credentialSubject": {"id": "did:example:1", **passport},
        "proof": {"type": "DataIntegrityProof"},
    },
    "presentation": lambda passport: {
        "type": "VerifiablePresentation",
        "verifiableCredential": [{"type": ["VerifiableCredential"], "credentialSubject": [passport]}],
    },
    "data space": lambda passport: {
        "status": 200,
        "message": "ok",
        "data": {"semanticId": "urn:samm:x", "aspect": passport, "metadata": {"contract": {"id": "1"}}},
    },
    "packed": lambda passport: {"contractId": "1", "payload": json.dumps(passport)},
    "list": lambda passport: [{"passport": passport}],
    "prefixes": lambda passport: {"@context": {"bp": "https://example.test/bp#"}, **linked(passport, "bp:")},
    "addresses": lambda passport: {"@id": "urn:1", **linked(passport, "https://example.test/bp#")},
    "graph": lambda passport: {"@context": {}, "@graph": [{"@id": "urn:2"}, linked(passport, "bp:")]},
}


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "Catena-X 3"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_a_wrapped_passport_is_found(wrapper, family):
    assert told(only(WRAPPERS[wrapper](FAMILIES[family]()))) == BATTERY


@pytest.mark.parametrize("wrapper", ["credential", "data space", "prefixes"])
def test_a_wrapped_passport_has_the_value_of_the_bare_one(entrances, wrapper):
    alone = entrances.http("passport", documents.batterypass())
    wrapped = entrances.everywhere("passport", WRAPPERS[wrapper](documents.batterypass()))
    assert wrapped.worth["residual_value"] == alone.worth["residual_value"]
    if wrapper != "prefixes":
        assert "found inside the document" in wrapped.cautions


def token_of(passport) -> str:
    """Return a credential with this passport as a signed token; the signature is no real one."""
    parts = [{"alg": "ES256", "typ": "vc+jwt"}, {"iss": "did:web:example.test", **WRAPPERS["credential"](passport)}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


TOKENS = {
    "alone": lambda token: token.encode(),
    "enveloped": lambda token: {
        "@context": "https://www.w3.org/ns/credentials/v2",
        "type": "EnvelopedVerifiableCredential",
        "id": f"data:application/vc+jwt,{token}",
    },
    "in an answer": lambda token: {"credential": token},
    "with disclosures": lambda token: {"vc": f"{token}~WyJhIl0~"},
}


@pytest.mark.parametrize("form", TOKENS)
def test_a_passport_in_a_signed_token_is_read_and_marked_unverified(form):
    source = TOKENS[form](token_of(documents.batterypass()))
    assert told(only(source)) == BATTERY
    assert "its signature is not verified" in said(source)


def test_a_token_of_every_entrance_is_worth_its_passport(entrances):
    wrapped = TOKENS["enveloped"](token_of(documents.batterypass()))
    alone = entrances.http("passport", documents.batterypass())
    assert entrances.everywhere("passport", wrapped).worth["residual_value"] == alone.worth["residual_value"]


@pytest.mark.parametrize("damaged", ["ey.ey.x", "eyJh.eyJhIjo.x", "eyJh.eyJhIjoxfQ", "eyJh.eyJhIjoxfQ.x"])
def test_a_token_without_a_passport_is_refused(damaged):
    with pytest.raises(UnreadableRecord):
        read_trace(damaged.encode())


def test_a_code_document_and_a_tree_are_read(entrances):
    module, cell = "T02ME010000009B1S0000079", "T02CE010000009B1S0000080"
    tree = {
        "productType": "pack",
        "tractionBatteryCode": documents.CODE,
        "subcomponents": [
            {"productType": "module", "tractionBatteryCode": module,
             "subcomponents": [{"productType": "cell", "tractionBatteryCode": cell}]},
        ],
    }  # fmt: skip
    history = only(tree)
    assert history.battery_code == documents.CODE
    assert [one.battery_code for one in history.modules] == [module]
    assert "subcomponents[].subcomponents" in said(tree)
    assert entrances.everywhere("passport", tree).answer["battery_code"] == documents.CODE
    passport = documents.catenax()
    del passport["identification"]["idDmc"]
    for together in ([passport, tree], [tree, passport]):
        assert told(only(together)) == BATTERY
        assert len(only(together).modules) == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_recycled_pack_is_refused_in_every_family(entrances, family):
    outcome = entrances.everywhere("passport", documents.with_status(family, "recycled"))
    assert "recycled" in outcome.refusal


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("status", "closed"), [("waste", {"reuse", "second_life"}), ("Repurposed", {"reuse"})])
def test_waste_and_second_use_act_in_every_family(entrances, family, status, closed):
    outcome = entrances.everywhere("passport", documents.with_status(family, status))
    routes = outcome.answer["routes"]
    assert closed <= {route["route"] for route in routes if not route["open"]}
    assert {"T17", "T18"} & {blocker for route in routes for blocker in route["blocked_by"]}


def test_the_status_is_read_from_record_and_event(entrances):
    record = {"battery_code": documents.CODE, "rated_energy_kwh": 60.0}
    assert "recycled" in entrances.everywhere("trace", {**record, "life_cycle_status": "recycled"}).refusal
    event = {"type": "recycled", "on": "2026-01-01"}
    assert "recycled" in entrances.everywhere("trace", {**record, "events": [event]}).refusal


def test_a_status_that_names_several_or_denies_one_is_not_taken():
    for text in ("first life/ waste/ repaired/ repurposed/ recycled", "not recycled", "unknown", ""):
        assert status_named(text) is None
    for text, status in (
        ("Re-used", "reused"),
        ("bp:Waste", "waste"),
        ("second life", "repurposed"),
        ("再制造", "remanufactured"),
        ("EoL", "waste"),
        ("to be recycled", "waste"),
        ("待梯次利用", None),
    ):
        assert status_named(text) == status


@pytest.mark.parametrize(
    ("weight", "kilograms"),
    [
        ({"value": 0.42, "unit": "unit:tonneMetricTon"}, 420.0),
        ({"value": 926.0, "unit": "unit:poundLb"}, pytest.approx(420.0, abs=0.1)),
        ({"value": 420.0, "unit": "unit:litre"}, None),
        ({"value": 420.0}, None),
    ],
)
def test_the_mass_is_read_in_the_unit_beside_it(weight, kilograms):
    document = documents.catenax()
    document["characteristics"]["physicalDimension"]["weight"] = weight
    assert only(document).mass_kg == kilograms


def test_an_energy_is_read_in_the_unit_beside_it():
    document = documents.catenax()
    document["performance"]["rated"]["energy"] = {"value": 1480.0, "unit": "unit:wattHour"}
    document["performance"]["rated"].pop("capacity")
    assert only(document).rated_energy_kwh == 1.48  # not 1,480 kWh


def test_a_number_with_its_unit_in_a_text_is_read():
    document = documents.idta()
    document["GeneralInformation"]["BatteryMass"] = "0.42 t"
    document["StateOfCertifiedEnergy"]["StateOfCertifiedEnergyValue"] = "85 %"
    history = only(document)
    assert (history.mass_kg, told(history)["soh"]) == (420.0, 0.85)
    document["GeneralInformation"]["BatteryMass"] = "420 l"
    assert only(document).mass_kg is None


def health(**changed) -> dict:
    """Return a Catena-X passport with 85 % by remaining capacity, energy and fade, and other readings."""
    document = documents.catenax()
    dynamic = document["performance"]["dynamic"]
    dynamic["energy"] |= {"remaining": {"value": 51.0, "time": STAMP}}
    dynamic["capacity"] = {"capacity": {"value": 136.0, "time": STAMP}, "fade": {"value": 15.0, "time": STAMP}}
    for name, value in changed.items():
        group, part = name.split("_")
        if value is None:
            del dynamic[group][part]
        else:
            dynamic[group][part]["value"] = value
    return document


STAMP = documents.STAMP


@pytest.mark.parametrize(
    ("changed", "soh", "noted"),
    [
        ({}, 0.85, False),
        ({"energy_soce": 0.85}, 0.85, True),
        ({"energy_soce": 0.85, "capacity_fade": 0.15}, 0.85, True),
        ({"energy_soce": 0.85, "energy_remaining": None, "capacity_capacity": None, "capacity_fade": None}, 0.85, True),
        (
            {"energy_soce": None, "energy_remaining": None, "capacity_capacity": None, "capacity_fade": 15.0},
            0.85,
            False,
        ),
    ],
)
def test_a_reading_is_on_the_scale_on_which_the_others_agree(entrances, changed, soh, noted):
    document = health(**changed)
    assert only(document).events[-1].facts["soh"] == pytest.approx(soh)
    assert ("is read as a fraction" in said(document)) is noted
    outcome = entrances.everywhere("passport", document)
    assert "contradict" not in outcome.cautions


def test_a_fade_below_one_alone_may_be_either_and_is_not_used():
    document = health(energy_soce=None, energy_remaining=None, capacity_capacity=None, capacity_fade=0.15)
    assert "soh" not in only(document).events[-1].facts
    assert "per cent or a fraction" in said(document)


@pytest.mark.parametrize(
    ("entry", "kilograms", "noted"),
    [
        ({"concentration": 9.0, "unit": "%"}, 37.8, "shares in %"),
        ({"concentration": 9.0, "unit": "unit:percent"}, 37.8, "shares in unit:percent"),
        ({"concentration": 90000.0, "unit": "unit:partPerMillion"}, 37.8, "turned into masses"),
        ({"concentration": 9.0}, None, "it has no unit"),
        ({"concentration": 9.0, "unit": "unit:mole"}, None, "is not a known unit of a share"),
    ],
)
def test_shares_with_per_cent_or_without_unit_are_reported(entry, kilograms, noted):
    document = documents.catenax()
    document["materials"] = {"composition": [{"id": [{"type": "CAS", "name": "nickel", "id": "7440-02-0"}], **entry}]}
    masses = only(document).composition
    assert masses.get("nickel_kg") == (None if kilograms is None else pytest.approx(kilograms))
    assert noted in said(document)


def test_unused_parts_of_a_passport_are_named():
    document = documents.catenax()
    document["safety"] = {"dismantling": [{"header": "x", "content": "y"}], "labels": []}
    document["performance"]["rated"]["power"] = {"value": 1.0, "temperature": 20.0}
    noted = said(document)
    for part in ("safety", "performance.rated.power"):
        assert f"{part}," in f"{noted},"
    assert "performance.rated.power.value" not in noted


def test_numbers_given_as_text_are_read_and_listed():
    document = documents.batterypass()
    document["batteryMass"] = "420"
    assert told(only(document)) == BATTERY
    assert "batteryMass: numbers given as text are read" in said(document)


@pytest.mark.parametrize(
    ("soh", "capacity", "read"),
    [("87", "130.5", 0.87), ("0.87", "130.5", 0.87), ("0.0087", "130.5", 0.87), ("0.5", "130.5", 0.5)],
)
def test_a_row_of_a_table_is_on_the_scale_of_its_other_readings(entrances, soh, capacity, read):
    head = "电池编码,额定能量(kWh),额定容量(Ah),检测日期,检测方法,SOH,剩余容量(Ah)"
    row = f"{head}\n{documents.CODE},60,150,2026-03-01,lab,{soh},{capacity}\n".encode()
    history = only(row)
    assert [event.facts["soh"] for event in history.events if "soh" in event.facts] == [read]
    assert (" is read as 0.87" in said(row)) is (soh not in ("0.87", "0.5"))
    assert entrances.value(("row.csv", row)).worth == entrances.page(("row.csv", row)).worth


def test_in_a_canonical_record_a_health_above_the_bound_stays_an_error(entrances):
    tested = {"type": "tested", "on": "2026-03-01", "method": "lab", "soh": 87, "remaining_capacity_ah": 130.5}
    record = {"battery_code": documents.CODE, "rated_capacity_ah": 150, "events": [tested]}
    assert "soh is 87" in entrances.everywhere("trace", record).refusal


JUNK = (None, True, 0, -1, 1e308, -1e308, "x", "", [], {}, [1], {"value": True}, "12", {"left": 1}, {"@value": "3"},
        [[]], [{}], "\ud800", 10**400, "NMC?", [{"a": [{"b": {}}]}])  # fmt: skip
DAMAGED = (
    *(make() for make in FAMILIES.values()),
    SHELLS,
    WRAPPERS["credential"](documents.batterypass()),
    WRAPPERS["data space"](documents.catenax("4.0.0")),
    {"productType": "pack", "tractionBatteryCode": documents.CODE, "subcomponents": [{"tractionBatteryCode": "x"}]},
)


def places(value: object, path: tuple = ()):
    """Yield the paths of all values in a document."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def test_a_damaged_document_is_read_or_refused_by_name():
    chance = random.Random(5)  # noqa: S311 - the same documents in every run
    for _ in range(600):
        document = copy.deepcopy(chance.choice(DAMAGED))
        for _ in range(chance.randint(1, 3)):
            path = chance.choice(list(places(document)))
            holder = document
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = copy.deepcopy(chance.choice(JUNK))
        with contextlib.suppress(CanzhiError):
            traces = read_trace(document)
            for note in traces.notes[0] if traces.histories else ():
                note.caution.message_en.encode()
