"""Quantiles of all groups computed together equal those computed for each group."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration.score_weights import (
    conformal_quantile,
    effective_rows,
    grouped_scores,
    median_by_group,
    rows_by_group,
    weighted_quantile,
)
from models.inference.band import LEVELS


@settings(deadline=None, max_examples=100)
@given(rows=st.integers(1, 80), groups=st.integers(1, 6), seed=st.integers(0, 9999), equal=st.booleans())
def test_all_groups_at_once_equal_each_group_alone(rows, groups, seed, equal):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, rows)
    score = np.round(rng.standard_t(2, rows), 1)  # ties
    weight = np.ones(rows) if equal else rng.uniform(0.1, 3.0, rows)
    effective = rows_by_group(weight, group, groups)
    middle = median_by_group(score, weight, group, groups)
    scores = grouped_scores(score, weight, (np.arange(rows), group))
    reached = scores.quantiles(scores.effective_rows(groups))
    told = rng.random(rows) < 0.5
    half, alone = scores.of(told), grouped_scores(score[told], weight[told], (np.arange(told.sum()), group[told]))
    np.testing.assert_array_equal(
        half.quantiles(half.effective_rows(groups)), alone.quantiles(half.effective_rows(groups))
    )
    for code in range(groups):
        here = group == code
        if not here.any():
            assert effective[code] == 0.0
            assert middle[code] == 0.0
            continue
        np.testing.assert_allclose(effective[code], effective_rows(weight[here]), rtol=1e-12)
        np.testing.assert_allclose(middle[code], weighted_quantile(score[here], weight[here], 0.5), atol=1e-9)
        upper, lower = LEVELS > 0.5, LEVELS < 0.5
        above = conformal_quantile(score[here], weight[here], LEVELS[upper])
        np.testing.assert_array_equal(reached[code][upper], above)
        below = conformal_quantile(-score[here], weight[here], 1.0 - LEVELS[lower])
        np.testing.assert_array_equal(reached[code][lower], -below)
