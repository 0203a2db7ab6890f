"""The evidence that would narrow the band most."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.answer.evidence import ACTIONS, next_best, structural_spread
from valuation.dossier import build_dossier
from valuation.record.cases import cut
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate

PLATE = PackHistory(
    battery_code="001PB0A0000001A680000123",
    chemistry="LFP",
    rated_energy_kwh=52.5,
    made_on=date(2020, 6, 8),
    duty="private",
)


def dossier_of(market_history, *histories, as_of=date(2026, 6, 1)):
    table = tabulate(histories)
    return build_dossier(cut(table, np.full(table.rows, day_number(as_of))), market_history)


def lab_test(soh, on=date(2026, 5, 20)):
    return TraceEvent(type="tested", on=on, reporter="x", facts={"method": "lab", "soh": soh})


def test_a_test_helps_an_untested_pack_more_than_a_tested_one(market_history):
    dossier = dossier_of(market_history, PLATE, replace(PLATE, events=(lab_test(0.85),)))
    ratio = next_best(dossier)["capacity_test"]
    assert ratio[0] < 0.97
    assert ratio[0] < ratio[1] <= 1.0


def test_a_laboratory_test_helps_after_a_quick_test(market_history):
    tested = replace(PLATE, events=(replace(lab_test(0.85), facts={"method": "quick", "soh": 0.90}),))
    ratios = next_best(dossier_of(market_history, tested))
    assert ratios["capacity_test"][0] < ratios["quick_test"][0]


@settings(max_examples=40, deadline=None)
@given(st.from_type(PackHistory), st.floats(0.5, 1.0))
def test_a_capacity_test_never_narrows_less_than_a_quick_test(market_history, history, soh):
    read = TraceEvent(type="usage", on=date(2025, 5, 1), facts={"soh": soh, "soh_source": "bms"})
    dossier = dossier_of(market_history, history, replace(history, events=(read,)))
    ratios = next_best(dossier)
    assert (ratios["capacity_test"] <= ratios["quick_test"]).all()


def test_a_nameplate_narrows_the_band_of_a_bare_code(market_history):
    dossier = dossier_of(market_history, PLATE, PackHistory(battery_code=PLATE.battery_code))
    ratio = next_best(dossier)["nameplate"]
    assert ratio[1] < 0.9 < ratio[0] == 1.0


def test_a_passport_narrows_the_band_of_an_unknown_grade(market_history):
    ternary = replace(PLATE, battery_code=None, chemistry="NMC")
    stated = replace(ternary, composition={"lithium_kg": 5.5, "nickel_kg": 26.0, "cobalt_kg": 9.0})
    ratio = next_best(dossier_of(market_history, ternary, stated))["passport_composition"]
    assert ratio[0] < ratio[1] <= 1.0


def test_fresher_quotes_help_where_the_market_is_stale(market_history):
    stale = dossier_of(market_history, PLATE, as_of=date(2020, 9, 1))
    fresh = dossier_of(market_history, PLATE, as_of=date(2026, 5, 20))
    assert next_best(stale)["fresher_quotes"][0] < 0.9
    assert next_best(fresh)["fresher_quotes"][0] == pytest.approx(1.0)


def test_an_inspection_settles_visible_findings(market_history):
    opened = replace(PLATE, events=(TraceEvent(type="removed", on=date(2026, 5, 1), facts={"condition": "opened"}),))
    assert next_best(dossier_of(market_history, opened))["opening_inspection"][0] < 0.9


def test_the_spread_function_can_be_replaced(market_history):
    dossier = dossier_of(market_history, PLATE)
    ratios = next_best(dossier, spread_of=lambda tried: 0.5 * structural_spread(tried))
    assert ratios["quick_test"][0] == pytest.approx(0.5 * next_best(dossier)["quick_test"][0], rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.from_type(PackHistory), min_size=1, max_size=3))
def test_no_action_is_expected_to_widen_a_band(market_history, histories):
    dossier = dossier_of(market_history, *histories)
    ratios = next_best(dossier)
    assert list(ratios) == list(ACTIONS)
    for ratio in ratios.values():
        assert ((ratio > 0.0) & (ratio <= 1.0)).all()
    alone = next_best(dossier_of(market_history, histories[-1]))
    assert [alone[name][0] for name in ACTIONS] == [ratios[name][-1] for name in ACTIONS]
