"""Behaviour of buyers: each parameter changes the value in its stated direction, and has no effect at its default."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from valuation.condition.health import assess_health
from valuation.ingest.quotes.read_market import read_market
from valuation.pack.materials import metal_content
from valuation.pack.nameplate import read_nameplate
from valuation.provenance.run_checks import run_checks
from valuation.record.cases import cut
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.assumptions import CHINA
from valuation.routes.buyer_behaviour import (
    damage_tolerance,
    momentum_factor,
    perceived_health,
    willingness_to_pay,
    worst_incident,
)
from valuation.routes.reuse import age_a
from valuation.routes.structural_value import price_routes

AS_OF = date(2026, 11, 20)
QUOTES = b"""quoted_on,instrument,price,unit,vat_included,region,source
2026-11-18,lithium_carbonate,130000,CNY/t,false,CN,x
2026-11-18,nickel_sulphate,28000,CNY/t,false,CN,x
2026-11-18,cobalt_sulphate,65000,CNY/t,false,CN,x
2026-11-18,copper,95000,CNY/t,false,CN,x
2026-11-18,new_pack_lfp,420,CNY/kWh,false,CN,x
2026-11-18,new_pack_ternary,640,CNY/kWh,false,CN,x
"""
THUMB = replace(CHINA, rule_of_thumb=1.0)


def pack(**more):
    return PackHistory(**({"chemistry": "LFP", "rated_energy_kwh": 50.0, "made_on": date(2021, 6, 1)} | more))


def bench(*histories):
    """Compute all inputs of the prices, as the dossier does."""
    table = tabulate(histories)
    cases = cut(table, np.full(table.rows, day_number(AS_OF)))
    nameplate = read_nameplate(cases)
    health = assess_health(cases, nameplate)
    today = read_market(QUOTES).on(cases.as_of_day).for_packs(nameplate.chemistry)
    return [cases, nameplate, health, today, metal_content(cases, nameplate), run_checks(cases, nameplate, health)]


def event(kind_of_event, **facts):
    return TraceEvent(type=kind_of_event, on=date(2026, 6, 1), facts=facts)


def crashed(severity=0.9, **more):
    return pack(events=(event("negative", kind="accident", severity=severity),), **more)


def worth(*histories, **assumed):
    return price_routes(*bench(*histories), assumptions=replace(CHINA, **assumed)).structural_per_kwh


def seen(history, assumptions):
    cases, nameplate, health, *_ = bench(history)
    return perceived_health(health, cases, age_a(cases, nameplate), assumptions)


def test_without_calibration_buyers_use_the_valuer_s_estimate():
    cases, nameplate, health, *_ = bench(pack())
    assert perceived_health(health, cases, age_a(cases, nameplate), CHINA) is health


def test_the_rule_of_thumb_assumes_more_wear_for_a_taxi_than_a_private_car():
    private, taxi = (float(seen(pack(duty=duty), THUMB).soh[0]) for duty in ("private", "taxi"))
    assert taxi < private - 0.03


def test_the_last_bms_reading_counts_with_its_hidden_loss_deducted():
    reported = pack(events=(event("usage", soh=0.85),))
    trusting = float(seen(reported, replace(THUMB, bms_sd=0.001)).soh[0])
    wary = float(seen(reported, replace(THUMB, bms_sd=0.001, bms_flattery=1.3)).soh[0])
    assert trusting == pytest.approx(0.84, abs=0.01)
    assert wary == pytest.approx(trusting - 0.045, abs=0.005)


def test_a_bms_reading_at_the_cap_counts_as_one_below_it():
    at_cap, near, lower = (
        float(seen(pack(events=(event("usage", soh=soh),)), THUMB).soh[0]) for soh in (1.0, 0.99, 0.9)
    )
    assert at_cap == near > lower


def test_a_severe_accident_is_accepted_by_fewer_buyers():
    cases = bench(pack(), crashed(0.5), crashed(0.9))[0]
    assert worst_incident(cases).tolist() == [0.0, 0.5, 0.9]
    assert damage_tolerance(cases, CHINA).tolist() == [1.0, 1.0, 1.0]
    assert damage_tolerance(cases, replace(CHINA, severity_limit=0.7)).round(6).tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize("field", ["severity_limit", "keen_harm", "softness_share"])
@pytest.mark.parametrize("kind", ["fire", "water", "swelling", "leak"])
def test_no_behaviour_of_buyers_reopens_a_closed_route(kind, field):
    drowned = pack(events=(event("negative", kind=kind, severity=0.2),))
    routes = price_routes(*bench(drowned), assumptions=replace(CHINA, **{field: 3.0}))
    assert [bool(routes.open[route][0]) for route in ("recycling", "second_life", "reuse")] == [True, False, False]
    assert routes.probability["second_life"][0] == routes.probability["reuse"][0] == 0.0
    assert routes.structural_per_kwh[0] == worth(drowned)[0]


def test_bids_follow_the_trend_only_with_calibration():
    market = bench(pack())[3]
    cheaper = market.shifted({"lithium_carbonate": 0.5})
    assert momentum_factor(market, cheaper, CHINA) == 1.0
    follows = replace(CHINA, momentum=0.2)
    assert momentum_factor(market, None, follows) == 1.0
    assert np.all(momentum_factor(market, cheaper, follows) > 1.05)
    assert np.all(momentum_factor(cheaper, market, follows) < 0.95)
    assert np.all(momentum_factor(market, market, follows) == 1.0)


def test_a_fixed_cost_per_pack_lowers_small_packs_more():
    tested = (event("tested", method="lab", soh=0.85),)  # so that both are of one health
    small, large = pack(rated_energy_kwh=10.0, events=tested), pack(rated_energy_kwh=100.0, events=tested)
    lost = worth(small, large) - worth(small, large, recycling_cny=150.0, further_use_cny=150.0)
    assert 14.0 < lost[0] < 30.0  # 15 CNY/kWh on the route taken, and something of what recycling costs later
    assert lost[1] == pytest.approx(lost[0] / 10.0, rel=0.25)


@pytest.mark.parametrize("field", ["premium_falls", "search_cny_per_kwh", "age_discount_per_a"])
def test_discounts_of_buyers_lower_the_value(field):
    histories = [pack(chemistry="NMC622", made_on=date(2018, 6, 1), duty="swap")]
    before = worth(*histories)
    after = worth(*histories, **{field: {"premium_falls": 0.8, "search_cny_per_kwh": 20.0}.get(field, 0.05)})
    assert np.all(after < before)


NEW = {"chemistry": "LFP", "made_on": date(2023, 6, 1)}
AGAIN = "001PB0A0000001A6800"  # the code of a second-life product has nineteen characters


@pytest.mark.parametrize(
    ("field", "history"),
    [
        ("keen_age_per_a", pack(made_on=date(2018, 6, 1))),
        ("keen_harm", crashed(0.3, **NEW)),
        ("keen_missing", pack(missing_modules=2.0, **NEW)),
        ("keen_damaged", pack(events=(event("removed", condition="damaged"),), **NEW)),
        ("keen_again", pack(battery_code=AGAIN, **NEW)),
    ],
)
def test_lower_willingness_to_pay_lowers_further_use_but_not_recycling(field, history):
    sound = pack(chemistry="LFP", made_on=date(2020, 11, 20))
    taken = {field: 0.1}
    assert worth(history, **taken)[0] < worth(history)[0]
    assert worth(sound, **taken)[0] == pytest.approx(worth(sound)[0], rel=1e-3)
    routes = [price_routes(*bench(history), assumptions=replace(CHINA, **more)) for more in ({}, taken)]
    assert routes[0].value_per_kwh["recycling"].tolist() == routes[1].value_per_kwh["recycling"].tolist()


def test_willingness_to_pay_is_one_without_calibration():
    assert willingness_to_pay(bench(crashed())[0], np.array([9.0]), CHINA) == 1.0
