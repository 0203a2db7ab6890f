from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest

from training.simulation.event_fields import CHOICES, EVENT_TYPES, REPORTER_KINDS
from training.simulation.market_simulation import USUAL_DEMAND, simulate
from training.simulation.packs.offered_packs import NOT_TAMPERED, PACK_SWAPPED, SOH_EDITED
from training.simulation.plan import SimulationPlan, day_number
from training.simulation.sales.buyer_traits import draw_buyer_traits, trait_of_day
from training.simulation.sales.buyer_view import LAB_TEST, BuyerView, observe
from training.simulation.sales.pricing import RECYCLING, ROUTES, SECOND_LIFE, PricingInput, heavy_tailed, price
from valuation.battery_code.decoding import decode_many

PLAN = SimulationPlan(packs=20_000, seed=11)


@pytest.fixture(scope="module")
def market():
    return simulate(PLAN)


def asked_of(market, **changes):
    offers, fleet = market.offers, market.fleet
    recorded = fleet.recorded_model[offers.row]
    asked = PricingInput(
        view=market.view,
        region=offers.region,
        day=offers.sold_on.astype(float),
        maker=fleet.maker[offers.row],
        demand=np.where(recorded, market.models.demand[fleet.model[offers.row]], USUAL_DEMAND),
        ticket=np.zeros(len(offers.row)),
        quotes=market.quotes,
        traits=draw_buyer_traits(PLAN),
    )
    return replace(asked, **changes)


def test_between_a_third_and_two_thirds_of_the_packs_are_sold(market):
    assert 0.30 < len(market.deals.offer) / market.fleet.rows < 0.60
    assert len(np.unique(market.offers.row)) == len(market.offers.row)  # a pack is sold once
    routes = np.bincount(market.deals.route, minlength=3) / len(market.deals.route)
    assert routes.min() > 0.05


def test_the_true_band_has_nominal_coverage(market):
    """Ten thousand deals: the standard error of the coverage is 0.3 points, slightly more as lots are correlated."""
    inside = market.deals.price_without_vat >= market.deals.lower90
    inside &= market.deals.price_without_vat <= market.deals.upper90
    assert inside.mean() == pytest.approx(0.90, abs=0.01)
    low = (market.deals.price_without_vat < market.deals.lower90).mean()
    assert low == pytest.approx(0.05, abs=0.01)
    assert (market.deals.lower90 < market.deals.expected).all()
    assert (market.deals.expected < market.deals.upper90).all()


@pytest.fixture(scope="module")
def inside_by_seed():
    """Whether each deal is inside its true band, with its attributes, in three markets."""
    columns = []
    for seed in (21, 22, 23):
        market = simulate(replace(PLAN, seed=seed))
        deals, view = market.deals, market.view
        inside = (deals.price_without_vat >= deals.lower90) & (deals.price_without_vat <= deals.upper90)
        kept = deals.offer
        columns.append([inside, deals.route, view.tier[kept], view.chemistry[kept], market.offers.lot[kept] >= 0])
    return [np.concatenate(column) for column in zip(*columns, strict=True)]


@pytest.mark.parametrize("by", [1, 2, 3, 4], ids=["route", "tier", "chemistry", "lot"])
def test_the_true_band_has_nominal_coverage_in_every_segment(inside_by_seed, by):
    """Only noise separates price and expectation, so no segment has lower coverage."""
    inside, segment = inside_by_seed[0], inside_by_seed[by]
    assert inside.mean() == pytest.approx(0.90, abs=0.006)
    for code in np.unique(segment):
        mine = inside[segment == code]
        if len(mine) >= 1_000:  # lots bargain once: about half as many independent deals
            error = 3.0 * np.sqrt(0.09 / (0.5 * len(mine)))
            assert mine.mean() == pytest.approx(0.90, abs=max(error, 0.01)), code


def test_close_routes_are_mixed_and_clear_ones_are_the_best(market):
    route_offers = np.where(np.isnan(market.priced.route_offers), -np.inf, market.priced.route_offers)
    ordered = np.sort(route_offers, axis=1)
    clear = ordered[:, 2] - ordered[:, 1] > 0.5 * np.abs(ordered[:, 2])
    assert clear.mean() > 0.1
    assert (market.priced.route[clear] == route_offers[clear].argmax(axis=1)).mean() > 0.98
    assert 0.6 < (market.priced.route == route_offers.argmax(axis=1)).mean() < 0.98
    assert market.priced.route_offers.shape[1] == len(ROUTES)


