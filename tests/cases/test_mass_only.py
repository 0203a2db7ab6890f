"""Chemistry and mass without energy are valued: the energy follows from the density of the chemistry and year."""

import pyarrow as pa
import pytest

from valuation.errors import FieldError
from valuation.ingest import read_tables, read_trace


def widths(answer: dict) -> float:
    worth = answer["residual_value"]
    return worth["upper"] / worth["lower"]


def test_a_pack_by_chemistry_and_mass_is_valued_at_every_entrance(entrances):
    by_mass = entrances.everywhere("trace", {"chemistry": "LFP", "mass_kg": 420.0, "made_on": "2021-03-01"})
    assert "Rated energy is not on record; 57.9 kWh is assumed" in by_mass.cautions
    by_page = entrances.page(chemistry="LFP", mass_kg="420", made_on="2021-03-01")
    assert by_page.answer["residual_value"] == by_mass.answer["residual_value"]
    by_table = entrances.value(("packs.csv", "电池类型,质量(吨),生产日期\n铁锂,0.42,2021-03-01\n".encode()))
    assert by_table.answer["residual_value"] == by_mass.answer["residual_value"]


def test_missing_fields_widen_the_band(entrances):
    plate = {"chemistry": "LFP", "mass_kg": 420.0, "made_on": "2021-03-01", "rated_energy_kwh": 57.9}
    whole = entrances.http("trace", plate).answer
    by_mass = entrances.http("trace", {name: plate[name] for name in ("chemistry", "mass_kg", "made_on")}).answer
    undated = entrances.http("trace", {name: plate[name] for name in ("chemistry", "mass_kg")}).answer
    assert widths(whole) < widths(by_mass) < widths(undated)


def test_tables_of_columns_take_it_too():
    read = read_tables(pa.table({"chemistry": ["LFP", None, "LFP"], "mass_kg": [420.0, 420.0, None]}))
    assert (read.table.rows, [problem.row for problem in read.problems]) == (1, [1, 2])


@pytest.mark.parametrize("record", [{"mass_kg": 420.0}, {"chemistry": "LFP"}])
def test_either_alone_is_refused_with_the_ways_out(record):
    with pytest.raises(FieldError) as caught:
        read_trace(record)
    assert "chemistry with rated_energy_kwh or mass_kg" in caught.value.hint
