from __future__ import annotations

import time

import numpy as np
import pytest

from models.artifact.bundle import Bundle, read_bundle
from models.artifact.predictor import Predictor
from models.estimator import ResidualValueRegressor
from models.inference.interval_table import IntervalTable
from valuation.errors import BundleMismatch

LEVELS = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@pytest.fixture(scope="module")
def predictor(bundle_folder):
    return Predictor(read_bundle(bundle_folder))


def test_a_row_is_its_row_in_the_batch_bit_for_bit(predictor, market):
    labels = list(market.groups)
    whole = predictor.price(market.table, market.base, labels, LEVELS)
    parts = predictor.explain(market.table, market.base, labels)
    widths = predictor.explain_width(market.table, market.base, labels)
    for row in range(0, 60, 7):
        cut = slice(row, row + 1)
        one = predictor.price(market.table[cut], market.base[cut], labels[cut], LEVELS)
        assert one.point[0] == whole.point[row]
        np.testing.assert_array_equal(one.quantiles[0], whole.quantiles[row])
        alone = predictor.explain(market.table[cut], market.base[cut], labels[cut])
        assert alone.base_level[0] == parts.base_level[row]
        np.testing.assert_array_equal(alone.effects[0], parts.effects[row])
        width = predictor.explain_width(market.table[cut], market.base[cut], labels[cut])
        np.testing.assert_array_equal(width.effects[0], widths.effects[row])


def test_effects_and_base_level_are_the_price(predictor, market):
    labels = list(market.groups)
    priced = predictor.price(market.table, market.base, labels, LEVELS)
    parts = predictor.explain(market.table, market.base, labels)
    learned = parts.base_level + parts.effects.sum(axis=1)
    soft = predictor.linear_threshold
    np.testing.assert_allclose(
        soft * np.sinh(np.arcsinh(market.base / soft) + learned), priced.point, rtol=1e-9, atol=1e-9
    )
    assert np.abs(parts.effects[:, 0]).max() > 0.05  # health matters on this market
    spread = parts.base_level.std()  # a group's own level is part of the base level, nothing else is
    assert spread < 0.1


def test_effects_of_the_width_are_its_logarithm(predictor, market):
    labels = list(market.groups)
    asinh = [
        np.arcsinh(e / predictor.linear_threshold)
        for e in predictor.price(market.table, market.base, labels, (0.05, 0.95)).quantiles.T
    ]
    parts = predictor.explain_width(market.table, market.base, labels)
    np.testing.assert_allclose(parts.base_level + parts.effects.sum(axis=1), np.log(asinh[1] - asinh[0]), atol=1e-9)


def test_unknown_health_widens_the_band(predictor, market):
    parts = predictor.explain_width(market.table, market.base, list(market.groups))
    unknown = np.isnan(market.table[:, 0])
    assert (
        parts.effects[unknown][:, [0, 4]].sum(axis=1).mean()
        > parts.effects[~unknown][:, [0, 4]].sum(axis=1).mean() + 0.3
    )


def test_a_group_reports_the_sales_behind_its_band(predictor, market):
    priced = predictor.price(market.table[:3], market.base[:3], ["LFP/3", "LFP/777", "XYZ/1"], LEVELS)
    assert priced.group_used == ["LFP/3", "LFP", ""]
    assert priced.group_known == [True, False, False]
    assert priced.effective_n[0] > 5
    assert (priced.effective_n > 5).all()


def test_a_group_never_seen_gets_a_wider_band(make_market):
    ratios = []
    for seed in range(3):  # one market alone varies between processors
        market = make_market(seed=seed)
        model = ResidualValueRegressor(monotone={0: 1, 1: -1}, categorical=[2, 3])
        model.fit(market.table, market.price, base=market.base, groups=market.groups)
        unseen = np.full(len(market.groups), "LFP/777")
        widths = [
            np.ptp(model.predict_interval(market.table, 0.9, base=market.base, groups=groups), axis=1).mean()
            for groups in (unseen, market.groups)
        ]
        ratios.append(widths[0] / widths[1])
    assert np.mean(ratios) > 1.05


def test_rows_of_another_shape_are_refused(predictor, market):
    with pytest.raises(BundleMismatch, match="2 columns"):
        predictor.price(np.zeros((1, 2)), np.ones(1), None, LEVELS)
    with pytest.raises(BundleMismatch, match="structural value"):
        predictor.price(market.table[:1], None, None, LEVELS)
    with pytest.raises(BundleMismatch, match="group labels"):
        predictor.price(market.table[:2], market.base[:2], ["a"], LEVELS)


def test_the_model_describes_itself(predictor):
    assert predictor.demonstration
    assert (predictor.name, predictor.version, predictor.trained_through) == ("demo", "1", "2026-01-01")
    assert predictor.digest.startswith("sha256:")
    assert predictor.feature_names == ("x0", "x1", "x2", "x3", "x4")


