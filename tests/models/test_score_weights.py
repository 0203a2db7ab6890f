"""Quantiles of all groups at once are those of each group by itself."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration.score_weights import (
    conformal_quantile,
    effective_rows,
    from_below_by_group,
    median_by_group,
    rows_by_group,
    weighted_quantile,
)

LEVELS = np.array([0.5, 0.9, 0.95, 0.999])


@settings(deadline=None, max_examples=100)
@given(rows=st.integers(1, 80), groups=st.integers(1, 6), seed=st.integers(0, 9999), equal=st.booleans())
def test_all_groups_at_once_are_as_each_by_itself(rows, groups, seed, equal):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, groups, rows)
    score = np.round(rng.standard_t(2, rows), 1)  # ties
    weight = np.ones(rows) if equal else rng.uniform(0.1, 3.0, rows)
    effective = rows_by_group(weight, group, groups)
    middle = median_by_group(score, weight, group, groups)
    reached = from_below_by_group(score, weight, group, LEVELS, effective)
    for code in range(groups):
        here = group == code
        if not here.any():
            assert effective[code] == 0.0
            assert middle[code] == 0.0
            continue
        np.testing.assert_allclose(effective[code], effective_rows(weight[here]), rtol=1e-12)
        np.testing.assert_allclose(middle[code], weighted_quantile(score[here], weight[here], 0.5), atol=1e-9)
        np.testing.assert_array_equal(reached[code], conformal_quantile(score[here], weight[here], LEVELS))
