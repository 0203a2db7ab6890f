"""Properties of the structural value for any pack and market: directions, sums, one row equals a batch."""

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.condition.health import assess_health
from valuation.dossier import build_dossier
from valuation.errors import MissingQuote
from valuation.ingest.quotes.read_market import read_market
from valuation.numeric.asinh_scale import from_scale, to_scale
from valuation.pack.materials import metal_content
from valuation.pack.nameplate import read_nameplate
from valuation.provenance.run_checks import run_checks
from valuation.record.cases import cut
from valuation.record.history import Module, PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate
from valuation.routes.assumptions import CHINA
from valuation.routes.recycling import missing_quotes
from valuation.routes.second_life import price_second_life
from valuation.routes.structural_value import ROUTES, TERM_LABELS, price_routes

AS_OF = date(2026, 11, 20)
HEAD = "quoted_on,instrument,price,unit,vat_included,region,source\n"
QUOTES = {
    "lithium_carbonate": (130_000.0, "CNY/t"),
    "nickel_sulphate": (28_000.0, "CNY/t"),
    "cobalt_sulphate": (65_000.0, "CNY/t"),
    "manganese_sulphate": (5_500.0, "CNY/t"),
    "copper": (95_000.0, "CNY/t"),
    "aluminium": (21_000.0, "CNY/t"),
    "steel": (2_400.0, "CNY/t"),
    "new_pack_lfp": (420.0, "CNY/kWh"),
    "new_pack_ternary": (640.0, "CNY/kWh"),
}
PAYABLES = {"payable_li_lfp": 0.75, "payable_li_ternary": 0.73, "payable_ni_ternary": 0.76, "payable_co_ternary": 0.76}
TRADED = ("LFP", "NMC", "NMC111", "NMC523", "NMC622", "NMC811", "NCA", "LMO", "LCO", "LTO", "NIMH", "NAION", "OTHER")


def market_of(quotes, on=date(2026, 11, 18)):
    lines = [f"{on},{name},{price},{unit},false,CN,x" for name, (price, unit) in quotes.items()]
    return read_market((HEAD + "\n".join(lines)).encode())


MARKET = market_of(QUOTES)


def pack(chemistry="LFP", **more):
    return PackHistory(**({"chemistry": chemistry, "rated_energy_kwh": 50.0, "made_on": date(2021, 6, 1)} | more))


def bench(*histories, market=MARKET, as_of=AS_OF):
    """Compute all inputs of the prices, as the dossier does."""
    table = tabulate(histories)
    cases = cut(table, np.full(table.rows, day_number(as_of)))
    nameplate = read_nameplate(cases)
    health = assess_health(cases, nameplate)
    today = market.on(cases.as_of_day).for_packs(nameplate.chemistry)
    return [cases, nameplate, health, today, metal_content(cases, nameplate), run_checks(cases, nameplate, health)]


def price(*histories, soh=None, soh_sd=0.02, shift=None, assumptions=None, **options):
    laid_out = bench(*histories, **options)
    if soh is not None:
        rows = len(histories)
        level = np.broadcast_to(np.asarray(soh, dtype=np.float64), (rows,)).copy()
        laid_out[2] = replace(laid_out[2], soh=level, soh_sd=np.full(rows, soh_sd))
    if shift:
        laid_out[3] = laid_out[3].shifted(shift)
    return price_routes(*laid_out, assumptions=assumptions)


def bench_second_life(history):
    """Return the terms of a second life of one pack of the bench."""
    _, nameplate, health, today, metals, _ = bench(history)
    return price_second_life(nameplate, health, today, metals, np.zeros(1), CHINA)


def value(*histories, **options):
    return price(*histories, **options).structural_per_kwh


chemistries = st.sampled_from(TRADED)
sohs = st.floats(0.3, 1.05)
uncertainties = st.floats(0.005, 0.08)
factors = st.floats(0.05, 6.0)
quick = settings(deadline=None, max_examples=40)
ROUNDING = 1e-9  # summation of some twenty terms of a few hundred CNY


@quick
@given(chemistries, st.lists(sohs, min_size=2, max_size=2), uncertainties, factors)
def test_better_health_is_never_worth_less(chemistry, pair, soh_sd, factor):
    shift = {"lithium_carbonate": factor, "new_pack_lfp": 1.3}
    worse, better = value(pack(chemistry), pack(chemistry), soh=sorted(pair), soh_sd=soh_sd, shift=shift)
    assert better >= worse - ROUNDING


