from datetime import date

import numpy as np
import pytest

from valuation.dossier import build_dossier
from valuation.pack.design_sizes import DESIGN_MARK, sizes_of_designs
from valuation.pack.nameplate import LOG_SD_FROM_DESIGN, read_nameplate
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.assumptions import CHINA
from valuation.routes.market_calibration import apply_calibration

CODE = "001PB0A0000001A680000123"
SIZES = {f"{DESIGN_MARK}001PB0A": 41.5}


def cases_of(*histories):
    table = tabulate(histories)
    return cut(table, np.full(table.rows, day_number(date(2026, 11, 20))))


def test_a_pack_without_a_stated_size_has_that_of_its_design():
    plate = read_nameplate(
        cases_of(PackHistory(battery_code=CODE), PackHistory(battery_code=CODE, mass_kg=300.0)), SIZES
    )
    assert plate.energy_kwh.tolist() == [41.5, 41.5]
    assert plate.energy_log_sd.tolist() == [LOG_SD_FROM_DESIGN] * 2


@pytest.mark.parametrize(
    "stated",
    [
        {"rated_energy_kwh": 60.0},
        {"rated_capacity_ah": 150.0, "nominal_voltage_v": 350.0},
    ],
)
def test_the_pack_s_own_plate_takes_precedence_over_its_design(stated):
    cases = cases_of(PackHistory(battery_code=CODE, **stated))
    assert read_nameplate(cases, SIZES).energy_kwh[0] == read_nameplate(cases).energy_kwh[0]


@pytest.mark.parametrize("code", [None, "not a code", "002PB0A0000001A680000123"])
def test_packs_of_unknown_designs_keep_their_uncertainty(code):
    plate, alone = (read_nameplate(cases_of(PackHistory(battery_code=code)), sizes) for sizes in (SIZES, None))
    assert plate.energy_kwh[0] == alone.energy_kwh[0]
    assert plate.energy_log_sd[0] == alone.energy_log_sd[0] > LOG_SD_FROM_DESIGN


def test_disagreeing_plates_give_no_design_energy():
    designs = ["A", "A", "A", "B", "B", None]
    sizes = sizes_of_designs(designs, np.array([40.0, 40.0, 41.0, 30.0, 60.0, 20.0]))
    assert sizes == {f"{DESIGN_MARK}A": 40.0}


def test_design_energies_are_not_calibrated_constants(market_history):
    assert apply_calibration(CHINA, SIZES) == apply_calibration(CHINA, {"softness": 0.0})
    dossier = build_dossier(cases_of(PackHistory(battery_code=CODE)), market_history, market_calibration=SIZES)
    assert dossier.nameplate.energy_kwh[0] == 41.5


def test_a_single_plate_gives_no_design_energy():
    assert sizes_of_designs(["T01PE3E", "T02PB11", "T02PB11"], np.array([26.4, 50.0, 50.0])) == {
        f"{DESIGN_MARK}T02PB11": 50.0
    }
