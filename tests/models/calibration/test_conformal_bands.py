from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration.conformal_bands import level_shifts
from models.calibration.level_shift import Stream, anchor, rebuild, score_stream
from models.calibration.score_weights import effective_rows
from models.inference.band import (
    GROUP_LEFT_OUT,
    LEVELS,
    OUT_OF_FOLD,
    PREQUENTIAL,
    REPORTED,
    BandSettings,
    CalibrationScores,
)
from models.inference.group_tree import learn_groups

SETTINGS = BandSettings()
NAN = float("nan")


def records_of(score, group, kind=OUT_OF_FOLD, day=NAN, residual=0.0):
    rows = len(score)
    return CalibrationScores(
        residual=np.full(rows, residual),
        score=np.asarray(score, dtype=float),
        weight=np.ones(rows),
        day=np.full(rows, day) if np.isscalar(day) else day,
        group=group,
        kind=np.full(rows, kind),
    )


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 200),
    groups=st.integers(1, 12),
    seed=st.integers(0, 999),
    spread=st.floats(0.0, 100.0),
)
def test_quantiles_are_finite_and_do_not_cross_for_any_sales(rows, groups, seed, spread):
    rng = np.random.default_rng(seed)
    labels = [f"{'a' if code % 2 else 'b'}/{code}" for code in rng.integers(0, groups, rows)]
    tree, group = learn_groups(labels)
    records = records_of(spread * rng.standard_t(2, rows), group).joined(
        records_of(spread * rng.standard_t(2, rows), group, kind=GROUP_LEFT_OUT)
    )
    band = rebuild(records, tree, SETTINGS, NAN)
    for table in (band.quantiles, band.unseen):
        assert np.all(np.isfinite(table))
        assert np.all(np.diff(table, axis=1) >= 0.0)
        assert np.all(table[:, LEVELS < 0.5] <= 0.0)
        assert np.all(table[:, LEVELS > 0.5] >= 0.0)


def test_a_large_pool_covers_at_the_nominal_level():
    rng = np.random.default_rng(0)
    tree, group = learn_groups([""] * 4000)
    band = rebuild(records_of(rng.gamma(2.0, 1.0, 4000) - 1.678, group), tree, SETTINGS, NAN)
    fresh = rng.gamma(2.0, 1.0, 50_000) - 1.678  # less the median of this gamma
    none, known = np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool)
    low, high = band.read(none, known, 0.05)[0], band.read(none, known, 0.95)[0]
    assert np.mean((fresh >= low) & (fresh <= high)) == pytest.approx(0.9, abs=0.012)


def test_a_wide_group_gets_a_wide_band_and_a_small_one_leans_on_its_parent():
    rng = np.random.default_rng(1)
    labels = ["calm/x"] * 1000 + ["wild/y"] * 1000 + ["wild/z"] * 4
    score = np.concatenate([rng.normal(size=1000), 4.0 * rng.normal(size=1000), np.zeros(4)])
    tree, group = learn_groups(labels)
    band = rebuild(records_of(score, group), tree, SETTINGS, NAN)
    found, known = tree.find(["calm/x", "wild/y", "wild/z", "wild/new", "new/new"])
    high = band.read(found, known, 0.95)
    assert high[1] > 2.5 * high[0]
    assert high[2] > 0.8 * high[1]
    assert high[3] > high[1]
    assert known.tolist() == [True, True, True, False, False]
    assert [tree.names[code] for code in found] == ["calm/x", "wild/y", "wild/z", "wild", ""]


def test_leave_group_out_residuals_give_the_band_of_a_new_group():
    rng = np.random.default_rng(2)
    tree, group = learn_groups([f"g{code}" for code in rng.integers(0, 40, 2000)])
    calm = records_of(rng.normal(size=2000), group)
    quiet = rebuild(calm.joined(records_of(rng.normal(size=2000), group, kind=GROUP_LEFT_OUT)), tree, SETTINGS, NAN)
    loud = rebuild(calm.joined(records_of(5 * rng.normal(size=2000), group, kind=GROUP_LEFT_OUT)), tree, SETTINGS, NAN)
    found, known = tree.find(["never"])
    assert loud.read(found, known, 0.95)[0] > 3.0 * quiet.read(found, known, 0.95)[0]