@quick
@given(chemistries, sohs, uncertainties, st.sampled_from(sorted(QUOTES)), st.lists(factors, min_size=2, max_size=2))
def test_no_price_may_rise_and_take_the_value_down(chemistry, soh, soh_sd, instrument, pair):
    low, high = (
        value(pack(chemistry), soh=soh, soh_sd=soh_sd, shift={instrument: factor})[0] for factor in sorted(pair)
    )
    assert high >= low - ROUNDING


@quick
@given(
    st.sampled_from(("LFP", "NMC622")),
    sohs,
    st.sampled_from(sorted(PAYABLES)),
    st.floats(0.1, 1.2),
    st.floats(0.1, 1.2),
)
def test_a_higher_payable_is_never_worth_less(chemistry, soh, name, one, other):
    low, high = (
        value(pack(chemistry), soh=soh, market=market_of(QUOTES | {name: (payable, "fraction")}))[0]
        for payable in sorted((one, other))
    )
    assert high >= low - ROUNDING


COSTS = [
    field.name
    for field in fields(CHINA)
    if field.name.endswith(("_per_kg", "_per_kwh")) and "softness" not in field.name
]


@quick
@given(chemistries, sohs, st.sampled_from(COSTS), st.floats(1.0, 20.0))
def test_a_higher_cost_is_never_worth_more(chemistry, soh, name, factor):
    surcharge = replace(CHINA, **{name: getattr(CHINA, name) * factor})
    assert value(pack(chemistry), soh=soh, assumptions=surcharge)[0] <= value(pack(chemistry), soh=soh)[0] + ROUNDING


@quick
@given(chemistries, sohs, st.floats(0.0, 3.0), st.floats(0.0, 3.0))
def test_risen_resistance_is_never_worth_more(chemistry, soh, one, other):
    laid_out = bench(pack(chemistry), pack(chemistry))
    growth = np.array(sorted((one, other)))
    laid_out[2] = replace(laid_out[2], soh=np.full(2, soh), soh_sd=np.full(2, 0.02), resistance_growth=growth)
    lower, higher = price_routes(*laid_out).structural_per_kwh
    assert higher <= lower + ROUNDING


@quick
@given(chemistries, sohs, st.floats(0.05, 20.0))
def test_value_adds_in_kwh(chemistry, soh, times):
    one, many = value(pack(chemistry), pack(chemistry, rated_energy_kwh=50.0 * times), soh=soh)
    assert many == pytest.approx(one, rel=1e-9)


@quick
@given(chemistries, sohs, factors)
def test_terms_add_up_to_the_value_exactly_and_probabilities_to_one(chemistry, soh, factor):
    routes = price(pack(chemistry), soh=soh, shift={"lithium_carbonate": factor})
    total = 0.0
    for term in routes.terms.values():
        total = total + term[0]
    assert total == routes.structural_per_kwh[0]
    assert set(routes.terms) <= set(TERM_LABELS)
    assert sum(routes.probability[route][0] for route in ROUTES) == pytest.approx(1.0)
    for route in ROUTES:
        assert routes.open[route][0] or routes.probability[route][0] == 0.0
        assert routes.open[route][0] == (not routes.blocked_by(route, 0))


@quick
@given(chemistries, sohs, uncertainties)
def test_the_value_is_at_least_recycling_and_its_spread_is_finite(chemistry, soh, soh_sd):
    routes = price(pack(chemistry), soh=soh, soh_sd=soh_sd)
    assert routes.structural_per_kwh[0] >= routes.value_per_kwh["recycling"][0] - ROUNDING
    assert 0.05 < routes.scale_sd[0] < 2.0
    assert np.isfinite(routes.structural_per_kwh[0])


@quick
@given(st.lists(st.tuples(chemistries, sohs), min_size=2, max_size=6))
def test_one_row_equals_its_row_in_a_batch_bit_for_bit(rows):
    batch = price(*(pack(chemistry) for chemistry, _ in rows), soh=[soh for _, soh in rows])
    for row, (chemistry, soh) in enumerate(rows):
        alone = price(pack(chemistry), soh=soh)
        assert alone.structural_per_kwh[0] == batch.structural_per_kwh[row]
        assert alone.scale_sd[0] == batch.scale_sd[row]
        for route in ROUTES:
            assert alone.value_per_kwh[route][0] == batch.value_per_kwh[route][row]
            assert alone.probability[route][0] == batch.probability[route][row]
        assert all(alone.terms[name][0] == batch.terms[name][row] for name in batch.terms)


