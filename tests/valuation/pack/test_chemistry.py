import numpy as np
import pytest

from valuation.pack.chemistry import BY_NAME, ELEMENTS, FAMILIES, ROWS, energy_density_wh_per_kg, ingredients, lookup
from valuation.pack.vintage import interpolate
from valuation.record.fields import CHEMISTRIES

# BatPaC 5.2, graphite anode, default configurations (P. Busch, USA-EV-Lithium-GHG, Inputs/Mineral_Intensity.xlsx,
# MIT, commit 57d4ba8e): kg per kWh of Li, Ni, Co, Cu, graphite. An independent model of the same packs.
BATPAC = {
    "LFP": (0.08896, 0.0, 0.0, 0.5655, 0.9554),
    "NCA": (0.09937, 0.65563, 0.12339, 0.38075, 0.8598),
    "NMC111": (0.11547, 0.3176, 0.31879, 0.41719, 0.84979),
    "NMC523": (0.10571, 0.43615, 0.17511, 0.39758, 0.85101),
    "NMC622": (0.10345, 0.51201, 0.17131, 0.39401, 0.85291),
    "NMC811": (0.09224, 0.60782, 0.07626, 0.36443, 0.85389),
}


def test_one_row_for_every_chemistry_in_its_order():
    assert tuple(row.name for row in ROWS) == CHEMISTRIES
    assert {row.family for row in ROWS} <= set(FAMILIES)


def test_every_row_names_its_source_and_has_content_or_a_mixture():
    for row in ROWS:
        assert row.source
        assert bool(row.kg_per_kwh) != bool(row.mixture)
        assert set(row.kg_per_kwh) <= set(ELEMENTS)


@pytest.mark.parametrize("name", BATPAC)
def test_content_agrees_with_an_independent_model(name):
    content = BY_NAME[name].kg_per_kwh
    for element, tolerance, other in zip(
        ("Li", "Ni", "Co", "Cu", "graphite"), (0.02, 0.02, 0.02, 0.09, 0.02), BATPAC[name], strict=True
    ):
        assert content[element] == pytest.approx(other, rel=tolerance)


def test_metals_weigh_less_than_the_pack_that_holds_them():
    for row in ROWS:
        assert sum(row.kg_per_kwh.values()) < row.pack_kg_per_kwh


@pytest.mark.parametrize("row", [row for row in ROWS if row.mixture], ids=lambda row: row.name)
@pytest.mark.parametrize("year", [2005.0, 2014.5, 2017.3, 2019.9, 2024.0, 2040.0])
def test_shares_of_a_mixture_add_up_to_one_in_every_year(row, year):
    shares = [interpolate(np.array([year]), points)[0] for _, points in ingredients(row)]
    assert sum(shares) == pytest.approx(1.0)
    assert min(shares) >= 0.0


def test_packs_got_lighter_over_the_years():
    years = np.arange(2010.0, 2030.0, 0.5)
    for code in range(len(ROWS)):
        density = energy_density_wh_per_kg(np.full(len(years), float(code)), years)
        assert (np.diff(density) >= 0.0).all()


def test_ageing_and_second_life_are_read_by_code():
    codes = np.array([float(CHEMISTRIES.index(name)) for name in ("LFP", "NMC", "LTO", "LCO")])
    assert lookup("ageing_factor", codes).tolist() == [0.85, 1.0, 0.3, 1.0]
    assert lookup("second_life", codes).tolist() == [1.0, 1.0, 1.0, 0.0]
