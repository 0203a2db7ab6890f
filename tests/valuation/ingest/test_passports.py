import copy
import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.errors import CanzhiError, RefusedPack, UnreadableRecord
from valuation.ingest import read_passport, read_passports, read_trace, write_trace
from valuation.record.fields import COMPOSITION_FIELDS, EVENT_FIELDS, PACK_FIELDS

PASSPORTS = Path(__file__).parents[3] / "data_samples" / "passports"
IDTA = sorted(PASSPORTS.glob("idta*.json"))
BATTERYPASS = sorted(PASSPORTS.glob("batterypass*.json"))
CATENAX = PASSPORTS / "catenax_battery_pass_6.1.0.json"


def cautions(traces):
    return [note.caution for note in traces.notes[0]]


def sentences(traces):
    return " | ".join(caution.message_en for caution in cautions(traces))


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        (
            "catenax_battery_pass_6.1.0",
            ["rated energy in kWh", "0.5 kWh is declared but 3.7 V times 4 Ah is 0.0148 kWh"],
        ),
        (
            "catenax_battery_pass_5.0.0",
            ["rated energy in kWh", "0.5 kWh is declared but 3.7 V times 4 Ah is 0.0148 kWh"],
        ),
        ("batterypass_general_product_information_1.2.0", ["cell chemistry and the rated energy"]),
        ("batterypass_material_composition_1.2.0", ["rated energy in kWh"]),
        ("batterypass_performance_1.2.1_utf16", ["cell chemistry", "ratedEnergy is 1.1467267e+38"]),
        ("idta_02035-4_technical_data_1.0.1", ["cell chemistry"]),
        ("idta_02035-5_product_condition_1.0.1", ["cell chemistry and the rated energy"]),
        ("idta_02035-6_material_composition_1.0.1", ["rated energy in kWh"]),
    ],
)
def test_a_sample_that_cannot_be_valued_is_refused_with_the_reason(name, reasons):
    for read in (read_trace, read_passport):
        with pytest.raises(RefusedPack) as caught:
            read(PASSPORTS / f"{name}.json")
        for reason in reasons:
            assert reason in caught.value.message
        assert "nameplate" in caught.value.hint


def test_the_three_batterypass_documents_together_are_refused_for_their_numbers():
    with pytest.raises(RefusedPack, match=r"ratedEnergy is 1.1467267e\+38"):
        read_passports(BATTERYPASS)


def test_the_three_idta_documents_together_are_one_battery():
    traces = read_trace(IDTA)
    (history,) = traces.histories
    assert (history.chemistry, history.rated_energy_kwh, history.mass_kg) == ("NMC", 100.0, 1007.0)
    assert history.nominal_voltage_v is None
    assert history.composition == {}
    usage = history.events[-1]
    assert usage.facts["soh"] == 0.7
    assert usage.facts["soh_definition"] == "energy"
    assert usage.facts["full_cycles"] == 600.0
    assert history.events[0].facts == {"kind": "overcharge"}
    said = sentences(traces)
    for part in ("one cell's voltage", "not that of Lithium", "contradict", "'P2'", "read as Ah", "kilogram"):
        assert part in said


def test_the_flat_catenax_passport_is_read_in_its_own_units():
    traces = read_trace(PASSPORTS / "catenax_battery_pass_3.x_flat.json")
    (history,) = traces.histories
    assert (history.chemistry, history.rated_energy_kwh, history.made_on) == ("LMO", 85.0, date(2022, 1, 24))
    assert history.events == ()
    said = sentences(traces)
    for part in ("watt-hours", "27.04.2022", "stateOfHealth has no date", "one cell's voltage"):
        assert part in said


def plausible_catenax():
    document = json.loads(CATENAX.read_text("utf-8"))
    rated = document["performance"]["rated"]
    rated["energy"]["value"], rated["capacity"]["value"], rated["voltage"]["nominal"] = 60.0, 170.0, 353.0
    document["characteristics"]["physicalDimension"]["weight"] = {"value": 400000.0, "unit": "unit:gram"}
    dynamic = document["performance"]["dynamic"]
    dynamic["capacity"]["capacity"]["value"], dynamic["energy"]["remaining"]["value"] = 85.0, 30.0
    document["operation"]["manufacturer"]["manufacturingDate"] = "2019-01-31"
    return document


def test_a_plausible_catenax_passport_is_read_with_its_units():
    document = plausible_catenax()
    document["materials"]["composition"] = [
        {
            "id": [{"type": "CAS", "name": "nickel", "id": "7440-02-0"}],
            "concentration": 90000.0,
            "unit": "unit:partPerMillion",
        }
    ]
    traces = read_trace(document)
    (history,) = traces.histories
    assert (history.chemistry, history.rated_energy_kwh, history.mass_kg) == ("NMC", 60.0, 400.0)
    assert history.composition == {"nickel_kg": 36.0}
    (usage,) = history.events
    assert usage.on == date(2023, 12, 7)
    assert usage.facts == {
        "soh": 0.5,
        "soh_source": "bms",
        "soh_definition": "energy",
        "full_cycles": 1500.0,
        "energy_throughput_kwh": 0.5,
        "charge_throughput_ah": 4.0,
        "resistance_growth": 0.5,
    }
    assert "7172-75-08" in sentences(traces)
    assert {"I03", "I08", "I09", "I11", "I12", "I14"} <= {caution.id for caution in cautions(traces)}
    assert history.extras["passport"]["idDmc"] == "34567890"


