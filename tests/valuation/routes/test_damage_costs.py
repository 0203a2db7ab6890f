"""Hazards and damage cost money: every condition and severity is worth at most the milder one, in both regions."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from valuation.dossier import build_dossier
from valuation.ingest.quotes.read_market import read_market
from valuation.record.cases import cut
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.assumptions import CHINA, EUROPE
from valuation.routes.damage_costs import CONDITIONS, INCIDENTS

AS_OF = date(2026, 11, 20)
QUOTES = """quoted_on,instrument,price,unit,vat_included,region,source
2026-11-18,lithium_carbonate,130000,CNY/t,false,CN,x
2026-11-18,nickel_sulphate,28000,CNY/t,false,CN,x
2026-11-18,cobalt_sulphate,65000,CNY/t,false,CN,x
2026-11-18,copper,95000,CNY/t,false,CN,x
2026-11-18,aluminium,21000,CNY/t,false,CN,x
2026-11-18,new_pack_lfp,420,CNY/kWh,false,CN,x
2026-11-18,new_pack_ternary,640,CNY/kWh,false,CN,x
"""
MARKETS = {"CN": read_market(QUOTES.encode()), "EU": read_market(QUOTES.replace(",CN,", ",EU,").encode())}
CHEMISTRIES = ("LFP", "NMC523", "NMC811", "LMO", "LCO", "LTO", "NIMH")
SEVERITIES = tuple(np.linspace(0.0, 1.0, 101).round(2).tolist())
ROUNDING = 1e-9
SEEN = ("intact", "opened", *CONDITIONS)


def event(kind_of_event, on=date(2026, 6, 1), **facts):
    return TraceEvent(type=kind_of_event, on=on, facts=facts)


def pack(*events, chemistry="LFP", soh=0.9):
    tested = event("tested", method="lab", soh=soh)
    return PackHistory(
        chemistry=chemistry, rated_energy_kwh=60.0, made_on=date(2022, 6, 1), duty="swap", events=(tested, *events)
    )


def seen_as(condition):
    return event("removed", condition=condition)


def incident(kind, severity, on=date(2026, 5, 1)):
    facts = {"kind": kind} if severity is None else {"kind": kind, "severity": severity}
    return event("negative", on, **facts)


def routes_of(*histories, region="CN"):
    table = tabulate(histories)
    cases = cut(table, np.full(table.rows, day_number(AS_OF)))
    return build_dossier(cases, MARKETS[region], region=region).routes


def worth(*histories, region="CN"):
    return routes_of(*histories, region=region).structural_per_kwh


def never_rises(values):
    return (np.diff(values) <= ROUNDING).all()


@pytest.mark.parametrize("region", MARKETS)
@pytest.mark.parametrize("soh", [0.6, 0.8, 0.95])
@pytest.mark.parametrize("chemistry", CHEMISTRIES)
def test_every_condition_is_worth_at_most_the_milder_one(chemistry, soh, region):
    values = worth(*(pack(seen_as(one), chemistry=chemistry, soh=soh) for one in SEEN), region=region)
    assert never_rises(values)
    sound, damaged, burned = (values[SEEN.index(one)] for one in ("intact", "damaged", "burned"))
    assert sound > damaged > burned


@pytest.mark.parametrize("region", MARKETS)
@pytest.mark.parametrize("kind", INCIDENTS)
def test_every_severity_is_worth_at_most_the_milder_one(kind, region):
    for chemistry in CHEMISTRIES:
        for soh in (0.6, 0.8, 0.95):
            sound = pack(chemistry=chemistry, soh=soh)
            harmed = [pack(incident(kind, severity), chemistry=chemistry, soh=soh) for severity in SEVERITIES]
            values = worth(sound, *harmed, region=region)
            assert never_rises(values)
            assert values[0] > values[-1]


@pytest.mark.parametrize("kind", ["accident", "isolation_fault"])
def test_without_an_inspection_too_a_severe_accident_is_worth_at_most_the_milder_one(kind):
    crashed = date(2026, 7, 1)  # after the test of the pack
    harmed = [pack(incident(kind, severity, crashed)) for severity in SEVERITIES]
    values = worth(pack(), *harmed)
    assert never_rises(values)
    assert worth(pack(incident(kind, None, crashed)))[0] == pytest.approx(worth(pack(incident(kind, 0.5, crashed)))[0])


@pytest.mark.parametrize("kind", INCIDENTS)
def test_severity_acts_gradually_until_a_route_closes(kind):
    """One hundredth of severity never costs more than 2 % of a sound pack where the same routes stay open."""
    routes = routes_of(*(pack(incident(kind, severity)) for severity in SEVERITIES))
    values = routes.structural_per_kwh
    same = np.ones(len(values) - 1, dtype=np.bool_)
    for is_open in routes.open.values():
        same &= is_open[1:] == is_open[:-1]
    assert same.sum() >= 98
    assert (np.diff(values)[same] >= -0.02 * worth(pack())[0]).all()
    assert values[60] < values[20]


def test_the_worse_a_fire_the_less_a_burned_pack_pays_down_to_a_disposal():
    burned = [pack(seen_as("burned"), incident("fire", severity)) for severity in SEVERITIES]
    values = worth(*burned)
    assert never_rises(values)
    assert values[0] > 0.0 > values[-1]
    steps = np.diff(values)
    assert steps.min() > -0.06 * worth(pack())[0]  # no step from a price to a disposal


@pytest.mark.parametrize(("region", "assumed"), [("CN", CHINA), ("EU", EUROPE)])
def test_a_leaking_pack_costs_its_handling_by_mass_and_region(region, assumed):
    routes = routes_of(pack(soh=0.5), pack(seen_as("leaking"), soh=0.5), region=region)
    kg_per_kwh = routes.terms["cost:transport"][0] / -assumed.transport_cny_per_kg
    handling = -(assumed.damaged_cny_per_kg + assumed.dangerous_cny_per_kg) * kg_per_kwh
    assert routes.terms["cost:handling"].tolist() == pytest.approx([0.0, handling])
    assert routes.terms["metal:Li"][1] == pytest.approx(0.91 * routes.terms["metal:Li"][0], rel=0.005)
    assert assumed.disposal_cny_per_kg >= assumed.damaged_cny_per_kg + assumed.dangerous_cny_per_kg


def test_a_severe_accident_needs_an_inspection_before_a_second_life():
    crash = incident("accident", 0.8, date(2026, 7, 1))
    inspected = event("maintained", date(2026, 8, 1), work="inspection")
    early = replace(inspected, on=date(2026, 6, 15))
    routes = routes_of(pack(crash), pack(crash, early), pack(crash, inspected), pack(incident("accident", 0.4)))
    assert routes.open["second_life"].tolist() == [False, False, True, True]
    assert routes.open["reuse"].tolist() == [False, False, False, True]
    assert routes.blocked_by("second_life", 0) == ("U17",)
    sound = worth(pack())[0]
    assert sound > routes.structural_per_kwh[3] > routes.structural_per_kwh[2] > routes.structural_per_kwh[0]
