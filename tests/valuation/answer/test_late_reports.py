"""Reports after the valuation day are counted, with the first day on which they are used."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from valuation.answer.fleet_values import appraise_fleet
from valuation.answer.late_reports import late_report_cautions, not_used
from valuation.appraisal import appraise, appraise_many
from valuation.ingest import Document, read_market, read_passport, read_trace
from valuation.ingest.read_traces import Traces
from valuation.record.cases import cut
from valuation.record.history import PackHistory
from valuation.record.to_columns import day_number, tabulate
from valuation.record.unused_events import NOTHING_LEFT_OUT, NotUsed
from valuation.result import Valuation
from valuation.terms import ValuationTerms

quick = settings(max_examples=60, deadline=None)
slow = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
PACKS = st.lists(st.from_type(PackHistory), min_size=1, max_size=4)
DAYS = st.integers(0, 365 * 14).map(lambda days: date(2014, 1, 1) + timedelta(days=days))
DAY = date(2026, 6, 1)
PLATE = {"battery_code": "T01PB0A0000001A680000123", "chemistry": "LFP", "rated_energy_kwh": 52.5}
FLOOD = {"type": "negative", "kind": "water", "severity": 0.3, "on": "2026-05-01"}


@pytest.fixture(scope="module")
def market():
    return read_market(Path(__file__).parents[3] / "data_samples" / "quotes.csv")


def cases_of(histories, as_of):
    table = tabulate(histories)
    return cut(table, np.full(table.rows, day_number(as_of)))


def left_out(history, as_of):
    (found,) = not_used(cases_of([history], as_of))
    return found


@quick
@given(PACKS, DAYS)
def test_used_and_unused_events_add_up_to_all(histories, as_of):
    cases = cases_of(histories, as_of)
    for history, used, found in zip(histories, cases.counted.tolist(), not_used(cases), strict=True):
        known = [event for event in history.events if event.known_by(as_of)]
        late = [event for event in history.events if not event.known_by(as_of)]
        distinct = [{repr(replace(event, recorded_on=None)) for event in some} for some in (known, late)]
        assert (used, found.events_after_as_of) == (len(distinct[0]), len(distinct[1]))
        assert found.happened_after + found.reported_after + found.recorded_after == found.events_after_as_of
        assert found.happened_after == len(
            {repr(replace(event, recorded_on=None)) for event in late if event.on > as_of}
        )


@quick
@given(st.from_type(PackHistory), DAYS)
def test_first_counts_on_is_the_first_day_that_uses_an_event(history, as_of):
    found = left_out(history, as_of)
    first = found.first_counts_on
    if first is None:
        assert found == NOTHING_LEFT_OUT
        return
    assert first > as_of
    events_only = replace(history, superseded_on=None)
    before, then = left_out(history, first - timedelta(days=1)), left_out(history, first)
    assert before.events_after_as_of == found.events_after_as_of  # the reason may be another on a later day
    assert (before.first_counts_on, before.nameplate_counts_on) == (first, found.nameplate_counts_on)
    if found.nameplate_counts_on == first:
        assert then.nameplate_counts_on is None
    else:
        assert then.events_after_as_of < found.events_after_as_of
        assert left_out(events_only, as_of).first_counts_on == first


@quick
@given(PACKS, DAYS)
def test_one_pack_has_the_same_late_reports_as_its_row_in_a_batch(histories, as_of):
    together = not_used(cases_of(histories, as_of))
    assert together == [left_out(history, as_of) for history in histories]


@slow
@given(PACKS, DAYS.filter(lambda day: day.year >= 2024))
def test_one_pack_and_a_fleet_have_the_same_cautions(market, histories, as_of):
    traces = Traces(histories=tuple(histories), notes=((),) * len(histories))
    answers = appraise_many(traces, market, as_of=as_of, explain=False)
    valued = [answer for answer in answers if isinstance(answer, Valuation)]
    fleet = appraise_fleet(traces.table, market, None, ValuationTerms(as_of=as_of, explain=False))
    masks = dict(fleet.cautions)
    for place, answer in enumerate(valued):
        said = {caution.id for caution in answer.cautions} & {"D01", "D02"}
        assert said == {name for name in ("D01", "D02") if name in masks and masks[name][place]}
        assert ("D01" in said) == (answer.not_used.events_after_as_of > 0)
        assert ("D02" in said) == (answer.not_used.nameplate_counts_on is not None)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ({}, NOTHING_LEFT_OUT),
        ({"reported_on": "2026-06-01"}, NOTHING_LEFT_OUT),
        ({"on": "2026-06-02"}, {"happened_after": 1, "first_counts_on": date(2026, 6, 2)}),
        ({"on": "2026-06-02", "recorded_on": "2026-06-09"}, {"happened_after": 1, "first_counts_on": date(2026, 6, 9)}),
        ({"reported_on": "2026-06-04"}, {"reported_after": 1, "first_counts_on": date(2026, 6, 4)}),
        (
            {"reported_on": "2026-05-04", "recorded_on": "2026-06-05"},
            {"recorded_after": 1, "first_counts_on": date(2026, 6, 5)},
        ),
    ],
    ids=str,
)
def test_why_an_event_does_not_count_and_from_when_it_does(market, days, expected):
    record = read_trace(PLATE | {"events": [FLOOD | days]})
    answer = appraise(record, market, as_of=DAY)
    if expected is not NOTHING_LEFT_OUT:
        expected = NotUsed(events_after_as_of=1, **expected)
    assert answer.not_used == expected
    assert ("D01" in {caution.id for caution in answer.cautions}) == (expected is not NOTHING_LEFT_OUT)
    assert appraise(record, market, as_of="2026-07-01").not_used == NOTHING_LEFT_OUT


def test_a_newer_nameplate_is_named_with_its_day(market):
    record = read_trace(PLATE | {"superseded_on": "2026-06-03"})
    answer = appraise(record, market, as_of=DAY)
    assert answer.not_used == NotUsed(nameplate_counts_on=date(2026, 6, 3), first_counts_on=date(2026, 6, 3))
    (caution,) = [caution for caution in answer.cautions if caution.id == "D02"]
    assert "2026-06-03" in caution.message_en
    assert "2026-06-03" in caution.message_zh
    assert appraise(record, market, as_of="2026-06-03").not_used == NOTHING_LEFT_OUT


def test_the_message_states_count_reason_and_day():
    found = NotUsed(events_after_as_of=3, happened_after=1, recorded_after=2, first_counts_on=date(2026, 6, 5))
    ((row, caution),) = late_report_cautions([found])
    assert (row, caution.id, caution.severity) == (0, "D01", "warn")
    assert caution.message_en == (
        "3 events are not used: 1 happened after the valuation day, 2 recorded after it."
        " The first day that counts any of this is 2026-06-05."
    )
    assert caution.message_zh == (
        "有 3 条记录未计入：1 条发生在评估基准日之后，2 条在其后入库。评估基准日最早取 2026-06-05 方可计入。"
    )


def test_an_event_reported_on_the_day_counts_on_the_day(market):
    today = FLOOD | {"on": "2026-05-31", "reported_on": DAY.isoformat(), "recorded_on": DAY.isoformat()}
    dry = appraise(read_trace(PLATE), market, as_of=DAY)
    wet = appraise(read_trace(PLATE | {"events": [today]}), market, as_of=DAY)
    assert wet.residual_value.point < dry.residual_value.point
    assert wet.not_used == NOTHING_LEFT_OUT


def test_readings_of_a_passport_that_came_later_are_counted():
    files = sorted((Path(__file__).parents[3] / "data_samples" / "passports").glob("idta_*.json"))
    documents = [Document(name=path.name, content=path.read_bytes()) for path in files]
    (history,) = read_passport(documents).histories
    last = max(event.known_from for event in history.events)
    found = left_out(history, last - timedelta(days=1))
    assert found.events_after_as_of == sum(event.known_from == last for event in history.events)
    assert found.first_counts_on == last
