"""A pack of which only the vehicle is known: energy and chemistry by the variants of its model and year."""

from __future__ import annotations

import csv
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from valuation import appraise, read_market, read_trace
from valuation.errors import FieldError
from valuation.ingest.tables.vehicle_catalogue import read_catalogue
from valuation.numeric.mixture import mixture_quantiles
from valuation.pack.chemistry import BY_NAME
from valuation.vehicle.catalogue import CONFIDENCE_SD, Catalogue, Variant, built_in, find_vehicle, install, makes
from valuation.vehicle.vin import makes_of_vin, model_year_of

ROOT = Path(__file__).parents[3]
DAY = "2026-11-20"


@pytest.fixture(scope="module")
def market():
    return read_market(ROOT / "data_samples/quotes.csv")


@pytest.fixture(scope="module", params=["structural", "learned"])
def value(request, market):
    model = Predictor(read_bundle(ROOT / "tests/golden/bundle")) if request.param == "learned" else None
    return lambda **record: appraise(read_trace(record), market, model=model, as_of=DAY)


@pytest.fixture(autouse=True)
def nothing_imported():
    yield
    install(())


def ids(answer):
    return {caution.id for caution in answer.cautions}


def test_every_row_of_the_table_has_source_and_confidence():
    rows = list(csv.DictReader((files("valuation.vehicle") / "models.csv").read_text("utf-8").splitlines()))
    assert len({(row["make"], row["model"]) for row in rows}) >= 80
    for row in rows:
        assert row["make"] in makes(), row
        assert row["chemistry"] in BY_NAME, row
        assert row["confidence"] in CONFIDENCE_SD, row
        assert row["source"], row
        assert 2008 <= float(row["from_year"]) <= float(row["to_year"]) <= 2026, row
        assert 5.0 < float(row["energy_kwh"]) < 500.0, row
        assert 0.0 < float(row["share"]) <= 1.0, row


@pytest.mark.parametrize(
    ("model", "make", "year", "name", "chemistry", "energy"),
    [
        ("比亚迪 秦EV 2019", None, None, "BYD Qin EV", "NMC", 55.0),
        ("秦EV450 2018款", None, None, "BYD Qin EV", "NMC", 60.48),
        ("秦EV", "比亚迪汽车有限公司", 2019.0, "BYD Qin EV", "NMC", 55.0),
        ("BYD Qin EV", None, 2019.0, "BYD Qin EV", "NMC", 55.0),
        ("宏光MINIEV", "五菱", 2021.0, "Wuling Hongguang MINIEV", "LFP", 12.0),
        ("帝豪EV300", None, 2017.0, "Geely Emgrand EV", "NMC", 41.0),
        ("Model 3", "特斯拉", 2021.0, "Tesla Model 3", "LFP", 57.0),
        ("ID.4 CROZZ", "一汽-大众", 2021.0, "Volkswagen ID.4", "NMC", 75.0),
        ("EX5", "威马", 2019.0, "WM Motor EX5", "NMC", 54.0),
        ("EX5", None, 2019.0, "BAIC EX5 / WM Motor EX5", "NMC", 58.0),
        ("ZK6105BEVG3", None, 2018.0, "Yutong E10", "LFP", 200.0),
        ("蔚来ES6 84度", None, 2020.0, "NIO ES6", "NMC", 84.0),
        ("小鹏P7 480E", None, 2021.0, "XPeng P7", "LFP", 60.2),
        ("零跑T03 403", "零跑", 2022.0, "Leapmotor T03", "LFP", 41.3),
        ("特斯拉(上海)Model Y", "特斯拉(上海)有限公司", 2022.0, "Tesla Model Y", "LFP", 60.0),
        ("晨风", "东风启辰", 2015.0, "Dongfeng Venucia e30", "LMO", 24.0),
    ],
)
def test_a_vehicle_is_found_as_people_write_it(model, make, year, name, chemistry, energy):  # noqa: PLR0917 - a case
    vehicle = find_vehicle(model, make, year)
    assert (vehicle.name, vehicle.match, vehicle.parts[0].chemistry) == (name, "model", chemistry)
    lower, upper = vehicle.energy_range_kwh()
    assert lower < energy < upper
    assert sum(part.share for part in vehicle.parts) == pytest.approx(1.0)


