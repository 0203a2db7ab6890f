"""Columns converted at once equal the cells converted one by one, for every type, chunking and null."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.errors import FieldError
from valuation.ingest.fields.values import is_placeholder, read_value
from valuation.ingest.tables.arrow_convert import convert, number_of
from valuation.record.fields import event_field

quick = settings(deadline=None)
NUMBERS = st.one_of(st.none(), st.floats(-0.5, 1.5), st.sampled_from([0.0, 1.2, -1.0, math.inf, -math.inf, 3]))
TEXTS = st.one_of(
    st.none(),
    st.text(alphabet="AZaz09 -/~.\x7f\x1fé车", max_size=4),
    st.sampled_from(["", " ", "--", "-1", "A", "A" * 202, "A" * 203, "B" * 1001, "ab "]),
)


def one_by_one(field, cells, *, from_text):
    values, wrong, placeholder = [], [], []
    for cell in cells:
        known = cell is not None and not (from_text and not str(cell).strip())
        mark = known and is_placeholder(field, cell)
        value = math.nan
        failed = False
        if known and not mark:
            try:
                value = number_of(field, read_value(field, cell, field.name, from_text=from_text))
            except FieldError:
                failed = True
        values.append(value)
        wrong.append(failed)
        placeholder.append(mark)
    return values, wrong, placeholder


def as_converted(field, column, *, from_text=False):
    converted = convert(field, column, from_text=from_text)
    return converted.values.tolist(), converted.wrong.tolist(), converted.placeholder.tolist()


def same(one, other):
    assert one[1:] == other[1:]
    assert np.array_equal(one[0], other[0], equal_nan=True)


def in_pieces(cells, kind, cut, *, dictionary=False):
    """Return cells as a column of two chunks, each a slice of a longer array."""
    chunks = []
    for part in (cells[:cut], cells[cut:]):
        padded = pa.array([*part[:1], *part, *part[:1]], type=kind)
        padded = padded.dictionary_encode() if dictionary else padded
        chunks.append(padded.slice(1 if part else 0, len(part)))
    return pa.chunked_array(chunks)


@quick
@given(st.lists(NUMBERS, max_size=20), st.integers(0, 20))
def test_numbers_in_columns_are_the_numbers_one_by_one(cells, cut):
    field = event_field("soh")
    same(as_converted(field, in_pieces(cells, pa.float64(), cut)), one_by_one(field, cells, from_text=False))


@quick
@given(st.lists(TEXTS, max_size=20), st.integers(0, 20), st.booleans(), st.booleans())
def test_texts_in_columns_are_the_texts_one_by_one(cells, cut, dictionary, from_text):
    field = event_field("vin")
    column = in_pieces(cells, pa.string(), cut, dictionary=dictionary)
    same(as_converted(field, column, from_text=from_text), one_by_one(field, cells, from_text=from_text))


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.uint8()])
def test_a_category_may_be_stored_by_any_index(kind):
    column = pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array([1, None, 0], kind), ["bms", "lab_test"])])
    assert as_converted(event_field("soh_source"), column)[0][::2] == [2.0, 0.0]


def test_whole_numbers_and_days_outside_their_bounds_are_wrong():
    column = pa.chunked_array([pa.array([0, 1, 2, None, -1], pa.int32())])
    assert as_converted(event_field("soh"), column)[1:] == ([False] * 2 + [True] + [False] * 2, [False] * 4 + [True])
    days = pa.chunked_array([pa.array([0, 18000, None, 60000], pa.int32()).cast(pa.date32())])
    assert as_converted(event_field("on"), days)[1] == [True, False, False, True]