def test_iron_phosphate_at_the_lithium_of_2020_costs_a_gate_fee():
    # October 2020: lithium carbonate 38,694 CNY/t, copper about 51,000, aluminium about 14,700 (all with VAT); an old
    # heavy pack with a poor copper payable is what a recycler asked money for.
    quotes = {
        "lithium_carbonate": (38_694 / 1.13, "CNY/t"),
        "copper": (51_000 / 1.13, "CNY/t"),
        "aluminium": (14_700 / 1.13, "CNY/t"),
    }
    old = pack(made_on=date(2014, 6, 1))
    cheap = price(old, soh=0.6, market=market_of(quotes, on=date(2020, 10, 26)), as_of=date(2020, 11, 1))
    today = price(old, soh=0.6)
    assert cheap.structural_per_kwh[0] < 0.35 * today.structural_per_kwh[0]
    poor = {f"payable_{metal}_lfp": (0.2, "fraction") for metal in ("li", "cu", "al")}
    gate_fee = price(old, soh=0.6, market=market_of(quotes | poor, on=date(2020, 10, 26)), as_of=date(2020, 11, 1))
    assert gate_fee.structural_per_kwh[0] < 0.0
    assert gate_fee.scale_sd[0] > cheap.scale_sd[0]


def test_recycling_hardly_depends_on_health():
    low, high = price(pack(), pack(), soh=[0.5, 1.0]).value_per_kwh["recycling"]
    assert 0.80 < low / high < 1.0


def test_the_value_of_ternary_follows_nickel_and_that_of_iron_phosphate_does_not():
    lfp, ternary = value(pack(), pack("NMC622"), soh=0.6)
    lfp_up, ternary_up = value(pack(), pack("NMC622"), soh=0.6, shift={"nickel_sulphate": 1.5})
    assert lfp_up == lfp
    assert ternary_up > 1.05 * ternary


@pytest.mark.parametrize("soh_sd", [0.005, 0.02, 0.05])
def test_the_value_has_no_kink_where_a_second_life_begins(soh_sd):
    """Half a point of health changes the slope by less than 0.6 CNY/kWh, whatever the uncertainty."""
    grid = np.linspace(0.60, 0.98, 77)
    bend = np.abs(np.diff(value(*[pack()] * len(grid), soh=grid, soh_sd=soh_sd), 2))
    assert bend.max() < 0.6


@pytest.mark.parametrize("chemistry", ["LCO", "NIMH", "OTHER"])
def test_chemistries_without_a_second_life_market_are_recycled(chemistry):
    routes = price(pack(chemistry), soh=0.95)
    assert routes.blocked_by("second_life", 0) == ("K01",)
    assert ROUTES[int(routes.best[0])] == "recycling"


def test_a_worn_pack_is_recycled_and_a_good_one_gets_a_second_life():
    routes = price(pack(made_on=date(2016, 1, 1)), pack(), soh=[0.55, 0.93])
    assert [ROUTES[int(best)] for best in routes.best] == ["recycling", "second_life"]
    assert "K02" in routes.blocked_by("second_life", 0)


def test_a_young_swap_pack_goes_back_into_its_fleet():
    routes = price(pack(duty="swap", made_on=date(2025, 1, 1)), soh=0.90, shift={"new_pack_lfp": 1.2})
    assert routes.open["reuse"][0]
    assert ROUTES[int(routes.best[0])] == "reuse"


def test_a_pack_for_which_a_vehicle_is_seldom_found_mostly_takes_another_route():
    routes = price(pack(), pack("NMC622"), soh=0.80, soh_sd=0.005)
    assert routes.open["reuse"].all()
    assert [ROUTES[int(best)] for best in routes.best] == ["second_life", "recycling"]
    assert ((routes.probability["reuse"] > 0.0) & (routes.probability["reuse"] <= 0.1)).all()


