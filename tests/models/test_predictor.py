from __future__ import annotations

import numpy as np
import pytest

from models.bundle import read_bundle
from models.predictor import Predictor
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
    soft = predictor.softening
    np.testing.assert_allclose(
        soft * np.sinh(np.arcsinh(market.base / soft) + learned), priced.point, rtol=1e-9, atol=1e-9
    )
    assert np.abs(parts.effects[:, 0]).max() > 0.05  # health matters on this market
    spread = parts.base_level.std()  # a group's own level is part of the base level, nothing else is
    assert spread < 0.1


def test_effects_of_the_width_are_its_logarithm(predictor, market):
    labels = list(market.groups)
    asinh = [
        np.arcsinh(e / predictor.softening)
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


def test_a_group_says_what_its_band_stands_on(predictor, market):
    priced = predictor.price(market.table[:3], market.base[:3], ["LFP/3", "LFP/777", "XYZ/1"], LEVELS)
    assert priced.group_used == ["LFP/3", "LFP", ""]
    assert priced.group_known == [True, False, False]
    assert priced.effective_n[0] > 5
    assert (priced.effective_n > 5).all()


def test_a_group_never_seen_gets_a_wider_band(predictor, market):
    known = predictor.price(market.table[:50], market.base[:50], list(market.groups[:50]), (0.05, 0.95)).quantiles
    strange = predictor.price(market.table[:50], market.base[:50], ["LFP/777"] * 50, (0.05, 0.95)).quantiles
    assert np.mean(strange[:, 1] - strange[:, 0]) > 1.05 * np.mean(known[:, 1] - known[:, 0])


def test_what_does_not_fit_is_refused_by_name(predictor, market):
    with pytest.raises(BundleMismatch, match="2 columns"):
        predictor.price(np.zeros((1, 2)), np.ones(1), None, LEVELS)
    with pytest.raises(BundleMismatch, match="structural value"):
        predictor.price(market.table[:1], None, None, LEVELS)
    with pytest.raises(BundleMismatch, match="group labels"):
        predictor.price(market.table[:2], market.base[:2], ["a"], LEVELS)


def test_it_says_what_it_is(predictor):
    assert predictor.demonstration
    assert (predictor.name, predictor.version, predictor.trained_through) == ("demo", "1", "2026-01-01")
    assert predictor.digest.startswith("sha256:")
    assert predictor.feature_names == ("x0", "x1", "x2", "x3", "x4")
