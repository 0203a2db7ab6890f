"""Reductions of ragged event columns, compared with a simple loop."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuation.numeric import columns

cells = st.one_of(st.just(math.nan), st.floats(-1e6, 1e6, allow_nan=False))
packs = st.lists(st.lists(cells, max_size=6), min_size=1, max_size=5)


def ragged(packs_of_values):
    """Return the events of all packs as one column, with the pack of each."""
    row = [row for row, values in enumerate(packs_of_values) for _ in values]
    values = [value for values in packs_of_values for value in values]
    return np.array(row, dtype=np.int64), np.array(values, dtype=np.float64)


def plain(fold, values):
    """Return the reduction of one pack's values, computed by a simple loop."""
    known = [value for value in values if not math.isnan(value)]
    if fold is columns.total:
        return math.fsum(known)
    if not known:
        return math.nan
    if fold in (columns.first, columns.last):
        return known[0 if fold is columns.first else -1]
    return (max if fold is columns.highest else min)(known)


FOLDS = (columns.total, columns.first, columns.last, columns.highest, columns.lowest)


@pytest.mark.parametrize("fold", FOLDS, ids=lambda fold: fold.__name__)
@given(packs)
def test_reductions_equal_a_simple_loop(fold, packs_of_values):
    row, values = ragged(packs_of_values)
    found = fold(row, values, len(packs_of_values))
    right = [plain(fold, values) for values in packs_of_values]
    # sums of up to six numbers below 1e6 in another order; all else is picked, not worked out
    np.testing.assert_allclose(found, right, rtol=0.0, atol=1e-8 if fold is columns.total else 0.0)


@pytest.mark.parametrize("fold", FOLDS, ids=lambda fold: fold.__name__)
@given(packs)
def test_reductions_of_a_pack_do_not_depend_on_the_batch(fold, packs_of_values):
    together = fold(*ragged(packs_of_values), len(packs_of_values))
    alone = [fold(*ragged([values]), 1)[0] for values in packs_of_values]
    np.testing.assert_array_equal(together, alone)


@given(packs)
def test_previous_is_the_last_known_before_in_the_same_pack(packs_of_values):
    row, values = ragged(packs_of_values)
    right = []
    for own in packs_of_values:
        before = math.nan
        for value in own:
            right.append(before)
            before = before if math.isnan(value) else value
    np.testing.assert_array_equal(columns.previous(row, values), np.array(right))


@given(packs)
def test_count_returns_the_number_of_matching_events(packs_of_values):
    row, values = ragged(packs_of_values)
    found = columns.count(row, values > 0.0, len(packs_of_values))
    assert found.tolist() == [sum(value > 0.0 for value in own) for own in packs_of_values]


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8))
def test_coalesce_chooses_row_by_row(rows):
    found = columns.coalesce(*(np.array(column) for column in zip(*rows, strict=True)))
    right = [next((value for value in row if not math.isnan(value)), math.nan) for row in rows]
    np.testing.assert_array_equal(found, right)
