"""Facts given beside a passport or file, at every entry point; the answer names the source of each."""

from __future__ import annotations

import importlib.util
import json
from datetime import date
from pathlib import Path

import pytest

from service import cli
from service.api.request_decoding import Given
from service.commands.console.options import GIVEN
from service.web.form import FormEntry
from valuation.errors import FieldError
from valuation.ingest import read_given, read_trace
from valuation.ingest.given_facts import GIVEN_FIELDS

_DESCRIBED = importlib.util.spec_from_file_location("documents", Path(__file__).parent / "passport_documents.py")
documents = importlib.util.module_from_spec(_DESCRIBED)
_DESCRIBED.loader.exec_module(documents)

AS_OF = date(2026, 11, 20)


def without(*names: str) -> dict:
    """Return a BatteryPass passport without some of its topics."""
    return {name: value for name, value in documents.batterypass().items() if name not in names}


LACKING = {
    "code": (("batteryPassportIdentifier",), {"battery_code": documents.CODE}),
    "chemistry": (("batteryChemistry", "batteryPassportIdentifier"), {"chemistry": "三元锂"}),
    "energy": (
        ("batteryTechnicalProperties", "batteryMass", "batteryPassportIdentifier"),
        {"rated_energy_kwh": 60.0},
    ),
    "mass": (("batteryMass",), {"mass_kg": 420.0}),
    "health": (("batteryCondition",), {"soh": 0.85, "soh_on": "2026-03-01"}),
}


def ask_all(entrances, document: dict, given: dict):
    """Return the answer of each entry point to a document with additional facts."""
    options = [part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    fields = {("code" if name == "battery_code" else name): str(value) for name, value in given.items()}
    if "chemistry" in fields:
        fields["chemistry"] = "NMC"  # the page offers a list
    file = ("passport.json", document)
    return {
        "given on the command line": entrances.value(file, options=tuple(options)),
        "given in the request": entrances.http("passport", document, given=given),
        "given in the form": entrances.page(file, **fields),
    }


@pytest.mark.parametrize("lacking", LACKING)
def test_missing_passport_fields_are_completed_with_their_source(entrances, lacking):
    names, given = LACKING[lacking]
    answers = ask_all(entrances, without(*names), given)
    worth = [outcome.worth for outcome in answers.values()]
    assert worth[0] == worth[1] == worth[2]
    for source, outcome in answers.items():
        assert source in outcome.cautions
    if lacking in ("code", "mass"):
        whole = entrances.http("passport", documents.batterypass()).worth
        assert worth[0]["residual_value"] == whole["residual_value"]


@pytest.mark.parametrize("lacking", ["chemistry", "energy"])
def test_an_incomplete_passport_is_refused_with_the_missing_fields(entrances, lacking):
    names, _ = LACKING[lacking]
    assert "cannot be found in it" in entrances.everywhere("passport", without(*names)).refusal


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"chemistry": "LFP"}, ("'NMC' in the record", "'LFP' was given")),
        ({"rated_energy_kwh": 50.0}, ("60 in the record", "50 was given")),
        ({"mass_kg": 500.0}, ("420 in the record", "500 was given")),
        ({"soh": 0.6, "soh_on": "2026-04-01"}, ("0.85 in the record", "0.6 was given")),
        ({"battery_code": "T01PE010000001A170000123"}, (f"'{documents.CODE}' in the record", "A170000123' was given")),
    ],
)
def test_a_conflict_is_a_caution_that_names_both(entrances, given, named):
    for outcome in (
        entrances.http("passport", documents.batterypass(), given=given),
        entrances.value(
            ("passport.json", documents.batterypass()),
            options=tuple(
                part for name, value in given.items() for part in (f"--{name.replace('_', '-')}", str(value))
            ),
        ),
    ):
        for words in named:
            assert words in outcome.cautions


def test_equal_facts_do_not_conflict_and_a_class_keeps_its_grade():
    document = documents.batterypass()
    document["batteryChemistry"] = {"shortName": "NMC622"}
    given = read_given({"chemistry": "NMC", "rated_energy_kwh": 60.4}, source="request", as_of=AS_OF)
    traces = read_trace(document, given=given)
    assert traces.histories[0].chemistry == "NMC622"
    assert traces.histories[0].rated_energy_kwh == 60.0
    assert not {"I23"} & {note.caution.id for note in traces.notes[0]}