def test_the_expected_price_is_the_mean_of_the_deals(market):
    standardised = (market.deals.price_without_vat - market.deals.expected) / (
        market.deals.upper90 - market.deals.expected
    )
    assert standardised.mean() == pytest.approx(0.0, abs=0.03)


def test_the_noise_has_unit_spread_and_heavier_tails():
    z = np.random.default_rng(0).standard_normal(400_000)
    noise = heavy_tailed(z)
    assert noise.std() == pytest.approx(1.0, abs=0.005)
    assert (np.abs(noise) > 3.0).mean() > 1.5 * (np.abs(z) > 3.0).mean()


def test_some_prices_are_negative_and_most_of_them_mean_recycling(market):
    negative = market.deals.price_cny < 0.0
    assert 0.002 < negative.mean() < 0.08
    assert (market.deals.route[negative] == RECYCLING).mean() > 0.9


def test_tampering_has_the_planned_rate_and_hides_worse_packs(market):
    offers = market.offers
    first = market.fleet.parent[offers.row] < 0
    assert (offers.tampering[first] != NOT_TAMPERED).mean() == pytest.approx(PLAN.tampering_share, abs=0.002)
    believed = market.view.health - offers.true_soh
    honest = believed[offers.tampering == NOT_TAMPERED].mean()
    assert abs(honest) < 0.03
    assert believed[offers.tampering == PACK_SWAPPED].mean() > honest + 0.05
    assert market.view.doubt[offers.tampering == SOH_EDITED].mean() > 0.2
    assert market.view.doubt[offers.tampering == NOT_TAMPERED].mean() < 0.05


def test_every_evidence_tier_occurs_and_better_evidence_is_more_accurate(market):
    error = np.abs(market.view.health - market.offers.true_soh)[market.offers.tampering == NOT_TAMPERED]
    tier = market.view.tier[market.offers.tampering == NOT_TAMPERED]
    by_tier = [error[tier == level].mean() for level in range(5)]
    assert np.bincount(tier, minlength=5).min() > 20
    assert by_tier[LAB_TEST] < by_tier[3] < by_tier[2] < by_tier[1]
    assert by_tier[LAB_TEST] < 0.012


def test_nothing_happens_before_birth_or_is_reported_before_it_happened(market):
    events = market.events
    assert (events.reported_on >= events.on).all()
    assert (events.reported_on <= PLAN.last_day).all()
    assert (events.on >= market.fleet.made_on[events.row]).all()
    order = np.lexsort((events.type, events.on, events.row))
    assert (order == np.arange(len(order))).all()


def test_the_events_of_a_life_are_in_order(market):
    lives, offers = market.lives, market.offers
    assert (market.fleet.made_on < lives.installed_on).all()
    assert (lives.installed_on <= lives.first_sold_on).all()
    assert (lives.first_sold_on < lives.retired_on).all()
    assert (offers.sold_on > lives.retired_on[offers.row]).all()
    opens = PLAN.last_day - PLAN.years * 365.25
    assert offers.sold_on.min() >= opens
    assert offers.sold_on.max() <= PLAN.last_day
    ended = np.isin(
        market.events.type, [EVENT_TYPES.index(name) for name in ("recycled_in", "recycled_done", "dismantled")]
    )
    sold_on = np.zeros(market.fleet.rows)
    sold_on[offers.row] = offers.sold_on
    assert (market.events.on[ended] > sold_on[market.events.row[ended]]).all()
    assert (sold_on[market.events.row[ended]] > 0.0).all()


def test_every_event_type_occurs_and_most_reports_are_in_time_but_not_all(market):
    counts = np.bincount(market.events.type, minlength=len(EVENT_TYPES))
    assert (counts > 0).all()
    scrapped = market.events.type == EVENT_TYPES.index("vehicle_scrapped")
    recent = scrapped & (market.events.on > day_number(date(2019, 8, 1)))
    delay = (market.events.reported_on - market.events.on)[recent]
    late = (delay > 21).mean()  # fifteen working days
    assert 0.03 < late < 0.20
    early = market.events.on < day_number(date(2018, 8, 1))
    assert ((market.events.reported_on - market.events.on)[early] > 365).mean() > 0.1  # back-filled


