from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from valuation.numeric.rounding import rounded

near_halves = st.builds(
    lambda whole, nudge: float(np.nextafter((whole + 0.5) / 100.0, nudge)),
    st.integers(-(10**7), 10**7),
    st.sampled_from([-np.inf, 0.0, np.inf]),
)
numbers = st.floats(allow_nan=True, allow_infinity=False, width=64) | st.floats(-1e6, 1e6) | near_halves


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20), st.sampled_from([1, 2, 3, 4, 6]))
def test_every_number_is_rounded_as_round_does(rows, digits):
    values = np.array(rows)
    expected = [[round(one, digits) for one in row] for row in rows]
    assert rounded(values, digits).tobytes() == np.array(expected).tobytes()
