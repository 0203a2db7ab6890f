"""Recentring by reported sales: one reporter cannot move the market, and honest sales are followed."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.artifact.bundle import read_bundle
from models.artifact.predictor import Predictor
from models.artifact.recentring import (
    RecentredPredictor,
    Recentring,
    far_outside,
    recentre,
    recentring_summary,
    write_anchor,
)
from models.calibration.daily_price_level import GROUP_SIGMAS_PER_DAY, MARKET_SIGMAS_PER_DAY, _DailyTrace
from models.calibration.level_shift import LevelTracer, Stream
from models.calibration.reported_sales import ReportedSales, tracer_of
from models.calibration.robust_level import reporter_cap, robust_levels, robust_sigma
from models.inference.band import OUT_OF_FOLD, BandSettings, CalibrationScores
from models.inference.group_tree import learn_groups

DAYS = 60
SETTINGS = BandSettings()


@pytest.fixture(scope="module")
def predictor(bundle_folder):
    return Predictor(read_bundle(bundle_folder))


def reported(predictor, market, rows, seed=0, reporters=7):
    """Return honest sales of the test market over sixty days and by seven reporters."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(market.price), rows, replace=rows > len(market.price))
    day = np.sort(rng.integers(0, DAYS, rows)).astype(float)
    price, labels = market.price[chosen], market.groups[chosen].tolist()
    return ReportedSales(
        predicted=predictor.state.predict(market.table[chosen], market.base[chosen], labels),
        price=price,
        day=day,
        weight=np.ones(rows),
        labels=tuple(labels),
        reporter=tuple(f"r{one}" for one in rng.integers(0, reporters, rows)),
        pack=tuple(f"p{one}" for one in range(rows)),
    )


def fouled(sales, rows, factor, reporter=None):
    """Return the sales with the prices of some multiplied, optionally by one reporter."""
    price, names = sales.price.copy(), list(sales.reporter)
    price[rows] = np.abs(price[rows]) * factor
    for row in rows:
        names[row] = reporter or names[row]
    return replace(sales, price=price, reporter=tuple(names))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 999), day=st.integers(0, DAYS))
def test_neither_order_nor_later_sales_change_a_byte(predictor, market, seed, day):
    sales = reported(predictor, market, 40, seed)
    shuffled = sales.take(np.random.default_rng(seed).permutation(40))
    known = write_anchor(recentre(predictor, sales, float(day)))
    assert known == write_anchor(recentre(predictor, shuffled, float(day)))
    assert known == write_anchor(recentre(predictor, sales.take(sales.day <= day), float(day)))


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 9999), reporters=st.integers(0, 30), days=st.lists(st.integers(0, 90), min_size=2, max_size=7)
)
def test_a_kept_trace_gives_the_bits_of_a_new_one(predictor, market, seed, reporters, days):
    """Sales are recorded late, voided and corrected, and the days are computed in any order."""
    rng = np.random.default_rng(seed)
    names = ["", *(f"r{one}" for one in range(reporters))]
    chosen = np.where(rng.random(80) < 0.6, len(names) - 1, rng.integers(0, len(names), 80))  # one reports most
    sales = replace(reported(predictor, market, 80, seed), reporter=tuple(names[one] for one in chosen))
    recorded = sales.day + rng.choice([0, 0, 0, 2, 25], 80)
    corrected = recorded + rng.choice([3, 15, 999, 999, 999], 80)
    voided = recorded + rng.choice([1, 20, 999, 999, 999], 80)
    tracer = tracer_of(predictor.state)
    for day in days:
        reporter = tuple("r0" if told <= day else name for told, name in zip(corrected, sales.reporter, strict=True))
        price = np.where(corrected <= day, sales.price * 1.1, sales.price)
        now = replace(sales, price=price, reporter=reporter)
        now = now.take((recorded <= day) & (day < voided))
        kept, new = recentre(predictor, now, float(day), tracer), recentre(predictor, now, float(day))
        assert write_anchor(kept) == write_anchor(new)


def test_a_new_day_traces_only_its_own_day(predictor, market, monkeypatch):
    traced = []
    monkeypatch.setattr(
        _DailyTrace, "next_day", lambda self, *day, do=_DailyTrace.next_day: (traced.append(1), do(self, *day))[1]
    )
    sales = reported(predictor, market, 300)
    tracer = tracer_of(predictor.state)
    recentre(predictor, sales, 50.0, tracer)
    assert len(traced) == len(set(sales.day[sales.day <= 50.0]))
    for day, late, expected in ((51.0, False, 1), (51.0, False, 0), (52.0, False, 1), (52.0, True, 13)):
        traced.clear()
        now = sales.take((sales.day != 40.0) | (np.arange(300) % 2 == 0)) if late else sales
        recentre(predictor, now, day, tracer)
        assert len(traced) == expected  # a sale of day 40 less: that day and the twelve after it