def test_records_have_gaps_unless_the_plan_excludes_them(market):
    complete = simulate(SimulationPlan(packs=800, seed=3, silence=0.0))
    assert complete.fleet.recorded_energy.mean() > 0.98  # but for codes alone
    produced = np.bincount(complete.events.row[complete.events.type == 0], minlength=complete.fleet.rows)
    assert (produced[~complete.fleet.code_only] == 1).mean() > 0.97
    assert 0.85 < market.fleet.recorded_energy.mean() < 0.97
    assert (market.fleet.code_only).any()
    silent = np.bincount(market.events.row, minlength=market.fleet.rows)
    assert (silent[market.fleet.code_only] == 0).all()


def test_every_code_is_valid_or_an_old_maker_code(market):
    fleet = market.fleet
    codes = [code.decode() for code in fleet.code]
    assert len(set(codes)) == len(codes)
    assert codes == sorted(codes)
    read = decode_many(codes, np.full(len(codes), float(PLAN.last_day)))
    normal, product = ~fleet.legacy & (fleet.parent < 0), fleet.parent >= 0
    assert {len(code) for code, old in zip(codes, fleet.legacy, strict=True) if old} == {17}
    assert {len(code) for code, new in zip(codes, product, strict=True) if new} == {19}
    assert (read.columns["made_day"][normal | product] == fleet.made_on[normal | product]).all()
    assert (fleet.made_on[fleet.legacy] < day_number(date(2019, 8, 1))).all()


def test_chemistries_follow_the_years(market):
    fleet = market.fleet
    late, early = fleet.made_on > day_number(date(2024, 1, 1)), fleet.made_on < day_number(date(2019, 1, 1))
    assert (fleet.chemistry[late] == 0).mean() > (fleet.chemistry[early] == 0).mean() + 0.1
    assert len(np.unique(fleet.chemistry)) >= 11


def test_second_life_products_descend_from_packs_sold_for_second_life(market):
    fleet, offers = market.fleet, market.offers
    parents = fleet.parent[fleet.parent >= 0]
    assert len(parents) > 50
    place = np.full(fleet.rows, -1)
    place[offers.row] = np.arange(len(offers.row))
    assert (market.priced.route[place[parents]] == SECOND_LIFE).all()
    assert (fleet.made_on[fleet.parent >= 0] > offers.sold_on[place[parents]]).all()


def test_lots_share_day_region_buyer_and_tax(market):
    deals, offers = market.deals, market.offers
    lot = offers.lot[deals.offer]
    assert (lot >= 0).mean() > 0.2
    for column in (
        offers.sold_on[deals.offer],
        offers.region[deals.offer],
        offers.seller[deals.offer],
        deals.buyer,
        deals.vat_included,
    ):
        spread = np.zeros(lot.max() + 1)
        np.maximum.at(spread, lot[lot >= 0], column[lot >= 0].astype(float))
        assert (column[lot >= 0] == spread[lot[lot >= 0]]).all()
    totals = np.bincount(lot[lot >= 0], weights=deals.price_cny[lot >= 0])
    assert deals.lot_price_cny[lot >= 0] == pytest.approx(totals[lot[lot >= 0]], abs=0.01)


def test_buyers_see_only_what_was_reported_by_the_day(market):
    """Later reports and unrecorded true values do not affect the price: both are scrambled here."""
    fleet, offers = market.fleet, market.offers
    cut = np.zeros(fleet.rows)
    cut[offers.row] = offers.sold_on
    seen = market.events.where(market.events.reported_on <= cut[market.events.row])
    unrecorded = {
        "energy_kwh": ~fleet.recorded_energy & ~fleet.recorded_capacity,
        "mass_kg": ~fleet.recorded_mass,
    }
    scrambled = {
        name: np.where(mask, getattr(fleet, name) * 1.7, getattr(fleet, name)) for name, mask in unrecorded.items()
    }
    scrambled["metal_kg"] = np.where(fleet.recorded_metals[:, None], fleet.metal_kg, 99.0)
    scrambled["depth"], scrambled["km_per_year"] = fleet.depth * 0.0, fleet.km_per_year * 3.0
    other = replace(fleet, **scrambled)
    view = BuyerView(row=offers.row, day=offers.sold_on, events=seen, missing_modules=market.missing_modules)
    view = observe(other, market.models, view)
    for field in fields(view):
        np.testing.assert_array_equal(getattr(view, field.name), getattr(market.view, field.name), err_msg=field.name)


