from datetime import date

import numpy as np
import pytest

from valuation.pack.nameplate import read_nameplate
from valuation.record.cases import cut
from valuation.record.fields import CHEMISTRIES
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate

AS_OF = date(2026, 11, 20)


def plate_of(*histories, as_of=AS_OF):
    table = tabulate(histories)
    return read_nameplate(cut(table, np.full(table.rows, day_number(as_of))))


def chemistry(plate, row=0):
    return CHEMISTRIES[int(plate.chemistry[row])]


def test_a_code_alone_gives_chemistry_day_and_a_wide_guess_of_the_energy():
    plate = plate_of(PackHistory(battery_code="001PB0A0000001A680000123"))
    assert chemistry(plate) == "LFP"
    assert not plate.chemistry_declared[0]
    assert plate.made_day[0] == day_number(date(2020, 6, 8))
    assert 30.0 < plate.energy_kwh[0] < 80.0
    assert plate.energy_log_sd[0] == 0.5


@pytest.mark.parametrize(
    ("letter", "name"),
    [("A", "NIMH"), ("B", "LFP"), ("C", "LMO"), ("D", "LCO"), ("E", "NMC"), ("G", "LTO"), ("Z", "OTHER")],
)
def test_the_type_letter_of_a_code_gives_the_chemistry(letter, name):
    assert chemistry(plate_of(PackHistory(battery_code=f"001P{letter}0A0000001A680000123"))) == name


def test_a_declared_chemistry_wins_over_the_code():
    plate = plate_of(PackHistory(battery_code="001PE0A0000001A680000123", chemistry="NMC811"))
    assert chemistry(plate) == "NMC811"
    assert plate.chemistry_declared[0]


def test_an_empty_record_has_chemistry_other_and_an_assumed_energy():
    plate = plate_of(PackHistory())
    assert chemistry(plate) == "OTHER"
    assert plate.energy_log_sd[0] > 0.0
    assert not np.isnan(plate.year[0])
    assert np.isnan(plate.made_day[0])


def test_energy_is_taken_from_the_best_evidence():
    plate = plate_of(
        PackHistory(chemistry="LFP", rated_energy_kwh=52.5, rated_capacity_ah=100.0, nominal_voltage_v=350.0),
        PackHistory(chemistry="LFP", rated_capacity_ah=150.0, nominal_voltage_v=350.0),
        PackHistory(chemistry="LFP", mass_kg=400.0, made_on=date(2020, 1, 1)),
        PackHistory(chemistry="LFP", rated_capacity_ah=150.0),
        PackHistory(chemistry="LFP"),
    )
    assert plate.energy_kwh[:4] == pytest.approx([52.5, 52.5, 54.0, 52.5], rel=0.01)
    assert plate.energy_log_sd.tolist() == [0.0, 0.03, 0.15, 0.20, 0.50]


@pytest.mark.parametrize(("level", "low", "high"), [("P", 30.0, 80.0), ("M", 2.0, 10.0), ("C", 0.1, 1.0)])
def test_a_module_or_cell_holds_less_than_a_pack(level, low, high):
    plate = plate_of(PackHistory(battery_code=f"001{level}B0A0000001A680000123"))
    assert low < plate.energy_kwh[0] < high


def test_a_bus_pack_is_larger():
    plate = plate_of(PackHistory(chemistry="LFP", duty="bus"), PackHistory(chemistry="LFP", duty="taxi"))
    assert plate.energy_kwh[0] > 2.0 * plate.energy_kwh[1]


def test_service_begins_with_the_first_installation_known_by_the_day():
    late = TraceEvent(type="installed", on=date(2020, 9, 1), reported_on=date(2027, 1, 1))
    early = TraceEvent(type="sold", on=date(2020, 12, 1))
    plate = plate_of(PackHistory(made_on=date(2020, 6, 8), events=(late, early)), PackHistory(made_on=date(2020, 6, 8)))
    assert plate.in_service_day.tolist() == [day_number(date(2020, 12, 1)), day_number(date(2020, 6, 8))]


def test_mass_is_declared_or_usual_for_the_year():
    plate = plate_of(
        PackHistory(chemistry="LFP", rated_energy_kwh=50.0, mass_kg=400.0),
        PackHistory(chemistry="LFP", rated_energy_kwh=50.0, made_on=date(2013, 1, 1)),
        PackHistory(chemistry="LFP", rated_energy_kwh=50.0, made_on=date(2024, 1, 1)),
    )
    assert plate.mass_declared.tolist() == [True, False, False]
    assert plate.mass_kg[0] == 400.0
    assert plate.mass_kg[1] > plate.mass_kg[2] > 300.0