def test_without_a_vehicle_a_pack_for_reuse_takes_the_better_of_the_other_routes():
    """A two-year-old swap pack was worth less on reuse than on a second life, as reuse fell back to recycling."""
    grid = np.linspace(0.82, 1.0, 19)
    routes = price(*[pack(duty="swap", made_on=date(2024, 11, 20))] * len(grid), soh=grid, soh_sd=0.005)
    better = np.maximum(routes.value_per_kwh["recycling"], routes.value_per_kwh["second_life"])
    assert (routes.value_per_kwh["reuse"] > better).all()
    assert (routes.structural_per_kwh >= better).all()
    total = sum(routes.probability[route] for route in ROUTES)
    np.testing.assert_allclose(total, 1.0, rtol=1e-12)
    assert (routes.probability["second_life"] > routes.probability["recycling"]).all()


@pytest.mark.parametrize("day_quotes", [{}, {"lithium_carbonate": 0.45, "new_pack_lfp": 0.95}], ids=["2026", "slack"])
@pytest.mark.parametrize("duty", ["private", "taxi", "bus", "logistics", "swap", "other"])
@pytest.mark.parametrize("method", ["lab", "quick", "bms"])
def test_one_point_of_health_moves_a_value_by_little(method, duty, day_quotes):
    """At most the larger of 8 % and 4 CNY/kWh, for every chemistry and age, however health was read."""
    grid = np.linspace(0.40, 1.0, 61).round(2)
    for made in (date(2024, 6, 1), date(2021, 6, 1), date(2018, 6, 1)):
        packs = []
        for chemistry in TRADED:
            for soh in grid.tolist():
                facts = {"soh": soh, "soh_source": "bms"} if method == "bms" else {"soh": soh, "method": method}
                read = TraceEvent(type="usage" if method == "bms" else "tested", on=date(2026, 11, 10), facts=facts)
                packs.append(pack(chemistry, duty=duty, made_on=made, events=(read,)))
        worth = value(*packs, shift=day_quotes).reshape(len(TRADED), len(grid))
        step = np.diff(worth, axis=1)
        assert (step >= -ROUNDING).all()
        assert (step <= np.maximum(0.08 * np.abs(worth[:, :-1]), 4.0)).all()


def test_a_retired_iron_phosphate_pack_is_bought_for_a_share_of_a_new_one():
    """15 to 35 % of a new pack at .75 to .85 health; the band at .80 covers the published range of purchases."""
    grid = np.array([0.75, 0.80, 0.85])
    for shift in ({}, {"lithium_carbonate": 0.45}, {"new_pack_lfp": 1.3}):
        routes = price(*[pack()] * 3, soh=grid, shift=shift)
        new = QUOTES["new_pack_lfp"][0] * shift.get("new_pack_lfp", 1.0)
        share = routes.structural_per_kwh / new
        assert ((share > 0.15) & (share < 0.36)).all()
        step = 1.6449 * routes.scale_sd[1]
        low, high = from_scale(to_scale(routes.structural_per_kwh[1]) + np.array([-step, step])) / new
        assert low <= 0.13
        assert high >= 0.50
    assert ((price(*[pack()] * 3, soh=grid).structural_per_kwh / 420.0) < 0.35).all()


def test_health_counts_once_as_energy_and_once_as_life():
    """Sale price per remaining kWh: it falls with the life left only, from .95 to .70 by a third, not to a quarter."""
    second_life = bench_second_life(pack())
    soh = np.array([[0.95], [0.85], [0.70]])
    per_remaining = second_life.revenue(soh) / soh
    assert per_remaining[2, 0] / per_remaining[0, 0] == pytest.approx(0.72, abs=0.06)
    assert (per_remaining / 420.0 < 0.70).all()  # below the 30 % under new that sellers of repurposed packs ask


def test_resistance_and_spread_count_only_beyond_what_health_explains():
    def with_test(**facts):
        return pack(events=(TraceEvent(type="tested", on=date(2026, 10, 1), facts={"method": "lab"} | facts),))

    usual, grown, uneven = value(
        with_test(soh=0.85, resistance_growth=0.10),
        with_test(soh=0.85, resistance_growth=0.60),
        with_test(soh=0.85, cell_soh_spread=0.10),
    )
    plain = value(with_test(soh=0.85))[0]
    assert usual == plain
    assert plain > max(grown, uneven)