def test_pricing_again_gives_the_same_prices(market):
    again = price(asked_of(market))
    np.testing.assert_array_equal(again.expected, market.priced.expected)


def test_recycling_does_not_depend_on_health_and_second_life_rises_with_it(market):
    base = price(asked_of(market))
    weaker = price(asked_of(market, view=replace(market.view, health=market.view.health - 0.02)))
    np.testing.assert_array_equal(base.route_offers[:, 0], weaker.route_offers[:, 0])
    both = ~np.isnan(base.route_offers[:, 1]) & ~np.isnan(weaker.route_offers[:, 1])
    assert both.sum() > 1000
    assert (weaker.route_offers[both, 1] <= base.route_offers[both, 1] + 1e-9).all()
    assert (weaker.expected <= base.expected + 1e-6).mean() > 0.999


def test_buyers_pay_a_premium_in_the_boom_and_a_discount_in_the_crash(market):
    """The margin over the route values follows the lithium trend of the last four months."""
    day = market.offers.sold_on.astype(float)
    swing = np.log(
        market.quotes.as_of("lithium_carbonate", day) / market.quotes.as_of("lithium_carbonate", day - 120.0)
    )
    asked = asked_of(market)
    margin = trait_of_day(asked.region, day, asked.quotes, asked.traits)
    assert margin[swing > 0.3].mean() > 1.02
    assert margin[swing < -0.3].mean() < 0.98


def test_choices_of_the_record_are_those_of_the_contract():
    assert set(EVENT_TYPES) == {
        "produced", "installed", "sold", "owner_changed", "usage", "maintained", "negative", "swapped_in",
        "swapped_out", "tested", "retired", "removed", "vehicle_scrapped", "collected_in", "collected_out",
        "second_life_out", "dismantled", "recycled_in", "recycled_done",
    }  # fmt: skip
    assert set(REPORTER_KINDS) == {
        "battery_maker", "vehicle_maker", "swap_operator", "repair_shop", "dismantler", "recycler", "service_outlet",
        "importer", "owner",
    }  # fmt: skip
    assert set(CHOICES["work"]) == {
        "inspection", "cooling", "bms", "balancing", "module_replaced", "cell_replaced", "seal", "other",
    }  # fmt: skip
    assert set(CHOICES["kind"]) == {
        "accident", "fire", "water", "overcharge", "deep_discharge", "over_temperature", "isolation_fault", "recall",
        "swelling", "leak", "other",
    }  # fmt: skip
    assert set(CHOICES["condition"]) == {"intact", "opened", "damaged", "burned", "corroded", "swollen", "leaking"}
    assert set(CHOICES["method"]) == {"lab", "quick", "bms"}
    assert set(CHOICES["soh_source"]) == {"bms", "quick_test", "lab_test", "certificate"}
    assert set(CHOICES["soh_definition"]) == {"capacity", "energy", "resistance"}


@pytest.mark.parametrize("wrong", [{"packs": 0}, {"years": 0.2}, {"tampering_share": 1.5}])
def test_a_plan_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match="out of range"):
        SimulationPlan(**({"packs": 10, "seed": 1} | wrong))


def test_the_ledger_can_give_only_the_total_of_a_lot():
    whole = simulate(replace(PLAN, packs=1_500, lots_priced_as_one=1.0))
    in_lot = whole.offers.lot[whole.deals.offer] >= 0
    assert in_lot.any()
    assert (whole.deals.itemised == ~in_lot).all()


@pytest.mark.parametrize("packs", [1, 2, 40])
def test_tiny_markets_work(packs):
    tiny = simulate(SimulationPlan(packs=packs, seed=5))
    assert tiny.fleet.rows >= packs
