"""Sales excluded from training because findings close their route: with and without a stated route."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.dossier import build_dossier
from valuation.ingest.quotes.read_market import read_market
from valuation.record.cases import cut
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.closed_sales import closing_findings, find_closed_sales
from valuation.routes.route_choice import ROUTES

AS_OF = date(2026, 11, 20)
MARKET = read_market(b"""quoted_on,instrument,price,unit,vat_included,region,source
2026-11-18,lithium_carbonate,130000,CNY/t,false,CN,x
2026-11-18,nickel_sulphate,28000,CNY/t,false,CN,x
2026-11-18,cobalt_sulphate,65000,CNY/t,false,CN,x
2026-11-18,copper,95000,CNY/t,false,CN,x
2026-11-18,new_pack_lfp,420,CNY/kWh,false,CN,x
2026-11-18,new_pack_ternary,640,CNY/kWh,false,CN,x
""")


def event(kind_of_event, reported_on=None, **facts):
    return TraceEvent(type=kind_of_event, on=date(2026, 6, 1), reported_on=reported_on, facts=facts)


def pack(*events, soh=0.92, **more):
    tested = event("tested", method="lab", soh=soh)
    plate = {"chemistry": "LFP", "rated_energy_kwh": 50.0, "made_on": date(2022, 6, 1)}
    return PackHistory(**(plate | more), events=(tested, *events))


WET = event("negative", kind="water", severity=0.3)
CRASHED = event("negative", kind="accident", severity=0.9)


def routes_of(*histories):
    table = tabulate(histories)
    return build_dossier(cut(table, np.full(table.rows, day_number(AS_OF))), MARKET).routes


def said(history, route):
    found = find_closed_sales(routes_of(history), [route])
    return "certain" if found.certain[0] else "ambiguous" if found.ambiguous[0] else "kept"


@pytest.mark.parametrize(
    ("history", "route", "expected"),
    [
        (pack(WET), "second_life", "certain"),
        (pack(WET), "reuse", "certain"),
        (pack(WET), "recycling", "kept"),
        (pack(CRASHED), "reuse", "certain"),
        (pack(CRASHED), "second_life", "kept"),
        (pack(), "reuse", "kept"),
        (pack(), None, "kept"),
        (pack(WET), None, "ambiguous"),  # second life would fetch more than recycling
        (pack(WET), "storage in a shed", "ambiguous"),  # no route of ours is stated
        (pack(WET, soh=0.35), None, "kept"),  # no second-life buyer: recycling is the best route
        (pack(WET, chemistry="NIMH"), None, "kept"),  # closed by its chemistry too: no buyer had a reason
        (pack(event("negative", reported_on=date(2026, 11, 21), kind="water", severity=0.3)), "second_life", "kept"),
        (pack(event("negative", reported_on=date(2026, 11, 20), kind="water", severity=0.3)), "reuse", "certain"),
    ],
)
def test_a_sale_into_a_closed_route_is_excluded(history, route, expected):
    assert said(history, route) == expected


def test_a_sale_without_a_route_is_certain_if_all_routes_are_closed():
    routes = routes_of(pack(WET))
    everything = replace(routes.findings, blocked={route: np.array([True]) for route in ROUTES})
    shut = replace(routes, findings=everything, open={route: np.array([False]) for route in ROUTES})
    found = find_closed_sales(shut, [None])
    assert (found.certain.tolist(), found.ambiguous.tolist()) == ([True], [False])


def test_the_findings_are_named_by_the_route_they_close():
    assert closing_findings(routes_of(pack(WET)), 0) == "second_life U10, reuse U10"
    assert closing_findings(routes_of(pack(CRASHED)), 0) == "reuse U13"
    assert closing_findings(routes_of(pack()), 0) == ""


closing_events = st.sampled_from([WET, CRASHED, event("collected_in", condition="swollen"), event("recycled_in")])


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(closing_events, max_size=3, unique_by=id),
    soh=st.floats(0.3, 1.0),
    chemistry=st.sampled_from(["LFP", "NMC622", "NMC811", "LMO", "NIMH"]),
    stated=st.sampled_from([None, *ROUTES]),
)
def test_all_sales_on_blocked_routes_and_no_others_are_excluded(events, soh, chemistry, stated):
    routes = routes_of(pack(*events, soh=soh, chemistry=chemistry))
    found = find_closed_sales(routes, [stated])
    blocked = {route: bool(routes.findings.blocked[route][0]) for route in ROUTES}
    if stated is not None:
        assert bool(found.certain[0]) == blocked[stated]
        assert not found.ambiguous[0]
    if not any(blocked.values()):
        assert not found.kept_out[0]
    if stated is None and not found.kept_out[0]:
        dearest_open = max(routes.value_per_kwh[route][0] for route in ROUTES if routes.open[route][0])
        lawful_otherwise = [
            route
            for route in ROUTES
            if blocked[route] and not any(where[0] for where in routes.closures[route].values())
        ]
        assert all(routes.value_per_kwh[route][0] <= dearest_open for route in lawful_otherwise)