def test_levels_between_the_grid_are_interpolated_and_ends_are_held():
    tree, group = learn_groups([""] * 500)
    band = rebuild(records_of(np.random.default_rng(3).normal(size=500), group), tree, SETTINGS, NAN)
    none, known = np.zeros(1, dtype=np.int64), np.ones(1, dtype=bool)
    values = [band.read(none, known, level)[0] for level in (1e-9, 0.001, 0.012, 0.02, 0.5, 0.955, 0.9999999)]
    assert np.all(np.diff(values) >= 0.0)
    assert values[4] == 0.0


def test_effective_rows_counts_equal_weights():
    assert effective_rows(np.ones(7)) == 7.0
    assert effective_rows(np.zeros(3)) == 0.0


def test_shifts_are_shrunk_towards_the_parent():
    tree, group = learn_groups(["a"] * 1000 + ["b"] * 2)
    residual = np.concatenate([np.full(1000, 0.3), np.full(2, -0.5)])
    shift = level_shifts(residual, np.ones(1002), group, tree, (0.0001, 30.0))
    assert shift[tree.names.index("a")] == pytest.approx(0.3, abs=0.01)
    assert shift[tree.names.index("b")] == pytest.approx(0.3 - 0.8 * 2 / 32, abs=0.01)


def stream(days, residual):
    rows = len(days)
    return Stream(
        residual=residual, width=np.ones(rows), weight=np.ones(rows), day=days, group=np.zeros(rows, dtype=np.int64)
    )


def test_the_band_follows_a_falling_market_only_after_recentring():
    tree, group = learn_groups([""] * 100)
    past = records_of(np.zeros(100), group, day=0.0)
    days = np.arange(0.0, 200.0)
    live = score_stream(stream(days, np.full(200, -0.4)), past, tree, SETTINGS)
    known = past.joined(live)
    assert anchor(known, tree, SETTINGS, 25.0)[0] == 0.0  # no price is known before its delay is over
    assert anchor(known, tree, SETTINGS, 200.0)[0] == pytest.approx(-0.4, abs=0.06)
    assert live.score[0] == pytest.approx(-0.4)
    assert abs(live.score[-1]) < 0.1


def test_unreported_sales_change_nothing():
    tree, group = learn_groups([""] * 100)
    past = records_of(np.zeros(100), group, day=0.0)
    early = past.joined(records_of(np.zeros(50), np.zeros(50, dtype=np.int64), REPORTED, np.full(50, 60.0), -0.2))
    late = early.joined(records_of(np.zeros(50), np.zeros(50, dtype=np.int64), REPORTED, np.full(50, 95.0), 5.0))
    np.testing.assert_array_equal(anchor(early, tree, SETTINGS, 100.0), anchor(late, tree, SETTINGS, 100.0))


def growing(growth, seed, rows=1200):
    """Return dated sales outside the training data whose errors grow by a share within four years."""
    day = np.sort(np.random.default_rng(seed).uniform(0.0, 1460.0, rows))
    score = (1.0 + growth * day / 1460.0) * np.random.default_rng(seed + 1).normal(size=rows)
    return day, score


def widened_ahead(day, score):
    """Return the widening of the band by prequential scores, for known and for unseen groups."""
    tree, group = learn_groups([""] * len(day))
    as_of = 1460.0 + SETTINGS.label_delay_days
    bands = [
        rebuild(records_of(score, group, kind=kind, day=day), tree, SETTINGS, as_of)
        for kind in (OUT_OF_FOLD, PREQUENTIAL)
    ]
    behind, ahead = ([table[0, LEVELS == 0.95][0] for table in (band.quantiles, band.unseen)] for band in bands)
    return ahead[0] / behind[0], ahead[1] / behind[1]


@pytest.mark.parametrize(("growth", "least", "most"), [(0.0, 1.0, 1.05), (4.0, 1.08, 1.6)])
def test_a_band_that_lags_growing_errors_is_widened(growth, least, most):
    known, strange = np.median([widened_ahead(*growing(growth, seed)) for seed in range(0, 18, 2)], axis=0)
    assert least <= known <= most
    assert strange >= least - 1e-9


def test_undercoverage_in_single_quarters_widens_the_band_more():
    day, score = growing(0.0, 3)
    poor = (day // 91.0).astype(int) % 3 == 0
    together = score * np.where(poor, 2.0, 1.0)
    scattered = score * np.where(np.random.default_rng(5).permutation(poor), 2.0, 1.0)
    assert widened_ahead(day, together)[0] > 1.05 * widened_ahead(day, scattered)[0]
