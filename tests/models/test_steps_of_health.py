"""One point of health moves a learned value by little, too: no cliff where a second life or a reuse begins."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from valuation.dossier import build_dossier
from valuation.ingest import read_market
from valuation.pricing import price
from valuation.record.cases import cut
from valuation.record.fields import CHEMISTRIES, DUTIES
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
AS_OF = date(2026, 11, 20)
GRID = np.linspace(0.40, 1.0, 61).round(2)


@pytest.fixture(scope="module")
def market():
    return read_market(ROOT / "data_samples" / "quotes.csv")


@pytest.fixture(scope="module")
def model():
    return Predictor(read_bundle(GOLDEN / "bundle", (GOLDEN / "signer.txt").read_text("ascii").strip()))


def learned(model, market, method, made):
    """Return the learned values by chemistry, duty and health. [CNY/kWh]"""
    packs = []
    for chemistry in CHEMISTRIES:
        for duty in DUTIES:
            for soh in GRID.tolist():
                facts = {"soh": soh, "soh_source": "bms"} if method == "bms" else {"soh": soh, "method": method}
                read = TraceEvent(type="usage" if method == "bms" else "tested", on=date(2026, 11, 10), facts=facts)
                packs.append(
                    PackHistory(chemistry=chemistry, rated_energy_kwh=60.0, made_on=made, duty=duty, events=(read,))
                )
    table = tabulate(packs)
    cases = cut(table, np.full(table.rows, day_number(AS_OF)))
    dossier = build_dossier(cases, market, market_calibration=model.market_calibration)
    return price(dossier, model, 0.9).point.reshape(len(CHEMISTRIES), len(DUTIES), len(GRID))


@pytest.mark.parametrize("made", [date(2024, 6, 1), date(2018, 6, 1)], ids=["young", "old"])
@pytest.mark.parametrize("method", ["lab", "quick", "bms"])
def test_one_point_of_health_moves_a_learned_value_by_little(model, market, method, made):
    """At most the larger of 8.5 % and 4 CNY/kWh, for every chemistry and duty.

    The structural value moves by at most 8 %; the frozen model was trained before, and one of its splits adds to that.
    """
    worth = learned(model, market, method, made)
    step = np.abs(np.diff(worth, axis=2))
    assert (step <= np.maximum(0.085 * np.abs(worth[:, :, :-1]), 4.0)).all()


@pytest.mark.parametrize("made", [date(2024, 6, 1), date(2018, 6, 1)], ids=["young", "old"])
def test_a_bms_reading_of_one_is_not_worth_less_than_one_below(model, market, made):
    """It was worth 10 to 39 % less, as buyers were taken to ignore it; what is left are splits of single trees."""
    worth = learned(model, market, "bms", made)
    assert (worth[:, :, -1] >= 0.98 * worth[:, :, -2]).all()