def test_a_pack_counts_once_with_its_first_sale(predictor, market):
    sales = reported(predictor, market, 30)
    again = replace(sales, day=sales.day + 1.0, price=sales.price * 3.0)
    rows = np.tile(np.arange(30), 2)
    both = replace(
        sales.take(rows),
        price=np.concatenate([sales.price, again.price]),
        day=np.concatenate([sales.day, again.day]),
    )
    once, twice = recentre(predictor, sales, 90.0), recentre(predictor, both, 90.0)
    assert write_anchor(once) == write_anchor(twice)
    assert twice.sales == 30


def test_without_sales_the_band_is_the_trained_one(predictor, market):
    anchor = recentre(predictor, reported(predictor, market, 5), -1.0)
    assert anchor.sales == 0
    assert anchor.band is predictor.state.band


@settings(deadline=None, max_examples=40)
@given(
    weights=st.lists(st.floats(0.0, 100.0), min_size=1, max_size=60),
    reporters=st.integers(1, 9),
    groups=st.integers(1, 4),
    prior=st.floats(0.0, 40.0),
    seed=st.integers(0, 999),
)
def test_no_reporter_has_more_than_a_third_of_the_weight(weights, reporters, groups, prior, seed):
    rng = np.random.default_rng(seed)
    weight = np.array(weights)
    group = np.unique(rng.integers(0, groups, len(weight)), return_inverse=True)[1]
    reporter = rng.integers(0, reporters, len(weight))
    capped = reporter_cap(group, reporter, prior).capped(weight)
    assert np.all(capped <= weight + 1e-12)
    for one in range(int(group.max()) + 1):
        carried = np.bincount(reporter[group == one], weights=capped[group == one])
        assert carried.max() <= (carried.sum() + prior) / 3.0 + 1e-9
        before = np.bincount(reporter[group == one], weights=weight[group == one])
        if before.max() <= (before.sum() + prior) / 3.0:
            np.testing.assert_array_equal(capped[group == one], weight[group == one])


def summed_in_order(keys, weights):
    """Return the sum of the weights per key, added one sale after the other."""
    total = {}
    for key, weight in zip(keys, weights, strict=True):
        total[key] = total.get(key, 0.0) + weight
    return total


def test_the_cap_adds_weights_in_the_order_of_the_sales():
    """Another order of summation, such as pairwise sums, changes the last bits, and with them recomputed answers."""
    rng = np.random.default_rng(0)
    group, reporter = rng.integers(0, 3, 2000), rng.choice(4, 2000, p=[0.7, 0.1, 0.1, 0.1])
    weight, prior = rng.lognormal(0.0, 1.0, 2000), 2.0
    pairs, weights = list(zip(group.tolist(), reporter.tolist(), strict=True)), weight.tolist()
    total, carried = summed_in_order(group.tolist(), weights), summed_in_order(pairs, weights)
    expected = []
    for (place, name), own in zip(pairs, weights, strict=True):
        whole, most = total[place] + prior, max(carried[place, one] for one in range(4))
        is_capped = carried[place, name] == most > whole / 3.0
        expected.append(own * ((whole - most) / 2.0 / most) if is_capped else own)
    assert expected != weights
    assert reporter_cap(group, reporter, prior).capped(weight).tolist() == expected


def test_later_sales_do_not_change_the_capped_weights_of_earlier_ones():
    rng = np.random.default_rng(1)
    group, reporter, weight = rng.integers(0, 3, 900), rng.integers(0, 5, 900), rng.lognormal(0.0, 3.0, 900)
    alone = reporter_cap(group[:400], reporter[:400]).capped(weight[:400])
    np.testing.assert_array_equal(reporter_cap(group, reporter).capped(weight[:400]), alone)


def absorbed(residual, day, as_of, reporter=None):
    """Return the robust standard deviation of a training set, and the band after sales with given residuals."""
    rng = np.random.default_rng(0)
    tree, group = learn_groups([("a/x", "a/y", "b/z")[code] for code in rng.integers(0, 3, 300)])
    score = rng.normal(size=300)
    past = CalibrationScores(
        residual=0.15 * score, score=score, weight=np.ones(300), day=np.full(300, -30.0), group=group,
        kind=np.full(300, OUT_OF_FOLD),
    )  # fmt: skip
    known = day <= as_of
    rows = int(known.sum())
    sales = Stream(
        residual=residual[known], width=np.full(rows, 0.15), weight=np.ones(rows), day=day[known],
        group=np.arange(len(day))[known] % len(tree.names), reporter=None if reporter is None else reporter[known],
    )  # fmt: skip
    sigma = robust_sigma(past.residual, past.weight)
    return sigma, LevelTracer(past, tree, SETTINGS).absorb(sales, as_of + SETTINGS.label_delay_days)[1]