def models(make_market):
    """Yield fitted states of different kinds, with rows to predict, structural values and labels."""
    market = make_market(rows=220, seed=5)
    rng = np.random.default_rng(7)
    rows = np.repeat(market.table, 3, axis=0)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[:, 2] = np.where(rng.random(len(rows)) < 0.2, 77.0, rows[:, 2])
    rows[:9, 1] = [np.inf, -np.inf, 0.0, -0.0, 1e-40, 5e-324, 1e300, -1e300, 1e-35]
    base = np.repeat(market.base, 3)
    labels = [label if k % 4 else f"{label}/new" for k, label in enumerate(np.repeat(market.groups, 3).tolist())]
    whole = ResidualValueRegressor(categorical=[2, 3]).fit(
        market.table, market.price, base=market.base, groups=market.groups, time=rng.uniform(0.0, 900.0, 220)
    )
    yield whole.fitted_, rows, base, labels
    positive = np.exp(market.table[:, 1] / 5.0 + rng.normal(0.0, 0.1, 220))
    yield ResidualValueRegressor(categorical=[3]).fit(market.table, positive).fitted_, rows, None, None
    few = slice(0, 12)
    handful = ResidualValueRegressor().fit(market.table[few], market.price[few], base=market.base[few])
    yield handful.fitted_, rows, base, None


def test_kernel_and_numpy_give_the_same_bits(make_market, about):
    for state, rows, base, labels in models(make_market):
        asked = rows, base, labels
        predictor = Predictor(Bundle(state=state, about=about, digest="", signed_by=""))
        plain = Predictor(Bundle(state=state, about=about, digest="", signed_by=""))
        plain._program = None
        by_kernel, by_numpy = predictor.price(*asked, LEVELS), plain.price(*asked, LEVELS)
        assert by_kernel.point.tobytes() == by_numpy.point.tobytes()
        assert by_kernel.quantiles.tobytes() == by_numpy.quantiles.tobytes()
        point, quantiles = state.price(*asked, np.array(LEVELS))
        assert by_kernel.point.tobytes() == point.tobytes()
        assert by_kernel.quantiles.tobytes() == quantiles.tobytes()
        for part in ("mean", "width"):
            for row in range(0, len(rows), 37):
                one = rows[row : row + 1], None if labels is None else labels[row : row + 1]
                found, expected = (getattr(asked._explainer, part)(*one) for asked in (predictor, plain))
                assert found.base_level.tobytes() == expected.base_level.tobytes()
                assert found.effects.tobytes() == expected.effects.tobytes()


def test_codes_of_a_model_that_learned_texts_are_taken_as_codes(make_market, about):
    market = make_market(rows=220, seed=6)
    makers = np.array([f"maker {int(k):02}" for k in market.table[:, 2]], dtype=object)
    table = np.column_stack([market.table[:, :2].astype(object), makers])
    state = ResidualValueRegressor().fit(table, market.price, base=market.base).fitted_
    predictor = Predictor(Bundle(state=state, about=about, digest="", signed_by=""))
    codes = state.vocabulary.codes(table)
    assert np.unique(codes[:, 2]).size == np.unique(makers).size
    expected, _ = state.price(codes, market.base, None, np.array(LEVELS))
    assert predictor.price(codes, market.base, None, LEVELS).point.tobytes() == expected.tobytes()


def test_an_interval_table_gives_the_quantiles_of_the_band(estimator, market):
    state = estimator.fitted_
    labels = [*market.groups[:40].tolist(), "LFP/777", "XYZ", ""]
    interval_table = IntervalTable(state)
    places = interval_table.places(market.table[:43], labels)
    group, known = state.find_groups(market.table[:43], labels)
    found, own = interval_table.groups(places)
    assert found.tolist() == group.tolist()
    assert own == known.tolist()
    assert interval_table.level[places].tobytes() == state.band.level(group, known).tobytes()
    for level, column in zip(LEVELS, interval_table.reach(LEVELS)[places].T, strict=True):
        assert column.tobytes() == state.band.read(group, known, level).tobytes()
    assert interval_table.reach(())[places].shape == (43, 0)


def test_no_rows_and_no_levels(predictor, market):
    none = predictor.price(market.table[:0], market.base[:0], [], LEVELS)
    assert none.point.shape == (0,)
    assert none.quantiles.shape == (0, len(LEVELS))
    assert predictor.price(market.table[:2], market.base[:2], ["", ""], ()).quantiles.shape == (2, 0)
    assert predictor.explain(market.table[:0], market.base[:0], []).effects.shape == (0, 5)


def test_one_structural_value_a_row(predictor, market):
    with pytest.raises(BundleMismatch, match="3 rows came with 2 structural values"):
        predictor.price(market.table[:3], market.base[:2], ["", "", ""], LEVELS)


def test_one_row_costs_microseconds(predictor, market):
    asked = market.table[:1], market.base[:1], list(market.groups[:1]), LEVELS

    def spent():
        begun = time.thread_time()
        for _ in range(50):
            predictor.price(*asked)
        return (time.thread_time() - begun) / 50

    assert min(spent() for _ in range(5)) < 300e-6  # 30 us on a quiet machine
