"""Consequences of findings: tier, grade, widening, closed routes, refusals."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.condition.health import assess_health
from valuation.pack.nameplate import read_nameplate
from valuation.provenance.run_checks import DEEPEST_HAIRCUT, WIDEST, run_checks
from valuation.record.cases import cut
from valuation.record.history import Module, PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate

AS_OF = date(2026, 6, 1)
CODE = "001PB0A0000001A680000123"
PLATE = PackHistory(battery_code=CODE, chemistry="LFP", rated_energy_kwh=52.5)


def findings_of(*histories, as_of=AS_OF):
    table = tabulate(histories)
    cases = cut(table, np.full(table.rows, day_number(as_of)))
    nameplate = read_nameplate(cases)
    return run_checks(cases, nameplate, assess_health(cases, nameplate))


def event(event_type, on, /, **facts):
    return TraceEvent(type=event_type, on=date.fromisoformat(on), reporter="x", facts=facts)


def with_events(*events, **plate):
    return replace(PLATE, events=events, **plate)


INSTALLED = event("installed", "2020-07-01", vin="A")


@pytest.mark.parametrize(
    ("tier", "events"),
    [
        (0, ()),
        (1, (INSTALLED,)),
        (2, (event("usage", "2026-01-01", odometer_km=30_000.0),)),
        (2, (event("usage", "2026-01-01", soh=0.9, soh_source="bms"),)),
        (1, (event("usage", "2022-01-01", odometer_km=30_000.0),)),  # too old to tell of today's use
        (3, (event("tested", "2026-01-01", method="quick", soh=0.9),)),
        (3, (event("usage", "2026-01-01", soh=0.9, soh_source="certificate"),)),
        (2, (event("tested", "2024-06-01", method="quick", soh=0.9),)),  # lapsed
        (4, (event("tested", "2026-01-01", method="lab", remaining_energy_kwh=46.0),)),
        (3, (event("tested", "2023-06-01", method="lab", soh=0.9),)),  # lapsed to a quick test's worth
        (1, (event("tested", "2026-01-01", method="lab"),)),  # a test without a result
        (1, (event("usage", "2025-01-01", soh=0.8), event("usage", "2026-01-01", soh=0.9))),  # edited: counts no more
    ],
)
def test_tier_is_what_is_known_and_fresh(tier, events):
    assert findings_of(with_events(*events)).tier[0] == tier


def test_full_record_with_a_test_earns_grade_a():
    modules = (Module(battery_code="001MB0A0000001A680000001"),)
    history = with_events(
        INSTALLED,
        *(event("usage", f"{year}-06-01", odometer_km=12_000.0 * (year - 2020)) for year in range(2021, 2026)),
        event("tested", "2026-04-01", method="lab", soh=0.91),
        modules=modules,
    )
    findings = findings_of(history)
    assert findings.grade[0] == 0.0
    assert findings.cautions(0) == ()
    assert findings.widen[0] == 1.0


def test_swapped_module_earns_grade_d_and_a_wider_band():
    modules = (Module(battery_code="001MB0A0000001A680000001"), Module(battery_code="03UMB0A0000001A680000001"))
    findings = findings_of(with_events(INSTALLED, modules=modules))
    assert findings.grade[0] == 3.0
    assert findings.widen[0] == pytest.approx(1.05 * 1.20)
    assert findings.haircut["reuse"][0] == pytest.approx(0.15)
    assert [caution.id for caution in findings.cautions(0)] == ["H06", "H04"]  # the gravest first


def test_burned_pack_can_only_be_recycled():
    findings = findings_of(with_events(event("removed", "2026-01-01", condition="burned")))
    assert [bool(findings.blocked[route][0]) for route in ("recycling", "second_life", "reuse")] == [False, True, True]
    assert findings.blockers("reuse", 0) == ("P04",)
    assert findings.blockers("recycling", 0) == ()
    assert not findings.refused[0]


def test_recycled_pack_is_refused_with_a_way_out():
    refusal = findings_of(with_events(event("recycled_done", "2025-01-01"))).refusal(0)
    assert refusal.id == "R01"
    assert "valuation day before" in refusal.effect


def test_pack_is_not_refused_for_what_happens_later():
    findings = findings_of(with_events(event("recycled_done", "2025-01-01")), as_of=date(2024, 12, 31))
    assert not findings.refused[0]
    assert findings.refusal(0) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.from_type(PackHistory), min_size=1, max_size=4))
def test_findings_keep_their_bounds_and_do_not_depend_on_the_batch(histories):
    findings = findings_of(*histories)
    assert ((findings.widen >= 1.0) & (findings.widen <= WIDEST)).all()
    assert np.isin(findings.tier, range(5)).all()
    assert np.isin(findings.grade, range(4)).all()
    for route, haircut in findings.haircut.items():
        assert ((haircut >= 0.0) & (haircut <= DEEPEST_HAIRCUT)).all()
        assert all(bool(findings.blockers(route, row)) == findings.blocked[route][row] for row in range(len(histories)))
    alone = findings_of(histories[-1])
    assert alone.numbers[0].tobytes() == findings.numbers[-1].tobytes()
    assert alone.cautions(0) == findings.cautions(len(histories) - 1)