def test_a_borrowed_price_of_new_packs_is_scaled_to_europe():
    """A Chinese price of new packs met European costs, and a second life cost 200 CNY/kWh."""
    table = tabulate(
        [pack(events=(TraceEvent(type="tested", on=date(2026, 10, 1), facts={"method": "lab", "soh": 0.9}),))]
    )
    cases = cut(table, np.full(1, day_number(AS_OF)))
    borrowed = build_dossier(cases, MARKET, region="EU").routes.value_per_kwh["second_life"][0]
    lines = [f"2026-11-18,{name},{price},{unit},false,EU,x" for name, (price, unit) in QUOTES.items()]
    own = build_dossier(cases, read_market((HEAD + "\n".join(lines)).encode()), region="EU")
    assert borrowed > 0.0
    assert borrowed > own.routes.value_per_kwh["second_life"][0]


def test_a_pack_with_missing_modules_or_of_great_age_is_not_put_back():
    whole = tuple(Module() for _ in range(8))
    routes = price(pack(modules=whole, missing_modules=2.0), pack(made_on=date(2015, 1, 1)), pack(), soh=0.95)
    assert "K03" in routes.blocked_by("reuse", 0)
    assert "K04" in routes.blocked_by("reuse", 1)
    assert not {"K03", "K04"} & set(routes.blocked_by("reuse", 2))


def test_without_a_quote_of_the_new_pack_only_recycling_is_priced():
    quotes = {name: quote for name, quote in QUOTES.items() if not name.startswith("new_pack")}
    routes = price(pack(), soh=0.95, market=market_of(quotes))
    assert routes.blocked_by("second_life", 0) == ("K06",)
    assert "K06" in routes.blocked_by("reuse", 0)
    assert routes.value_per_kwh["second_life"][0] == 0.0
    assert routes.structural_per_kwh[0] == pytest.approx(routes.value_per_kwh["recycling"][0])


def test_findings_close_routes_and_deduct_their_haircut():
    laid_out = bench(pack(), pack())
    laid_out[2] = replace(laid_out[2], soh=np.full(2, 0.9), soh_sd=np.full(2, 0.01))
    closed = np.array([True, False])
    findings = laid_out[5]
    laid_out[5] = replace(findings, blocked=dict(findings.blocked) | {"second_life": closed, "reuse": closed})
    routes = price_routes(*laid_out)
    assert routes.open["second_life"].tolist() == [False, True]
    assert routes.structural_per_kwh[0] < routes.structural_per_kwh[1]
    assert routes.terms["premium:second_life"][0] == 0.0
    laid_out[5] = replace(findings, haircut=dict(findings.haircut) | {"recycling": np.array([0.1, 0.0])})
    cut_off = price_routes(*laid_out)
    gross = sum(cut_off.terms[name][0] for name in cut_off.terms if name.startswith("metal:"))
    assert cut_off.terms["haircut:recycling"][0] == pytest.approx(-0.1 * gross)


@pytest.mark.parametrize(
    ("chemistry", "lacking"),
    [
        ("LFP", "lithium_carbonate"),
        ("NMC622", "nickel_sulphate"),
        ("NMC622", "cobalt_sulphate"),
        ("NIMH", "nickel_sulphate"),
    ],
)
def test_without_a_vital_price_there_is_no_value_and_the_error_names_it(chemistry, lacking):
    quotes = {name: quote for name, quote in QUOTES.items() if name != lacking}
    with pytest.raises(MissingQuote, match=lacking) as caught:
        price(pack(chemistry), market=market_of(quotes))
    assert caught.value.field == lacking
    assert "2026-11-20" in str(caught.value)


def test_missing_quotes_are_found_before_pricing():
    quotes = {name: quote for name, quote in QUOTES.items() if name != "nickel_sulphate"}
    _, nameplate, _, today, metals, _ = bench(pack(), pack("NMC622"), pack("LMO"), market=market_of(quotes))
    missing = missing_quotes(nameplate, today, metals)
    assert list(missing) == [1]
    assert missing[1].field == "nickel_sulphate"


def test_iron_phosphate_needs_no_nickel_and_no_quote_later_than_its_day():
    quotes = {name: QUOTES[name] for name in ("lithium_carbonate", "copper", "aluminium", "new_pack_lfp")}
    assert value(pack(), market=market_of(quotes))[0] > 0.0
    with pytest.raises(MissingQuote):
        price(pack(), market=market_of(quotes, on=date(2026, 11, 21)))


