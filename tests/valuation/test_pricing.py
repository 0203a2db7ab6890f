"""Prices of a dossier with and without a model, and after a change of the market."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation import features
from valuation.dossier import build_dossier
from valuation.errors import BundleMismatch, FieldError
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.pricing import QUANTILE_LEVELS, STRUCTURE_ONLY, calibration_groups, check_level, price
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate

quick = settings(max_examples=20, deadline=None)
PACKS = st.lists(st.from_type(PackHistory), min_size=1, max_size=3)
PLATE = PackHistory(chemistry="NMC811", rated_energy_kwh=60.0, made_on=date(2021, 3, 5), vehicle_model="model one")


@dataclass(frozen=True, kw_only=True)
class Said:
    """Prices returned by a model."""

    point: np.ndarray
    quantiles: np.ndarray
    group_used: list
    group_known: list
    effective_n: np.ndarray
    newest_day: float = float("nan")


@dataclass(frozen=True, kw_only=True)
class Constant:
    """A model with a constant premium over the structural value and a constant spread."""

    step: float = 0.1
    spread: float = 0.2
    lopsided: float = 0.0
    feature_names: tuple = features.NAMES
    name: str = "constant"
    version: str = "1"
    linear_threshold: float = LINEAR_THRESHOLD_CNY_PER_KWH

    def price(self, matrix, base, groups, levels):
        assert matrix.shape == (len(base), len(self.feature_names))
        middle = to_scale(base, self.linear_threshold) + self.step
        steps = self.spread * (np.array(levels) - 0.5) + self.lopsided
        return Said(
            point=from_scale(middle, self.linear_threshold),
            quantiles=from_scale(middle[:, None] + steps[None, :], self.linear_threshold),
            group_used=list(groups),
            group_known=[True] * len(base),
            effective_n=np.full(len(base), 40.0),
        )


def dossier_of(market_history, *histories, as_of=date(2026, 6, 1), **options):
    table = tabulate(histories)
    return build_dossier(cut(table, np.full(table.rows, day_number(as_of))), market_history, **options)


@quick
@given(PACKS, st.floats(-0.5, 0.5), st.sampled_from((None, -0.3, 0.3)))
def test_the_band_contains_the_point_for_any_model(market_history, histories, step, lopsided):
    model = None if lopsided is None else Constant(step=step, lopsided=lopsided)
    prices = price(dossier_of(market_history, *histories), model, 0.9)
    assert (prices.lower <= prices.point).all()
    assert (prices.point <= prices.upper).all()
    assert prices.quantiles.shape == (len(histories), len(QUANTILE_LEVELS))
    assert (np.diff(prices.quantiles, axis=1) >= 0.0).all()


@quick
@given(PACKS)
def test_without_a_model_the_structural_value_is_the_point_and_the_median(market_history, histories):
    dossier = dossier_of(market_history, *histories)
    prices = price(dossier, None, 0.9)
    structural, closed = dossier.routes.structural_per_kwh, dossier.findings.closes
    np.testing.assert_array_equal(prices.uncapped, structural)
    np.testing.assert_array_equal(prices.point[~closed], structural[~closed])
    assert (prices.point <= structural).all()  # with a route closed no more than the dearest open one
    np.testing.assert_allclose(prices.quantiles[:, 2], prices.point, rtol=1e-8, atol=1e-6)  # a quantile to 1e-7
    assert prices.group_used == (STRUCTURE_ONLY,) * len(histories)
    assert (prices.effective_sales == 0.0).all()
    assert prices.matrix is None


@quick
@given(PACKS, st.floats(0.7, 2.0))
def test_a_move_of_the_metals_passes_through_at_an_unchanged_learned_part(market_history, histories, factor):
    now = dossier_of(market_history, *histories)
    then = dossier_of(market_history, *histories, market_shift={"lithium_carbonate": factor, "nickel_sulphate": factor})
    model = Constant(step=0.07)
    before, after = price(now, model, 0.9), price(then, model, 0.9)
    moved = to_scale(then.routes.structural_per_kwh, model.linear_threshold) - to_scale(
        now.routes.structural_per_kwh, model.linear_threshold
    )
    free = ~now.findings.closes  # a price with a closed route follows the dearest open one
    for one, other in ((before.point, after.point), (before.upper, after.upper), (before.lower, after.lower)):
        shift = to_scale(other, model.linear_threshold) - to_scale(one, model.linear_threshold)
        np.testing.assert_allclose(shift[free], moved[free], atol=1e-9)


def test_the_model_gets_the_level_and_the_quantiles(market_history):
    dossier = dossier_of(market_history, PLATE)
    narrow, wide = price(dossier, Constant(), 0.5), price(dossier, Constant(), 0.9)
    assert wide.lower < narrow.lower < narrow.point < narrow.upper < wide.upper
    np.testing.assert_array_equal(narrow.quantiles, wide.quantiles)
    assert wide.lower == wide.quantiles[:, 0]
    assert narrow.upper == narrow.quantiles[:, 3]
    assert wide.effective_sales.tolist() == [40.0]


def test_stale_quotes_widen_the_learned_band_and_leave_the_point(market_history):
    fresh = dossier_of(market_history, PLATE)
    stale = dossier_of(market_history, PLATE, as_of=date(2026, 10, 30))
    assert stale.market.staleness_widening[0] > 1.2
    bands = []
    for dossier in (fresh, stale):
        prices = price(dossier, Constant(), 0.9)
        edges = to_scale(np.array([prices.lower[0], prices.upper[0]]), LINEAR_THRESHOLD_CNY_PER_KWH)
        bands.append(edges[1] - edges[0])
        base = to_scale(dossier.routes.structural_per_kwh, LINEAR_THRESHOLD_CNY_PER_KWH)
        assert to_scale(prices.point, LINEAR_THRESHOLD_CNY_PER_KWH)[0] == pytest.approx(base[0] + 0.1, abs=1e-12)
    assert bands[1] / bands[0] == pytest.approx(stale.market.staleness_widening[0], rel=1e-9)


def test_findings_widen_the_structural_band(market_history):
    dossier = dossier_of(market_history, PLATE)
    wider = replace(dossier, findings=replace(dossier.findings, widen=dossier.findings.widen * 2.0))
    one, two = price(dossier, None, 0.9), price(wider, None, 0.9)
    half = [
        to_scale(prices.upper, LINEAR_THRESHOLD_CNY_PER_KWH) - to_scale(prices.point, LINEAR_THRESHOLD_CNY_PER_KWH)
        for prices in (one, two)
    ]
    assert half[1][0] == pytest.approx(2.0 * half[0][0], rel=1e-9)


def test_groups_go_from_coarse_to_fine(market_history):
    dossier = dossier_of(market_history, PLATE, PackHistory(chemistry="LFP", rated_energy_kwh=50.0))
    tiers = [f"T{int(tier)}" for tier in dossier.findings.tier]
    assert calibration_groups(dossier) == (f"NMC811/{tiers[0]}/model one", f"LFP/{tiers[1]}/-")


def test_a_model_of_other_features_is_refused_by_their_names(market_history):
    dossier = dossier_of(market_history, PLATE)
    with pytest.raises(BundleMismatch, match="unheard_of") as refusal:
        price(dossier, Constant(feature_names=("unheard_of", *features.NAMES)), 0.9)
    assert "train it again" in refusal.value.hint


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_valid_levels_are_accepted(level):
    assert check_level(level) == level


@pytest.mark.parametrize("level", [0.4999, 0.991, float("nan")])
def test_invalid_levels_are_refused(level):
    with pytest.raises(FieldError):
        check_level(level)


def test_an_older_model_reads_the_features_it_knows(market_history):
    dossier = dossier_of(market_history, PackHistory(chemistry="LFP", rated_energy_kwh=50.0, made_on=date(2020, 6, 8)))
    older = price(dossier, Constant(feature_names=features.NAMES[5:2:-1]), 0.9)
    assert older.point.tolist() == price(dossier, Constant(), 0.9).point.tolist()
    np.testing.assert_array_equal(older.matrix, features.compute(dossier)[:, 5:2:-1])
