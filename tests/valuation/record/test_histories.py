"""The random histories that property tests draw."""

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from valuation.record.fields import EVENT_TYPES
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import tabulate


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_type_is_drawn(event_type):
    drawn = find(st.from_type(TraceEvent), lambda event: event.type == event_type, settings=settings(max_examples=4000))
    assert drawn.type == event_type


@settings(max_examples=15, deadline=None)
@given(st.lists(st.from_type(PackHistory), min_size=1, max_size=3))
def test_drawn_histories_can_be_tabulated(histories):
    table = tabulate(histories)
    assert table.rows == len(histories)
    assert len(table.row) == sum(len(history.events) for history in histories)
