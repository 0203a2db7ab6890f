"""Degraded records contain only what a lower evidence tier has."""

from datetime import date

import numpy as np
import pytest

from training.dataset.degraded_records import (
    BARE,
    DEGRADATIONS,
    MOST_BARE,
    code_only,
    draw_degradation,
    ledger_only,
    nameplate_only,
    readings_only,
)
from valuation.record.fields import EVENT_TYPES
from valuation.record.history import Module, PackHistory, TraceEvent
from valuation.record.to_columns import tabulate

HISTORY = PackHistory(
    battery_code="T01PB0A0000001A680000123",
    chemistry="LFP",
    rated_energy_kwh=50.0,
    vehicle_model="model one",
    modules=(Module(soh=0.8),),
    events=(
        TraceEvent(type="installed", on=date(2020, 7, 1)),
        TraceEvent(type="usage", on=date(2022, 7, 1), facts={"soh": 0.9}),
        TraceEvent(type="tested", on=date(2024, 7, 1), facts={"method": "lab", "soh": 0.85}),
    ),
)
TABLE = tabulate([PackHistory(chemistry="NMC", rated_energy_kwh=60.0), HISTORY])


def types_of(table):
    return [EVENT_TYPES[int(code)] for code in table.events["type"]]


@pytest.mark.parametrize(
    ("thin", "left"),
    [(code_only, []), (nameplate_only, []), (ledger_only, ["installed"]), (readings_only, ["installed", "usage"])],
)
def test_fields_left_in_a_degraded_record(thin, left):
    thinner = thin(TABLE)
    assert types_of(thinner) == left
    assert thinner.row.tolist() == [1] * len(left)
    assert np.isnan(thinner.packs["module_lowest_soh"]).all()
    assert thinner.texts["battery_code"] == (None, HISTORY.battery_code)
    assert np.isnan(thinner.packs["chemistry"]).all() == (thin is code_only)
    assert (thinner.texts["vehicle_model"] == (None, None)) == (thin is code_only)
    assert types_of(TABLE) == ["installed", "usage", "tested"]  # the record itself is untouched


def test_the_draw_follows_seed_and_share():
    drawn = draw_degradation(3000, 0.4, seed=1)
    np.testing.assert_array_equal(drawn, draw_degradation(3000, 0.4, seed=1))
    assert not np.array_equal(drawn, draw_degradation(3000, 0.4, seed=2), equal_nan=True)
    assert abs(np.mean(~np.isnan(drawn)) - 0.4) < 0.04  # four standard deviations
    counts = np.bincount(drawn[~np.isnan(drawn)].astype(int), minlength=len(DEGRADATIONS))
    assert np.all(abs(counts[:BARE] - MOST_BARE) < 50)  # four standard deviations
    assert counts[BARE:].min() > 380  # 450 of each are expected