def test_unquoted_copper_has_no_value_but_widens_the_band():
    quotes = {name: quote for name, quote in QUOTES.items() if name != "copper"}
    full, lacking = price(pack(), soh=0.5), price(pack(), soh=0.5, market=market_of(quotes))
    assert lacking.terms["metal:Cu"][0] == 0.0
    assert lacking.scale_sd[0] > 1.5 * full.scale_sd[0]


def test_known_facts_narrow_the_band():
    stated = {"lithium_kg": 5.4, "nickel_kg": 22.5, "cobalt_kg": 9.0, "copper_kg": 20.0, "aluminium_kg": 52.0}
    spread = price(pack("NMC"), pack("NMC523"), pack("NMC523", composition=stated), soh=0.5).scale_sd
    assert spread[0] > spread[1] > spread[2]
    code_alone, with_energy = price(
        PackHistory(battery_code="001PB0A0000001B680000123"),
        PackHistory(battery_code="001PB0A0000001B680000123", rated_energy_kwh=50.0),
        soh=0.6,
    ).scale_sd
    assert code_alone > 1.5 * with_energy


def test_old_quotes_widen_the_band():
    fresh, stale = (
        price(pack(), soh=0.5, market=market_of(QUOTES, on=on)).scale_sd[0] for on in (AS_OF, date(2025, 11, 20))
    )
    assert stale > 1.2 * fresh


def test_a_later_quote_or_a_later_report_changes_nothing():
    late = TraceEvent(
        type="tested", on=date(2026, 11, 1), reported_on=date(2026, 12, 1), facts={"method": "lab", "soh": 0.6}
    )
    quotes = market_of(QUOTES)
    doubled = {name: (2.0 * number, unit) for name, (number, unit) in QUOTES.items()}
    lines = [f"2026-11-18,{name},{number},{unit},false,CN,x" for name, (number, unit) in QUOTES.items()]
    lines += [f"2026-11-21,{name},{number},{unit},false,CN,x" for name, (number, unit) in doubled.items()]
    with_future = read_market((HEAD + "\n".join(lines)).encode())
    plain, looked_ahead = value(pack(), market=quotes), value(pack(events=(late,)), market=with_future)
    assert plain[0] == looked_ahead[0]


def of_modules(*soh):
    return tuple(Module(soh=one) for one in soh)


@pytest.mark.parametrize("chemistry", ["LFP", "NMC523"])
def test_a_pack_with_one_weak_module_is_opened(chemistry):
    """Seven strong modules and a weak one were worth as much as eight weak ones."""
    good, one_weak, weak = (
        price(pack(chemistry, modules=of_modules(*soh))) for soh in ([0.96] * 8, [0.96] * 7 + [0.50], [0.50] * 8)
    )
    opening = 12.0 + 0.5 * 0.85 * 4.6
    recycling = one_weak.value_per_kwh["recycling"][0]
    by_hand = 7 / 8 * good.value_per_kwh["second_life"][0] + 1 / 8 * recycling - opening
    assert good.structural_per_kwh[0] > one_weak.structural_per_kwh[0] > weak.structural_per_kwh[0]
    assert one_weak.value_per_kwh["second_life"][0] == pytest.approx(by_hand, rel=0.03)
    assert one_weak.open["second_life"][0]
    assert not weak.open["second_life"][0]
    taken = one_weak.probability
    assert 0.0 < taken["second_life"][0] <= 7 / 8
    assert sum(taken[route][0] for route in ROUTES) == pytest.approx(1.0, abs=1e-12)


def test_a_weak_pack_is_worth_its_modules_only_where_a_second_life_is_open():
    mixed = of_modules(*[0.90] * 7, 0.60)
    swollen = TraceEvent(type="removed", on=date(2026, 6, 1), facts={"condition": "swollen"})
    closed = price(pack(modules=mixed, events=(swollen,)), pack(modules=of_modules(*[0.60] * 8), events=(swollen,)))
    assert closed.structural_per_kwh[0] == pytest.approx(closed.structural_per_kwh[1], rel=1e-9)
    assert closed.probability["second_life"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("strong", [0.80, 0.90])
def test_a_better_weak_module_never_lowers_the_value(strong):
    grid = np.linspace(0.40, strong, 60).round(3)
    worth = value(*(pack(modules=of_modules(*[strong] * 7, float(weak))) for weak in grid))
    assert (np.diff(worth) > -0.2).all()  # the uncertainty of a worse module is a little option value
    assert worth[-1] > worth[0]
