"""Units in headings are recognised in any notation, and conversions are listed."""

from pathlib import Path

import pytest

from valuation.errors import FieldError
from valuation.ingest import read_tables, read_trace

CASES = Path(__file__).parent
HEALTH = (CASES / "health_percent.csv").read_text("utf-8")


def read(text):
    return read_trace(text.encode())


def notes(traces):
    return {note.caution.id: note.caution.message_en for note in traces.notes[0]}


def test_units_after_a_slash_are_read():
    pack = read((CASES / "yard_table.csv").read_text("utf-8").replace(",,\n", "\n")).histories[0]
    assert (pack.rated_energy_kwh, pack.mass_kg, pack.duty) == (281.5, 2310.0, "bus")


@pytest.mark.parametrize(
    "heading",
    [
        "剩余容量%",
        "剩余容量(%)",
        "剩余容量（％）",
        "剩余容量 %",
        "剩余容量【%】",
        "%剩余容量",
        "剩余容量/%",
        '"剩余容量\n%"',
    ],
)
def test_remaining_capacity_in_per_cent_is_a_health_however_the_sign_is_written(heading):
    traces = read(HEALTH.replace("剩余容量%", heading))
    (tested,) = traces.histories[0].events
    assert tested.facts == {"method": "quick", "soh": 0.83}
    assert "is read as 0.83" in notes(traces)["I16"]


def test_remaining_capacity_in_its_own_unit_is_no_percentage():
    (tested,) = read(HEALTH.replace("剩余容量%", "剩余容量/Ah")).histories[0].events
    assert tested.facts == {"method": "quick", "remaining_capacity_ah": 83.0}


def test_a_percentage_of_the_rated_energy_is_refused_by_name():
    with pytest.raises(FieldError, match="电量%"):
        read("电池编码,电池类型,电量%\n,磷酸铁锂,85\n")


def test_names_in_json_state_units_too():
    traces = read_trace({
        "battery_code": "T01PB0A0000002B3A0000457",
        "质量/t": 0.385,
        "events": [{"type": "usage", "on": "2024-05-01", "快充占比%": 35, "SOH(%)": 91}],
    })  # fmt: skip
    assert traces.histories[0].mass_kg == 385.0
    assert traces.histories[0].events[0].facts == {"fast_charge_share": 0.35, "soh": 0.91}


def test_columns_of_numbers_are_converted_as_the_same_texts_are():
    packs = read_tables(b"battery_code,\xe8\xb4\xa8\xe9\x87\x8f/t\nT01PB0A0000002B3A0000457,0.385\n").table.packs
    assert packs["mass_kg"].tolist() == [385.0]


def test_a_misspelt_field_is_suggested():
    traces = read_trace({"chemistry": "LFP", "rated_energy_kwh": 50, "nominal_volatge_v": 350})
    assert notes(traces)["I19"] == "unknown field 'nominal_volatge_v': did you mean nominal_voltage_v?"
    with pytest.raises(FieldError) as caught:
        read_trace({"chemistry": "LFP", "rated_enrgy_kwh": 50})
    assert "did you mean rated_energy_kwh by 'rated_enrgy_kwh'?" in caught.value.hint
