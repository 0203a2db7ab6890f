"""Factors of the band's width, which multiply to the width."""

from dataclasses import dataclass, field, replace
from datetime import date
from math import prod
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation import features
from valuation.answer.band_drivers import (
    COMPOSITION,
    GROUP,
    HISTORY,
    MARKET_SHIFT,
    OTHERS,
    STALE,
    UNSEEN_KIND,
    band_driver_rows,
    explain_band,
)
from valuation.answer.drivers import PRICED_BY_FORMULA
from valuation.dossier import build_dossier
from valuation.numeric.asinh_scale import LINEAR_THRESHOLD_CNY_PER_KWH, from_scale, to_scale
from valuation.pricing import Prices
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate

SOFT = LINEAR_THRESHOLD_CNY_PER_KWH
OWN = tuple(name for name in features.NAMES if name not in PRICED_BY_FORMULA)
PLATE = PackHistory(chemistry="LFP", rated_energy_kwh=50.0, made_on=date(2021, 3, 5))


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model with given widths."""

    effects: np.ndarray
    group: np.ndarray
    feature_names: tuple = features.NAMES
    linear_threshold: float = SOFT
    shift_monitor: object = field(default_factory=lambda: SimpleNamespace(widening=1.0))

    def explain_width(self, _matrix, base, groups):
        assert len(groups) == len(base)
        return SimpleNamespace(effects=self.effects, group=self.group)


def dossier_of(rows, market_history, day=date(2026, 6, 1)):
    return build_dossier(cut(tabulate([PLATE] * rows), np.full(rows, day_number(day))), market_history)


def prices_of(dossier, below, above, *, known=True):
    """Return prices with a band at given distances below and above the point, on the asinh scale."""
    rows = dossier.rows
    centre = to_scale(np.full(rows, 80.0), SOFT)
    return Prices(
        point=from_scale(centre, SOFT),
        lower=from_scale(centre - below, SOFT),
        upper=from_scale(centre + above, SOFT),
        quantiles=np.zeros((rows, 5)),
        uncapped=from_scale(centre, SOFT),
        group_used=("LFP",) * rows,
        group_known=(known,) * rows,
        effective_sales=np.full(rows, 100.0),
        newest_day=np.full(rows, 20000.0),
        matrix=np.zeros((rows, len(features.NAMES))),
    )


def width_of(prices, row=0):
    return round(float(prices.upper[row] - prices.lower[row]) * 50.0, 2)


@given(
    effects=st.lists(st.floats(-0.4, 0.4), min_size=3, max_size=3),
    group=st.floats(-0.5, 0.8),
    edges=st.tuples(st.floats(0.02, 1.0), st.floats(0.02, 1.0)),
    widening=st.floats(1.0, 1.6),
)
def test_base_width_times_all_factors_is_the_width(effects, group, edges, widening, market_history):
    dossier = dossier_of(1, market_history)
    given_effects = np.zeros((1, len(features.NAMES)))
    for name, effect in zip(OWN, effects, strict=False):
        given_effects[0, features.NAMES.index(name)] = effect
    model = Model(effects=given_effects, group=np.array([group]), shift_monitor=SimpleNamespace(widening=widening))
    prices = prices_of(dossier, *edges)
    width = width_of(prices)
    base, drivers = band_driver_rows(explain_band(dossier, prices, model), 0, width)
    assert base * prod(one["factor"] for one in drivers) == pytest.approx(width, rel=1e-4, abs=0.05)
    sizes = [max(one["factor"], 1 / one["factor"]) for one in drivers if one["feature"] != OTHERS]
    assert sizes == sorted(sizes, reverse=True)


def test_widening_factors_are_above_one_and_narrowing_ones_below(market_history):
    dossier = dossier_of(2, market_history)
    effects = np.zeros((2, len(features.NAMES)))
    effects[0, features.NAMES.index("soh_sd")] = 0.3
    effects[1, features.NAMES.index("soh_sd")] = -0.3
    effects[:, features.NAMES.index("nickel_kg_per_kwh")] = 0.2  # priced by the formula, so listed in one factor
    effects[:, features.NAMES.index("chemistry")] = -0.1
    effects[:, features.NAMES.index("maker")] = 0.002  # too small to be listed alone
    found = explain_band(
        dossier, prices_of(dossier, 0.2, 0.2), Model(effects=effects, group=np.array([0.0, np.log(1.5)]))
    )
    factors = [{one["feature"]: one["factor"] for one in band_driver_rows(found, row, 1000.0)[1]} for row in range(2)]
    assert factors[0] == pytest.approx({"soh_sd": 1.35, COMPOSITION: 1.105, OTHERS: 1.002}, rel=0.01)
    assert factors[1] == pytest.approx({GROUP: 1.5, "soh_sd": 0.741, COMPOSITION: 1.105, OTHERS: 1.002}, rel=0.01)


def test_unseen_kind_stale_quotes_and_market_shift_are_named_factors(market_history):
    late = dossier_of(1, market_history, day=date(2027, 6, 1))
    model = Model(
        effects=np.zeros((1, len(features.NAMES))), group=np.array([0.3]), shift_monitor=SimpleNamespace(widening=1.2)
    )
    factors = band_driver_rows(explain_band(late, prices_of(late, 0.1, 0.1, known=False), model), 0, 1000.0)[1]
    assert {UNSEEN_KIND, STALE, MARKET_SHIFT} == {one["feature"] for one in factors}
    assert all(one["factor"] > 1.0 and one["label_en"] and one["label_zh"] for one in factors)


def test_every_feature_and_factor_has_a_label_in_both_languages(market_history):
    dossier = dossier_of(1, market_history)
    model = Model(effects=np.full((1, len(features.NAMES)), 0.05), group=np.array([0.1]))
    factors = band_driver_rows(explain_band(dossier, prices_of(dossier, 0.3, 0.4), model), 0, 1000.0)[1]
    assert {one["feature"] for one in factors} == {GROUP, COMPOSITION, *OWN}
    assert all(one["label_en"] and one["label_zh"] for one in factors)


def test_without_a_model_only_findings_widen(market_history):
    dossier = dossier_of(1, market_history)
    bare = replace(prices_of(dossier, 0.3, 0.3), matrix=None)
    base, factors = band_driver_rows(explain_band(dossier, bare, None), 0, width_of(bare))
    assert [one["feature"] for one in factors] == [HISTORY]
    assert factors[0]["factor"] == pytest.approx(float(dossier.findings.widen[0]), rel=0.05)
    assert 0.0 < base < width_of(bare)


def test_a_band_without_width_has_no_factors(market_history):
    dossier = dossier_of(1, market_history)
    model = Model(effects=np.full((1, len(features.NAMES)), 0.05), group=np.array([0.1]))
    assert band_driver_rows(explain_band(dossier, prices_of(dossier, 0.0, 0.0), model), 0, 0.0) == (0.0, [])


def test_a_row_is_explained_the_same_alone_and_in_a_batch(market_history):
    dossier, one = dossier_of(3, market_history), dossier_of(1, market_history)
    effects = np.random.default_rng(3).normal(0.0, 0.1, (3, len(features.NAMES)))
    group = np.array([0.1, -0.2, 0.3])
    among = explain_band(dossier, prices_of(dossier, 0.3, 0.4), Model(effects=effects, group=group)).factors
    alone = explain_band(one, prices_of(one, 0.3, 0.4), Model(effects=effects[1:2], group=group[1:2])).factors
    assert among[1].tobytes() == alone[0].tobytes()
