"""Histories converted to columns and back, without loss."""

from datetime import date

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.record.fields import COMPOSITION_FIELDS, EVENT_FIELDS, EVENT_TYPES, PACK_FIELDS, text_code
from valuation.record.history import Module, PackHistory, TraceEvent
from valuation.record.to_columns import calendar_day, column_name, day_number, encode, tabulate

quick = settings(max_examples=40, deadline=None)


def known(field, value):
    """Return the value that a column number represents, by an independent inverse."""
    if value is None:
        return None
    if field.kind == "category":
        return float(field.choices.index(value))
    if field.kind == "day":
        return float((value - date(1970, 1, 1)).days)
    return text_code(value) if field.kind == "text" else float(value)


def shown(number):
    return None if np.isnan(number) else float(number)


@given(st.dates())
def test_day_numbers_round_trip(day):
    assert calendar_day(day_number(day)) == day


@quick
@given(st.lists(st.from_type(PackHistory), min_size=1, max_size=4))
def test_every_fact_is_in_its_column(histories):
    table = tabulate(histories)
    events = [(row, event) for row, history in enumerate(histories) for event in history.events]
    assert table.row.tolist() == [row for row, _ in events]
    for field in PACK_FIELDS:
        if field.kind == "text":
            assert table.texts[field.name] == tuple(getattr(history, field.name) for history in histories)
        else:
            found = [shown(value) for value in table.packs[column_name(field)]]
            assert found == [known(field, getattr(history, field.name)) for history in histories]
    for field in COMPOSITION_FIELDS:
        found = [shown(value) for value in table.packs[field.name]]
        assert found == [history.composition.get(field.name) for history in histories]
    assert [EVENT_TYPES[int(code)] for code in table.events["type"]] == [event.type for _, event in events]
    for field in EVENT_FIELDS:
        found = [shown(value) for value in table.events[field.name]]
        assert found == [known(field, event.facts.get(field.name)) for _, event in events]


@quick
@given(st.lists(st.from_type(PackHistory), min_size=2, max_size=4))
def test_a_pack_has_the_same_columns_alone_and_in_a_batch(histories):
    together = tabulate(histories)
    for row, history in enumerate(histories):
        alone = tabulate([history])
        for name, column in alone.packs.items():
            np.testing.assert_array_equal(column, together.packs[name][row : row + 1])
        for name, column in alone.events.items():
            np.testing.assert_array_equal(column, together.events[name][together.row == row])


def test_day_columns_are_named_after_their_field():
    names = {column_name(field) for field in PACK_FIELDS if field.kind == "day"}
    assert names == {"made_day", "superseded_day"}
    days = {"reported_on": date(2024, 3, 9), "recorded_on": date(2024, 3, 11)}
    event = TraceEvent(type="usage", on=date(2024, 3, 1), **days)
    table = tabulate([PackHistory(events=(event,))])
    assert table.events["reported_day"][0] - table.events["on_day"][0] == 8.0
    assert table.events["recorded_day"][0] - table.events["on_day"][0] == 10.0


def test_modules_are_summarised_in_columns():
    modules = (Module(battery_code="a", soh=0.9), Module(battery_code="a", soh=0.7), Module())
    table = tabulate([PackHistory(modules=modules), PackHistory()])
    assert table.packs["module_count"].tolist()[0] == 3.0
    assert table.packs["module_lowest_soh"][0] == 0.7
    assert table.packs["module_repeated"][0] == 1.0
    assert np.isnan(table.packs["module_lowest_soh"][1])


def test_an_absent_value_is_unknown_not_zero():
    for field in PACK_FIELDS:
        assert np.isnan(encode(field, None))
    table = tabulate([PackHistory()])
    assert all(np.isnan(column[0]) for name, column in table.packs.items() if not name.startswith("module_"))