@settings(deadline=None, max_examples=12)
@given(seed=st.integers(0, 9999), size=st.sampled_from([0.1, 1.0, 20.0]), named=st.booleans())
def test_a_level_moves_by_a_bounded_amount_a_day(seed, size, named):
    rng = np.random.default_rng(seed)
    day = np.sort(rng.integers(0, 30, 80)).astype(float)
    residual = size * rng.standard_t(1.5, 80) + size * rng.integers(-1, 2)
    reporter = rng.integers(-1, 4, 80) if named else None
    days = [absorbed(residual, day, float(one), reporter) for one in range(-1, 34)]
    most = (MARKET_SIGMAS_PER_DAY + GROUP_SIGMAS_PER_DAY) * days[0][0] * 1.05  # the groups' own levels narrow sigma
    assert np.abs(np.diff([band.shift for _, band in days], axis=0)).max() <= most
    assert np.abs(np.diff([band.unseen_shift for _, band in days], axis=0)).max() <= most


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999), factor=st.sampled_from([0.0, 1e-6, 0.1, 1.5, 1e6, 1e12]), share=st.floats(0.0, 1.0))
def test_prices_stay_finite_and_quantiles_in_order(predictor, market, seed, factor, share):
    sales = reported(predictor, market, 60, seed)
    fouls = np.flatnonzero(np.random.default_rng(seed).random(60) < share)
    anchor = recentre(predictor, fouled(sales, fouls, factor), float(DAYS))
    levels = (0.001, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999)
    priced = RecentredPredictor(predictor, anchor, "").price(market.table, market.base, market.groups, levels)
    assert np.all(np.isfinite(priced.quantiles))
    assert np.all(np.isfinite(priced.point))
    assert np.all(np.diff(priced.quantiles, axis=1) >= 0.0)
    assert np.all(priced.quantiles[:, 2] <= priced.point)
    assert np.all(priced.point <= priced.quantiles[:, 4])


def test_one_sale_of_a_thousand_million_hardly_moves_a_value_even_if_it_counts(predictor, market):
    sales = reported(predictor, market, 1)
    false = replace(sales, price=np.array([999_999_999.0]))
    point = predictor.price(market.table, market.base, market.groups, ()).point
    anchor = recentre(predictor, false, 365.0)
    moved = RecentredPredictor(predictor, anchor, "").price(market.table, market.base, market.groups, ()).point
    worth = point > 60.0
    assert np.abs(moved[worth] / point[worth] - 1.0).max() < 0.06


def test_sales_of_one_yuan_make_no_value_negative(predictor, market):
    sales = replace(reported(predictor, market, 30), price=np.full(30, 1.0 / 50.0))
    point = predictor.price(market.table, market.base, market.groups, ()).point
    anchor = recentre(predictor, sales, 59.0)
    moved = RecentredPredictor(predictor, anchor, "").price(market.table, market.base, market.groups, ()).point
    assert np.all(moved[point > 20.0] > 0.0)  # nearer to zero the scale is a straight line


def test_a_sale_of_one_yuan_is_far_outside(predictor, market):
    sales = reported(predictor, market, 600)
    point = predictor.state.price_of(sales.predicted, np.zeros(0))[0]
    assert np.all(far_outside(predictor, replace(sales, price=np.full(600, 0.02)))[point > 60.0])


def test_only_sales_far_outside_are_flagged(predictor, market, make_market):
    fresh = make_market(400, 5)
    sales = reported(predictor, fresh, 400)
    assert np.mean(far_outside(predictor, sales)) < 0.05
    assert np.all(far_outside(predictor, replace(sales, price=sales.price + 1e9)))
    assert np.all(far_outside(predictor, replace(sales, price=np.full(400, np.nan))))


def test_false_sales_of_one_reporter_move_less_than_those_of_many(predictor, market):
    sales = reported(predictor, market, 200, 3)
    rows = np.arange(0, 200, 2)
    points = [
        RecentredPredictor(predictor, recentre(predictor, one, float(DAYS)), "")
        .price(market.table, market.base, market.groups, ())
        .point
        for one in (sales, fouled(sales, rows, 1.5, "r0"), fouled(sales, rows, 1.5))
    ]
    one, many = (np.median(np.abs(moved / points[0] - 1.0)) for moved in points[1:])
    assert one < 0.7 * many


def test_a_real_price_change_is_followed_with_a_wider_band(predictor, market):
    sales = reported(predictor, market, 400, 4)
    scale = predictor.state.scale
    turned = replace(sales, price=scale.back(scale.to(sales.price) - 0.3 * sales.day / DAYS))
    quiet, fallen = (recentre(predictor, one, float(DAYS)) for one in (sales, turned))
    moved = fallen.band.shift[0] - quiet.band.shift[0]
    assert -0.33 <= moved <= -0.2
    assert fallen.band.turn.widening > quiet.band.turn.widening
    assert -0.33 <= recentring_summary(predictor, predictor.state.band, fallen.band, turned).point <= -0.15


def test_the_influence_of_a_sale_is_bounded():
    residual = np.concatenate([np.zeros(20), [1e9]])
    level = robust_levels((residual, np.ones(21), np.zeros(21, dtype=int)), 10.0, np.zeros(1), 1.0)[0]
    assert 0.0 < level < 0.5 / 30.0 + 1e-9


def test_the_content_of_a_stored_anchor_has_not_changed():
    assert [field.name for field in fields(Recentring)] == [
        "model",
        "as_of",
        "sales",
        "band",
    ]  # older ones stay readable
