from datetime import date

import numpy as np
import pytest

from training.simulation.plan import SimulationPlan, day_number
from training.simulation.prices.payables import simulate_payables
from training.simulation.prices.price_paths import simulate_prices
from training.simulation.prices.quotes import publication_of, simulate_quotes

SEEDS = range(12)
CONTRACT_INSTRUMENTS = {
    "lithium_carbonate",
    "nickel_sulphate",
    "nickel",
    "cobalt_sulphate",
    "cobalt",
    "manganese_sulphate",
    "manganese",
    "copper",
    "aluminium",
    "steel",
    "graphite",
    "iron_phosphate",
    "new_pack_lfp",
    "new_pack_ternary",
    "second_life_discount",
    "usd_cny",
    "eur_cny",
}


@pytest.fixture(scope="module")
def monthly_returns():
    paths = [simulate_prices(SimulationPlan(packs=1, seed=seed)) for seed in SEEDS]
    names = ("lithium_carbonate", "cobalt", "nickel", "copper", "aluminium")

    def returns(path, name):
        days = len(path.days) // 21 * 21
        return np.diff(np.log(path.levels[name][:days].reshape(-1, 21).mean(axis=1)))

    return [{name: returns(path, name) for name in names} for path in paths]


@pytest.mark.parametrize(
    ("name", "measured"),
    [("lithium_carbonate", 0.13), ("cobalt", 0.10), ("nickel", 0.074), ("copper", 0.046), ("aluminium", 0.047)],
)
def test_monthly_volatility_is_that_of_the_real_series(monthly_returns, name, measured):
    simulated = np.mean([returns[name].std() for returns in monthly_returns])
    assert simulated == pytest.approx(
        measured, rel=0.20
    )  # sampling error of 150 months, and the bridge to the last level


def test_lithium_is_autocorrelated_and_metals_are_correlated(monthly_returns):
    def mean_correlation(one, other, lag=0):
        pairs = [(returns[one][lag:], returns[other][: len(returns[other]) - lag]) for returns in monthly_returns]
        return np.mean([np.corrcoef(a, b)[0, 1] for a, b in pairs])

    assert 0.45 < mean_correlation("lithium_carbonate", "lithium_carbonate", lag=1) < 0.75
    assert 0.35 < mean_correlation("nickel", "copper") < 0.65
    assert 0.50 < mean_correlation("copper", "aluminium") < 0.80
    assert 0.05 < mean_correlation("lithium_carbonate", "cobalt") < 0.45


def test_the_boom_raises_lithium_six_to_fifteen_fold_and_the_crash_reverts_it():
    lifts, falls = [], []
    for seed in SEEDS:
        paths = simulate_prices(SimulationPlan(packs=1, seed=seed))
        lithium = dict(zip(paths.days.tolist(), paths.levels["lithium_carbonate"].tolist(), strict=True))
        before, peak, after = (
            lithium[day_number(day)] for day in (date(2020, 11, 16), date(2022, 11, 15), date(2024, 3, 1))
        )
        lifts.append(peak / before)
        falls.append(after / peak)
    assert 6.0 < np.median(lifts) < 15.0
    assert 0.08 < np.median(falls) < 0.35


def test_the_boom_can_be_moved_or_left_out():
    def peak_day(**options):
        tops = []
        for seed in SEEDS:
            paths = simulate_prices(SimulationPlan(packs=1, seed=seed, **options))
            tops.append(paths.days[np.argmax(paths.levels["lithium_carbonate"])])
        return float(np.median(tops))

    assert peak_day(boom_peak_on=date(2024, 6, 3)) == pytest.approx(day_number(date(2024, 6, 3)), abs=60)
    calm = simulate_prices(SimulationPlan(packs=1, seed=1, boom_peak_on=None))
    wild = simulate_prices(SimulationPlan(packs=1, seed=1))
    assert wild.levels["lithium_carbonate"].max() > 2.0 * calm.levels["lithium_carbonate"].max()


def test_the_last_levels_look_like_those_of_2026():
    last = [simulate_prices(SimulationPlan(packs=1, seed=seed)).levels for seed in SEEDS]
    for name, level in (("lithium_carbonate", 150_000), ("nickel", 130_000), ("cobalt", 320_000), ("copper", 108_000)):
        assert np.median([path[name][-1] for path in last]) == pytest.approx(level, rel=0.15)


def test_payables_lag_lithium_and_fall_slower_than_they_rise():
    plan = SimulationPlan(packs=1, seed=3)
    paths = simulate_prices(plan)
    lithium = paths.levels["lithium_carbonate"]
    payable = simulate_payables(plan, paths)["payable_li_lfp"]
    target = 0.719 + 0.105 * np.log(lithium / 80_000.0)
    trimmed = np.clip(target, 0.05, 0.92)
    assert np.corrcoef(payable, trimmed)[0, 1] > 0.85
    gap_after_rise = np.abs(target - payable)[np.gradient(np.log(lithium)) > 0.004]
    gap_after_fall = np.abs(target - payable)[np.gradient(np.log(lithium)) < -0.004]
    assert gap_after_fall.mean() > gap_after_rise.mean()


def test_before_the_redefinition_lithium_is_paid_through_nickel_and_cobalt():
    turn = date(2023, 2, 13)
    plan = SimulationPlan(packs=1, seed=3, payables_redefined_on=turn)
    paths = simulate_prices(plan)
    payables = simulate_payables(plan, paths)
    before = paths.days < day_number(turn)
    assert np.isnan(payables["payable_li_ternary"][before]).all()
    assert not np.isnan(payables["payable_li_ternary"][~before]).any()
    ratio = (
        payables["payable_ni_ternary"] / simulate_payables(SimulationPlan(packs=1, seed=3), paths)["payable_ni_ternary"]
    )
    assert ratio[before].min() > 1.05
    assert ratio[~before].max() == pytest.approx(1.0)


def test_quotes_cover_every_instrument_for_twelve_years():
    plan = SimulationPlan(packs=1, seed=1)
    quotes = simulate_quotes(plan)
    assert set(quotes.instruments) >= CONTRACT_INSTRUMENTS
    assert {"payable_li_lfp", "payable_ni_ternary", "payable_co_ternary"} <= set(quotes.instruments)
    for number, name in enumerate(quotes.instruments):
        days = quotes.quoted_on[quotes.instrument == number]
        assert days.max() <= plan.last_day
        assert days.max() > plan.last_day - 25, name
        assert days.min() < plan.last_day - 12 * 365, name
        assert np.diff(days).max() <= 30, name  # nothing goes stale by itself
    assert (quotes.price > 0.0).all()


def test_as_of_reads_the_last_quote_and_never_a_later_one():
    quotes = simulate_quotes(SimulationPlan(packs=1, seed=1))
    mine = quotes.instrument == quotes.instruments.index("copper")
    days, prices = quotes.quoted_on[mine], quotes.price[mine]
    asked = np.array([days[10] - 0.0, days[11] - 1.0, days[0] - 1.0])
    assert quotes.as_of("copper", asked)[0] == prices[10]
    assert quotes.as_of("copper", asked)[1] == prices[10]
    assert np.isnan(quotes.as_of("copper", asked)[2])


def test_goods_are_quoted_with_tax_and_fractions_without():
    assert publication_of("nickel_sulphate") == ("CNY/t", True)
    assert publication_of("new_pack_lfp") == ("CNY/kWh", True)
    assert publication_of("second_life_discount") == ("fraction", False)