def test_a_table_is_completed_too(entrances):
    row = f"电池编码,额定能量(kWh)\n{documents.CODE},60\n".encode()
    outcome = entrances.value(("packs.csv", row), options=("--chemistry", "NMC622", "--soh", "85%"))
    by_page = entrances.page(("packs.csv", row), chemistry="NMC622", soh="85")
    assert outcome.worth == by_page.worth
    assert outcome.answer["state"]["soh"]["value"] == pytest.approx(0.85, abs=0.05)
    assert "counted as of the valuation day 2026-11-20" in outcome.cautions


def test_a_code_beside_several_packs_is_refused(entrances):
    rows = b"chemistry,rated_energy_kwh\nLFP,60\nLFP,61\n"
    assert "beside 2 packs" in entrances.value(("packs.csv", rows), options=("--battery-code", documents.CODE)).refusal
    assert "beside 2 packs" in entrances.page(("packs.csv", rows), code=documents.CODE).refusal


def test_a_check_is_completed_too(entrances, tmp_path, capsys):
    document = without("batteryChemistry", "batteryPassportIdentifier")
    checked = entrances.http("passport", document, path="/v1/checks", given={"chemistry": "NMC"})
    assert "given in the request" in checked.cautions
    path = tmp_path / "passport.json"
    path.write_text(json.dumps(document), "utf-8")
    capsys.readouterr()
    assert cli.run(["check", str(path), "--chemistry", "NMC", "--as-of", str(AS_OF)]) == 0
    assert "given on" in capsys.readouterr().out


def test_a_completed_valuation_is_reproduced(entrances, capsys):
    names, given = LACKING["chemistry"]
    answer = entrances.http("passport", without(*names), given=given).answer
    assert cli.run(["reproduce", answer["valuation_id"]]) == 0
    assert capsys.readouterr().out.startswith("bit-identical")


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"soh": 1.5}, "soh"),
        ({"soh": True}, "soh"),
        ({"rated_energy_kwh": -5.0}, "rated_energy_kwh"),
        ({"chemistry": "gold"}, "chemistry"),
        ({"soh_on": "2026-01-01"}, "soh"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_fact_is_refused_by_name(facts, named):
    with pytest.raises(FieldError, match=named):
        read_given(facts, source="request", as_of=AS_OF)


@pytest.mark.parametrize(("text", "soh"), [("85", 0.85), ("85%", 0.85), ("85 ％", 0.85), ("0.85", 0.85), ("100", 1.0)])
def test_a_health_typed_by_a_person_may_be_per_cent(text, soh):
    assert read_given({"soh": text}, source="form", as_of=AS_OF, from_text=True).health == {"soh": soh}


def test_empty_facts_are_none():
    for facts in ({}, {"chemistry": None}, {"chemistry": "", "soh": "-"}):
        assert read_given(facts, source="form", as_of=AS_OF, from_text=True) is None


def test_a_vehicle_is_completed_over_http(entrances):
    told = {"make": "比亚迪", "model_year": 2019, "odometer_km": 80000}
    beside = entrances.http("trace", {"vehicle_model": "秦EV"}, given=told)
    whole = entrances.http("trace", {"vehicle_model": "秦EV", **told})
    assert beside.answer["residual_value"] == whole.answer["residual_value"]
    assert "odometer_km is 80000: given in the request" in beside.cautions


@pytest.mark.parametrize(
    ("typed", "mass"), [("1,385", 1385.0), ("385 kg", 385.0), ("0.385 t", 385.0), ("385,5", 385.5), ("770斤", 385.0)]
)
def test_a_mass_typed_into_the_form_is_read_as_in_a_table(typed, mass):
    entry = FormEntry(chemistry="LFP", rated_energy_kwh="62 度", mass_kg=typed)
    assert entry.given(AS_OF).pack == {"chemistry": "LFP", "rated_energy_kwh": 62.0, "mass_kg": mass}


def test_every_entrance_offers_facts_that_can_be_given():
    can_be_given = {field.name for field in GIVEN_FIELDS}
    assert set(Given.__struct_fields__) == can_be_given
    assert set(GIVEN) <= can_be_given
    assert {"chemistry", "rated_energy_kwh", "mass_kg", "soh"} <= set(FormEntry.__dataclass_fields__)


def test_a_mass_that_no_pack_of_the_given_energy_has_is_dropped():
    document = without("batteryTechnicalProperties") | {"batteryMass": 0.4}
    given = read_given({"rated_energy_kwh": 60.0}, source="request", as_of=AS_OF)
    traces = read_trace(document, given=given)
    assert traces.histories[0].mass_kg is None
    assert "packs have 20 to 350" in " ".join(note.caution.message_en for note in traces.notes[0])
