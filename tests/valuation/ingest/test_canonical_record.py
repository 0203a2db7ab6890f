"""What is read at one go is what the patient reader reads, and whatever is odd is left to it."""

from __future__ import annotations

import copy

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.ingest import lenient_record as patient
from valuation.ingest import write_trace
from valuation.ingest.canonical_record import canonical_event, canonical_pack

CODE = "T01PB0A0000001A680000123"
ODD = (0, -1, -1.0, 1.5e301, 10**400, "", "-", " x", "x\n", "88 %", True, [], {}, "2024-02-30", "20240101",
       "2024-W01-1", "1899-01-01", "LFP", "磷酸铁锂", float("inf"), float("nan"), "\u3000", 10**18)  # fmt: skip


def patiently(record):
    """Return what the patient reader makes of a record, or its refusal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patient, "canonical_pack", lambda *_: None)
        patch.setattr(patient, "canonical_event", lambda _: None)
        return outcome(record)


def outcome(record):
    try:
        return patient.read_record(record)
    except Exception as error:  # noqa: BLE001 - whatever it is, both readers must say it
        return type(error), str(error), getattr(error, "hint", None)


def places(record, path=()):
    """Return every place of a record where something stands."""
    found = [path] if path else []
    inner = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    return found + [place for key, value in inner for place in places(value, (*path, key))]


def spoilt(record, place, value):
    other = copy.deepcopy(record)
    at = other
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = value
    return other


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_proper_record_is_read_at_one_go_as_the_patient_reader_reads_it(any_history, data):
    history = data.draw(any_history(extras=st.just({})))
    record = msgspec.json.decode(write_trace(history))
    assert canonical_pack(record, 2000) is not None
    assert tuple(canonical_event(event) for event in record.get("events", [])) == history.events
    assert outcome(record) == patiently(record)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_an_odd_value_anywhere_is_told_as_the_patient_reader_tells_it(any_history, data):
    record = msgspec.json.decode(write_trace(data.draw(any_history())))
    place = data.draw(st.sampled_from(places(record) or [("battery_code",)]))
    other = spoilt(record, place, data.draw(st.sampled_from((*ODD, None, "new_name"))))
    if data.draw(st.booleans()):
        other["unheard_of"] = 1
    first, second = outcome(other), patiently(other)
    assert repr(first) == repr(second)  # by their spelling: what is not a number equals nothing, itself included


@pytest.mark.parametrize(
    "event",
    [
        {"type": "tested", "on": "2024-01-01"},
        {"type": "usage"},
        {"type": "retired", "on": "2024-01-01", "soh": 0.8},
        {"on": "2024-01-01"},
        {"type": "Usage", "on": "2024-01-01"},
    ],
)
def test_an_event_that_lacks_something_or_has_too_much_is_left_alone(event):
    record = {"battery_code": CODE, "events": [event]}
    assert canonical_event(event) is None
    assert outcome(record) == patiently(record)