@pytest.mark.parametrize(("model", "make"), [("eQ7", "Chery"), ("R1S", "Rivian"), ("L7", "IM Motors"), ("ES66", "NIO")])
def test_a_longer_name_or_another_make_is_not_the_model(model, make):
    assert find_vehicle(model, make, 2023.0).match != "model"


def test_less_certain_packs_have_wider_bands():
    def spread(*facts):
        lower, upper = find_vehicle(*facts).energy_range_kwh()
        return upper / lower

    assert spread("帝豪EV450", "吉利", 2018.0) < spread("帝豪EV", "吉利", None) < spread("unheard of", "吉利", 2018.0)
    assert spread("unheard of", "吉利", 2018.0) < spread("unheard of", "unheard of", 2018.0)


def test_a_vehicle_alone_is_valued_at_the_lowest_tier(value):
    answer = value(vehicle_model="秦EV 2019款", make="比亚迪", odometer_km=120_000)
    plated = value(chemistry="NMC", rated_energy_kwh=55.7, made_on="2019-07-01", vehicle_model="秦EV")
    assert answer.evidence.tier == "T0"
    assert "N05" in ids(answer)
    assert answer.residual_value.lower < answer.residual_value.point < answer.residual_value.upper
    wide, narrow = (one.residual_value.upper / one.residual_value.lower for one in (answer, plated))
    assert wide > narrow
    assert answer.residual_value.point == pytest.approx(plated.residual_value.point, rel=0.15)


def test_kilometres_wear_the_pack(value):
    few, many = (value(vehicle_model="秦EV 2019款", odometer_km=km) for km in (20_000, 500_000))
    assert few.state.soh.value > many.state.soh.value


def test_the_band_holds_every_chemistry_of_the_vehicle(value):
    facts = {"vehicle_model": "Model 3", "make": "特斯拉", "model_year": 2021}
    either = value(**facts).residual_value
    iron, ternary = (value(**facts, chemistry=name).residual_value for name in ("LFP", "NMC"))
    assert either.point == iron.point
    assert either.upper > min(iron.upper, ternary.upper)
    assert either.quantiles["0.75"] < ternary.quantiles["0.95"]
    assert either.lower <= min(iron.quantiles["0.25"], ternary.quantiles["0.25"])


def test_the_nameplate_takes_precedence_over_the_vehicle(value):
    answer = value(vehicle_model="秦EV 2019款", chemistry="LFP", rated_energy_kwh=40.0)
    assert not ids(answer) & {"N01", "N05", "N06"}


def test_an_unknown_model_is_valued_by_make_and_year_with_suggestions(value):
    answer = value(vehicle_model="帝毫EV", make="吉利", model_year=2020)
    (caution,) = [one for one in answer.cautions if one.id == "N06"]
    assert "帝毫EV" in caution.message_en
    assert "Geely Emgrand EV" in caution.message_en
    assert "帝毫EV" in caution.message_zh


def test_an_unknown_model_alone_is_refused_with_near_names(value):
    with pytest.raises(FieldError, match="宏光NIMI EV") as refused:
        value(vehicle_model="宏光NIMI EV")
    assert "Wuling Hongguang MINIEV" in refused.value.hint
    with pytest.raises(FieldError, match="not in the table"):
        value(vehicle_model="asdf")


def test_a_vin_is_read_and_checked(value):
    assert model_year_of("LGXC16DF4K0123456") == 2019.0
    assert np.isnan(model_year_of("LGXC16DF4K012345"))
    assert "BYD" in makes_of_vin("lgx c16df4-k0123456")
    same = value(vehicle_model="秦EV", make="比亚迪", vin="LGXC16DF4K0123456")
    assert not ids(same) & {"N07", "N08", "N09"}
    assert same.residual_value == value(vehicle_model="秦EV", make="比亚迪", model_year=2019).residual_value
    other = value(vehicle_model="秦EV 2018款", vin="LNBC16DF4K0123456")
    by_id = {one.id: one for one in other.cautions}
    assert "2019" in by_id["N07"].message_en
    assert "2018" in by_id["N07"].message_en
    assert "BAIC" in by_id["N08"].message_en
    assert "BYD" in by_id["N08"].message_en
    assert "N09" in ids(value(vehicle_model="秦EV 2018款", vin="LGX0"))