def test_the_version_is_recognised_by_structure():
    document = plausible_catenax()
    del document["specVersion"]
    assert read_trace(document).histories[0].extras["passport"]["family"] == "Catena-X battery_pass 6.x"


def test_a_battery_code_in_the_passport_is_taken():
    document = plausible_catenax()
    document["identification"]["idDmc"] = "T01PB0A0000001A680000123"
    assert read_trace(document).histories[0].battery_code == "T01PB0A0000001A680000123"


def batterypass(technical="batteryTechicalProperties"):
    stamp = "2024-05-01T10:00:00+02:00"
    return {
        "batteryChemistry": {"shortName": "LFP"},
        "batteryMass": 400.0,
        "batteryMaterials": [
            {"batteryMaterialName": "Lithium", "batteryMaterialIdentifier": "7439-93-2 ", "batteryMaterialMass": 5200.0}
        ],
        technical: {"ratedEnergy": 52.5, "ratedCapacity": 150.0, "nominalVoltage": 350.0},
        "batteryCondition": {
            "stateOfCertifiedEnergy": {"stateOfCertifiedEnergyValue": 88.0, "lastUpdate": stamp},
            "remainingCapacity": {"remainingCapacityValue": 132.0, "lastUpdate": stamp},
            "numberOfFullCycles": {"numberOfFullCyclesValue": 512, "lastUpdate": stamp},
            "temperatureInformation": {"timeExtremeHighTemp": 90.0, "lastUpdate": stamp},
            "internalResistanceIncrease": [
                {"internalResistanceIncreaseValue": 12.0, "batteryComponent": "pack", "lastUpdate": stamp},
                {"internalResistanceIncreaseValue": 99.0, "batteryComponent": "cell", "lastUpdate": stamp},
            ],
            "negativeEvents": [{"negativeEvent": "something odd", "lastUpdate": stamp}],
        },
    }  # fmt: skip


@pytest.mark.parametrize("technical", ["batteryTechicalProperties", "batteryTechnicalProperties"])
def test_both_spellings_and_intended_units_are_read(technical):
    (history,) = read_trace(batterypass(technical)).histories
    assert history.rated_energy_kwh == 52.5
    assert history.composition == {"lithium_kg": 5.2}  # gram in this family
    negative, usage = history.events
    assert negative.facts == {"kind": "other"}
    assert usage.facts["hours_above_45c"] == 1.5  # minutes in the passport
    assert usage.facts["resistance_growth"] == 0.12
    assert usage.facts["soh"] == 0.88


def test_an_impossible_field_is_dropped_and_the_rest_is_read():
    document = batterypass()
    document["batteryCondition"]["stateOfCertifiedEnergy"]["stateOfCertifiedEnergyValue"] = -1.8e300
    document["batteryCondition"]["numberOfFullCycles"]["numberOfFullCyclesValue"] = -(10**308)
    traces = read_trace(document)
    usage = traces.histories[0].events[-1]
    assert usage.facts["soh"] == 0.88  # from remaining over rated capacity
    assert usage.facts["soh_definition"] == "capacity"
    assert "full_cycles" not in usage.facts
    assert sum(caution.id == "I03" for caution in cautions(traces)) == 2


def test_read_passport_refuses_other_documents():
    for source in (b'{"battery_code": "T01PB0A0000001A680000123"}', b"{}", b"[]"):
        with pytest.raises(UnreadableRecord):
            read_passport(source)


def test_a_passport_is_written_as_a_record_and_read_back_equal():
    for source in (IDTA, PASSPORTS / "catenax_battery_pass_3.x_flat.json", plausible_catenax(), batterypass()):
        (history,) = read_trace(source).histories
        assert read_trace(write_trace(history)).histories[0] == history


def test_a_passport_nested_without_end_is_read_or_refused():
    for depth in (100, 900, 50_000):
        document = {**batterypass(), "x": 0}
        content = json.dumps(document).replace('"x": 0', '"x": ' + '{"x":' * depth + "0" + "}" * depth).encode()
        try:
            traces = read_trace(content)
        except UnreadableRecord as refusal:
            check_said(refusal)
        else:
            assert traces.histories[0].chemistry == "LFP"


def check_said(refusal):
    assert refusal.message
    assert refusal.hint


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.just(-(10**308)), st.just([]),
    st.just({}), st.just([1]), st.just({"value": True}),
)  # fmt: skip
BOUNDS = {field.name: field for field in (*PACK_FIELDS, *COMPOSITION_FIELDS, *EVENT_FIELDS) if field.kind == "number"}


def leaves(value, path=()):
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


DOCUMENTS = [
    plausible_catenax(),
    batterypass(),
    {name: part for path in IDTA for name, part in json.loads(path.read_text("utf-8")).items()},
    json.loads((PASSPORTS / "catenax_battery_pass_3.x_flat.json").read_text("utf-8")),
]


@settings(max_examples=250, deadline=None)
@given(data=st.data(), which=st.integers(0, len(DOCUMENTS) - 1))
def test_a_damaged_passport_never_yields_an_impossible_value(data, which):
    document = copy.deepcopy(DOCUMENTS[which])
    path = data.draw(st.sampled_from(list(leaves(document))))
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = data.draw(JUNK)
    try:
        traces = read_trace(document)
    except CanzhiError as refusal:
        check_said(refusal)
        return
    for history in traces.histories:
        numbers = {name: getattr(history, name) for name in BOUNDS if hasattr(history, name)} | dict(
            history.composition
        )
        for event in history.events:
            numbers |= event.facts
        for name, value in numbers.items():
            if isinstance(value, float):
                assert BOUNDS[name].low <= value <= BOUNDS[name].high, name
