from datetime import date

import numpy as np
import pytest

from valuation.pack.chemistry import BY_NAME, ELEMENTS
from valuation.pack.materials import metal_content
from valuation.pack.nameplate import read_nameplate
from valuation.record.cases import cut
from valuation.record.fields import CHEMISTRIES
from valuation.record.history import Module, PackHistory
from valuation.record.to_columns import day_number, tabulate


def content_of(*histories):
    table = tabulate(histories)
    cases = cut(table, np.full(table.rows, day_number(date(2026, 11, 20))))
    return metal_content(cases, read_nameplate(cases))


def modern(chemistry="LFP", **more):
    return PackHistory(chemistry=chemistry, rated_energy_kwh=100.0, **more)


@pytest.mark.parametrize("chemistry", [row for row in CHEMISTRIES if not BY_NAME[row].mixture])
def test_a_pack_of_the_table_mass_has_the_table_content(chemistry):
    row = BY_NAME[chemistry]
    content = content_of(modern(chemistry, mass_kg=100.0 * row.pack_kg_per_kwh))
    for element in ELEMENTS:
        assert content.mass_kg[element][0] == pytest.approx(100.0 * row.kg_per_kwh.get(element, 0.0))


def test_old_packs_hold_more_copper_but_not_more_lithium():
    old, new = modern(made_on=date(2013, 1, 1)), modern(made_on=date(2024, 1, 1))
    content = content_of(old, new)
    assert content.mass_kg["Cu"][0] > 1.3 * content.mass_kg["Cu"][1]
    assert content.mass_kg["Li"][0] == content.mass_kg["Li"][1]


def test_copper_follows_mass_by_the_power_of_four_fifths():
    table_kg = 100.0 * BY_NAME["LFP"].pack_kg_per_kwh
    content = content_of(modern(mass_kg=2.0 * table_kg), modern(mass_kg=table_kg))
    assert content.mass_kg["Cu"][0] / content.mass_kg["Cu"][1] == pytest.approx(2.0**0.8)


def test_a_mass_in_grams_does_not_multiply_the_copper_by_a_thousand():
    content = content_of(modern(mass_kg=30_000.0), modern())
    assert content.mass_kg["Cu"][0] < 4.0 * content.mass_kg["Cu"][1]
    assert content.pack_mass_kg[0] < 4.0 * content.pack_mass_kg[1]


def test_stated_masses_replace_the_table_and_are_more_certain():
    content = content_of(modern("NMC", composition={"nickel_kg": 55.0}), modern("NMC"))
    assert content.mass_kg["Ni"][0] == 55.0
    assert content.declared["Ni"].tolist() == [True, False]
    assert content.relative_sd["Ni"][0] < content.relative_sd["Ni"][1]
    assert content.mass_kg["Co"][0] == content.mass_kg["Co"][1]


@pytest.mark.parametrize("stated", [{"lithium_kg": 8900.0}, {"lithium_kg": 0.0089}, {"nickel_kg": 45.0}])
def test_an_impossible_stated_mass_is_replaced_and_marked_doubtful(stated):
    content = content_of(modern(composition=stated), modern())
    assert content.doubtful.tolist() == [True, False]
    for element in ELEMENTS:
        assert content.mass_kg[element][0] == content.mass_kg[element][1]
    if "lithium_kg" in stated:
        assert content.relative_sd["Li"][0] > content.relative_sd["Li"][1]


def test_a_class_of_unknown_grade_is_less_certain_than_a_grade():
    content = content_of(modern("NMC", made_on=date(2020, 6, 1)), modern("NMC523", made_on=date(2020, 6, 1)))
    assert content.relative_sd["Co"][0] > 2.0 * content.relative_sd["Co"][1]
    assert content.relative_sd["Li"][0] < 0.1


def test_grades_of_later_years_hold_more_nickel_and_less_cobalt():
    content = content_of(modern("NMC", made_on=date(2015, 1, 1)), modern("NMC", made_on=date(2023, 1, 1)))
    assert content.mass_kg["Ni"][0] < content.mass_kg["Ni"][1]
    assert content.mass_kg["Co"][0] > content.mass_kg["Co"][1]


def test_unknown_chemistry_is_the_widest():
    content = content_of(modern("OTHER"), modern("NMC"))
    assert content.relative_sd["Ni"][0] > 3.0 * content.relative_sd["Ni"][1]


def test_missing_modules_take_their_metals_with_them():
    whole = (Module(), Module(), Module())
    content = content_of(modern(modules=whole, missing_modules=1.0), modern(modules=whole), modern(missing_modules=3.0))
    assert content.present_share.tolist() == [0.75, 1.0, 0.75]
    assert content.mass_kg["Li"][0] == pytest.approx(0.75 * content.mass_kg["Li"][1])
    assert 0.75 < content.mass_kg["Fe"][0] / content.mass_kg["Fe"][1] < 1.0
    assert content.pack_mass_kg[0] < content.pack_mass_kg[1]


def test_metal_does_not_fade_with_health():
    worn = modern(modules=(Module(soh=0.5),))
    content = content_of(worn, modern(modules=(Module(soh=0.95),)))
    for element in ELEMENTS:
        assert content.mass_kg[element][0] == content.mass_kg[element][1]


def test_a_cell_has_no_case_of_steel():
    cell, pack = "001CB0A0000001A680000123", "001PB0A0000001A680000123"
    content = content_of(modern(battery_code=cell), modern(battery_code=pack))
    assert content.mass_kg["Fe"][0] < 0.2 * content.mass_kg["Fe"][1]
    assert content.mass_kg["Li"][0] == content.mass_kg["Li"][1]