def test_the_registration_tells_the_year_of_the_variant(value):
    registered = [{"type": "installed", "on": "2019-07-01"}]
    by_day, by_year = value(vehicle_model="秦EV", events=registered), value(vehicle_model="秦EV", model_year=2019)
    said = [{one.id: one.message_en for one in answer.cautions}["N05"] for answer in (by_day, by_year)]
    assert said[0] == said[1]
    assert said[0] != {one.id: one.message_en for one in value(vehicle_model="秦EV").cautions}["N05"]


@pytest.mark.parametrize(
    ("vin", "warned"),
    [
        ("LGXC16DF7K0123456", False),
        ("LGXC16DF7K0123465", True),  # two digits exchanged
        ("1M8GDM9AXKP042788", False),
        ("WVWZZZE1ZMP000001", False),  # European makers put no check digit there
    ],
)
def test_a_mistyped_vin_is_noticed_by_its_check_digit(value, vin, warned):
    assert ("N10" in ids(value(vehicle_model="秦EV 2018款", vin=vin))) == warned


def test_chinese_names_and_a_table_row_are_read():
    content = "品牌,车型,年款,车架号,行驶里程\n比亚迪,秦EV,2019,LGXC16DF4K0123456,85000\n".encode()
    (history,) = read_trace(content).histories
    assert (history.vehicle_model, history.model_year, history.odometer_km) == ("秦EV", 2019.0, 85_000.0)
    assert history.vin == "LGXC16DF4K0123456"
    assert history.events == ()


def test_an_imported_catalogue_counts_before_the_table(value):
    content = (
        b"brand,model,release year,variant,capacity_kwh_gross,capacity_kwh_net,chemistry\n"
        b"Acme,Road Runner,2022,Long,,95,lfp\nAcme,Road Runner,2022,Short,50,48,li-ion\n"
        b"Acme,,2022,,50,,\nAcme,X,2022,,,,\n"
    )
    read = read_catalogue(content)
    assert dict(read.left_out) == {"no make or model": 1, "no energy": 1}
    assert read.columns["rated_energy_kwh"] == "capacity_kwh_gross"
    assert [(one.chemistry, one.energy_kwh) for one in read.variants] == [("LFP", 100.0), ("LFP", 50.0), ("NMC", 50.0)]
    install(read.variants)
    assert find_vehicle("Acme Road Runner 2022").name == "Acme Road Runner"
    answer = value(vehicle_model="Road Runner Long", make="Acme", model_year=2022)
    assert "N05" in ids(answer)
    assert find_vehicle("秦EV", "BYD", 2019.0).name == "BYD Qin EV"
    with pytest.raises(FieldError, match="no column for make"):
        read_catalogue(b"model,kwh\nx,1\n")


def test_a_catalogue_spells_shares_and_sources():
    odd = Catalogue([Variant(make="A", model="B", from_year=2020, to_year=2020, chemistry="LFP", energy_kwh=50.0)])
    found = odd.find("B", "A", 2023.0)
    assert found.parts[0].log_sd > odd.find("B", "A", 2020.0).parts[0].log_sd
    assert built_in().find("", "A", None) is None


def test_a_mixture_of_one_part_is_that_part():
    levels = np.array([0.05, 0.95, 0.05, 0.25, 0.5, 0.75, 0.95])
    one, other = np.array([[1.0, 5.0, 1.0, 2.0, 3.0, 4.0, 5.0]]), np.array([[11.0, 15.0, 11.0, 12.0, 13.0, 14.0, 15.0]])
    np.testing.assert_allclose(mixture_quantiles(one, other, np.array([0.0]), levels), one, atol=0.05)
    np.testing.assert_allclose(mixture_quantiles(one, other, np.array([1.0]), levels), other, atol=0.05)
    between = mixture_quantiles(one, other, np.array([0.3]), levels)
    assert (between >= one).all()
    assert (between <= other).all()
