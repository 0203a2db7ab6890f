"""The cut at the valuation day: no look-ahead, defined order, no duplicates."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.record.cases import cut
from valuation.record.fields import EVENT_TYPES
from valuation.record.history import PackHistory, TraceEvent
from valuation.record.to_columns import day_number, tabulate

quick = settings(max_examples=40, deadline=None)
AS_OF = date(2022, 6, 1)
ANY_PACKS = st.lists(st.from_type(PackHistory), min_size=1, max_size=4)
HISTORY = PackHistory(
    events=(
        TraceEvent(type="usage", on=date(2020, 1, 1), facts={"soh": 0.95, "odometer_km": 10.0}),
        TraceEvent(type="usage", on=date(2021, 1, 1), facts={"odometer_km": 20.0}),
        TraceEvent(type="tested", on=date(2021, 6, 1), facts={"method": "lab", "soh": 0.9}),
    )
)


def cut_at(histories, as_of=AS_OF):
    table = tabulate(histories)
    return cut(table, np.full(table.rows, day_number(as_of)))


def same(one, other):
    assert one.row.tolist() == other.row.tolist()
    for name, column in one.events.items():
        np.testing.assert_array_equal(column, other.events[name])


def days_of(histories):
    """Return the days on which something happened, was reported or recorded, where a cut can fail."""
    events = [event for history in histories for event in history.events]
    days = {day for event in events for day in (event.on, event.reported_on, event.recorded_on)}
    return sorted({AS_OF, *days} - {None})


@quick
@given(ANY_PACKS, st.data())
def test_only_events_that_happened_were_reported_and_recorded_are_kept(histories, data):
    as_of = data.draw(st.sampled_from(days_of(histories)))
    cases = cut_at(histories, as_of)
    assert (cases.events["on_day"] <= day_number(as_of)).all()
    for name in ("reported_day", "recorded_day"):
        day = cases.events[name]
        assert (np.isnan(day) | (day <= day_number(as_of))).all()
    same(cases, cut_at([history.known_by(as_of) for history in histories], as_of))
    distinct = [
        {repr(replace(event, recorded_on=None)) for event in history.events if event.known_by(as_of)}
        for history in histories
    ]
    assert np.bincount(cases.row, minlength=len(histories)).tolist() == [len(events) for events in distinct]


@quick
@given(ANY_PACKS, st.randoms(use_true_random=False))
def test_order_and_repetition_of_events_change_nothing(histories, chance):
    mixed = []
    for history in histories:
        events = [*history.events, *history.events[:2]]
        chance.shuffle(events)
        mixed.append(replace(history, events=tuple(events)))
    same(cut_at(histories), cut_at(mixed))


@quick
@given(ANY_PACKS, st.integers(0, 300))
def test_the_same_report_recorded_on_another_day_is_a_repetition(histories, days):
    again = []
    for history in histories:
        later = [replace(event, recorded_on=event.on + timedelta(days=days)) for event in history.events]
        again.append(replace(history, events=(*history.events, *later)))
    once, twice = cut_at(histories, date(2040, 1, 1)), cut_at(again, date(2040, 1, 1))
    assert once.row.tolist() == twice.row.tolist()
    for name in once.events.keys() - {"recorded_day"}:
        np.testing.assert_array_equal(once.events[name], twice.events[name])


@quick
@given(st.lists(st.from_type(TraceEvent), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_events_of_one_day_have_one_order_too(events, chance):
    events = [replace(event, type="usage", on=date(2022, 1, 1), reported_on=None) for event in events]
    other = list(events)
    chance.shuffle(other)
    same(cut_at([PackHistory(events=tuple(events))]), cut_at([PackHistory(events=tuple(other))]))


@quick
@given(st.lists(st.from_type(TraceEvent), min_size=2, max_size=5), st.integers(0, 300))
def test_when_events_of_one_day_were_recorded_changes_neither_order_nor_repetition(events, days):
    on = date(2022, 1, 1)
    events = [replace(event, type="usage", on=on, reported_on=None, recorded_on=None) for event in events]
    later = [replace(event, recorded_on=on + timedelta(days=days + place)) for place, event in enumerate(events)]
    plain, mixed = (cut_at([PackHistory(events=tuple(part))], date(2040, 1, 1)) for part in (events, events + later))
    assert plain.row.tolist() == mixed.row.tolist()
    for name in plain.events.keys() - {"recorded_day"}:
        np.testing.assert_array_equal(plain.events[name], mixed.events[name])


@quick
@given(ANY_PACKS)
def test_events_are_ordered_by_pack_and_day(histories):
    cases = cut_at(histories)
    assert (np.diff(cases.row) >= 0).all()
    same_pack = np.diff(cases.row) == 0
    assert (np.diff(cases.events["on_day"])[same_pack] >= 0.0).all()


@quick
@given(st.lists(st.from_type(PackHistory), min_size=2, max_size=4), st.data())
def test_take_keeps_the_events_of_each_pack(histories, data):
    rows = data.draw(st.lists(st.integers(0, len(histories) - 1), min_size=1, max_size=5))
    taken = tabulate(histories).take(np.array(rows))
    again = tabulate([histories[row] for row in rows])
    assert taken.texts == again.texts
    assert taken.row.tolist() == again.row.tolist()
    for name, column in again.packs.items():
        np.testing.assert_array_equal(column, taken.packs[name])
    for name, column in again.events.items():
        np.testing.assert_array_equal(column, taken.events[name])


def test_each_pack_is_cut_at_its_own_day():
    table = tabulate([HISTORY, HISTORY, HISTORY])
    days = np.array([day_number(date(2020, 6, 1)), day_number(date(2021, 1, 1)), day_number(date(2021, 6, 1))])
    assert np.bincount(cut(table, days).row, minlength=3).tolist() == [1, 2, 3]


def test_a_report_counts_from_the_day_it_was_made():
    late = replace(HISTORY.events[0], reported_on=AS_OF + timedelta(days=1))
    cases = cut_at([replace(HISTORY, events=(late,))])
    assert len(cases.row) == 0
    assert len(cut_at([replace(HISTORY, events=(late,))], AS_OF + timedelta(days=1)).row) == 1


def test_the_same_event_from_another_reporter_is_another_event():
    one = HISTORY.events[0]
    assert len(cut_at([replace(HISTORY, events=(one, one))]).row) == 1
    assert len(cut_at([replace(HISTORY, events=(one, replace(one, reporter="x")))]).row) == 2


def test_aggregates_over_the_events_of_a_pack():
    cases = cut_at([HISTORY, PackHistory()])
    tested, lab = cases.is_type("tested"), cases.is_choice("method", "lab")
    assert tested.tolist() == lab.tolist() == [False, False, True]
    assert cases.is_type("tested", "usage").all()
    assert cases.is_type(*EVENT_TYPES).all()
    assert cases.last("soh").tolist()[0] == 0.9
    assert cases.first("soh").tolist()[0] == 0.95
    assert cases.last("soh", ~tested).tolist()[0] == 0.95
    assert cases.highest("odometer_km").tolist()[0] == 20.0
    assert cases.lowest("odometer_km").tolist()[0] == 10.0
    assert cases.total("odometer_km").tolist() == [30.0, 0.0]
    assert cases.count(tested).tolist() == [1.0, 0.0]
    assert np.isnan([cases.last("soh")[1], cases.highest("soh")[1]]).all()
