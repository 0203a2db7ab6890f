"""What compiled code reads is what the patient reader reads, and whatever is odd is left to it."""

from __future__ import annotations

import copy
from datetime import date

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.errors import CanzhiError
from valuation.ingest import join_traces, read_trace, read_traces, write_trace
from valuation.ingest.record_decoder import decode_record
from valuation.ingest.record_schema import EVENT_KINDS, EVENT_OWN
from valuation.ingest.trace_set import DecodedTraces

CODE = "T01PB0A0000001A680000123"
ODD = (0, -1, -1.0, 10**40, "", "-", " x", "x\n", "88 %", True, [], {}, "2024-02-30", "20240101", "1899-01-01", "LFP",
       "磷酸铁锂", "\u3000", 10**18, None, "new_name", "a", "-1")  # fmt: skip
DAYS = (date(1995, 1, 1), date(2021, 6, 30), date(2099, 1, 1))


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


def told(content):
    """Return everything that a reading says, or its refusal."""
    try:
        read = read_trace(content)
    except CanzhiError as error:
        return type(error), str(error), error.hint
    table = read.table
    columns = {**{f"pack {name}": one for name, one in table.packs.items()}, **table.events, "row": table.row}
    return (
        repr(read.histories),
        read.notes,
        read.written(0),
        [read.digest(0, day) for day in DAYS],
        [read.cautions(0, day) for day in DAYS],
        table.texts,
        {name: np.asarray(column, dtype=np.float64).tobytes() for name, column in columns.items()},
    )


def patiently(content):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_traces, "decode_record", lambda *_: None)
        return told(content)


def same(content):
    """Compare both readings of some bytes; of objects by their parts, for facts stand in another order."""
    first, second = told(content), patiently(content)
    assert len(first) == len(second)
    assert first[1:] == second[1:]
    if len(first) == 3:
        assert first == second


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_a_proper_record_is_read_by_compiled_code_as_the_patient_reader_reads_it(any_history, data):
    history = data.draw(any_history(extras=st.just({})))
    content = write_trace(history)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_traces, "decode_record", lambda *_: None)
        slow = read_trace(content)
    fast = read_trace(content)
    assert fast.histories == slow.histories
    same(content)


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_an_odd_value_anywhere_is_told_as_the_patient_reader_tells_it(any_history, data):
    record = msgspec.json.decode(write_trace(data.draw(any_history())))
    place = data.draw(st.sampled_from(places(record) or [("battery_code",)]))
    other = spoilt(record, place, data.draw(st.sampled_from(ODD)))
    if data.draw(st.booleans()):
        other["unheard_of"] = 1
    try:
        content = msgspec.json.encode(other)
    except (msgspec.MsgspecError, OverflowError):
        return
    same(content)


RECORDS = [
    b'{"battery_code": "%s", "battery_code": "T01PB0A0000001A680000124"}',
    b'{"battery_code": "%s", "made_on": "2020-01-01", "made_on" : "2020-01-02"}',
    b'{"battery_code": "%s", "maker": "a\\u0022:", "maker": "b"}',
    b'{"battery_code": "%s", "maker": ":x", "events": []}',
    b'{"battery_code": "%s", "maker": " x"}',
    b'{"battery_code": "%s", "maker": "/"}',
    b'{"battery_code": "%s", "maker": null, "modules": [], "composition": {}}',
    b'{"battery_code": "%s", "modules": [{}, {"soh": 0.5}]}',
    b'{"battery_code": "%s", "modules": [{"battery_code": " "}]}',
    b'{"battery_code": "%s", "events": [{"type": "retired", "on": "2022-01-01", "vin": "V"}]}',
    b'{"battery_code": "%s", "events": [{"type": "retired", "on": "2022-01-01", "vin": "V", "station": "S"}]}',
    b'{"battery_code": "%s", "events": [{"type": "retired", "on": "2022-01-01", "kind": "recall"}]}',
    b'{"battery_code": "%s", "events": [{"on": "2022-01-01", "soh": 0.9, "type": "usage"}], "chemistry": "LFP"}',
    b'{"battery_code": "%s", "events": [{"type": "usage", "on": "1989-01-01"}]}',
    b'{"battery_code": "%s", "events": [{"type": "usage", "on": "2022-01-01", "reported_on": "2101-01-01"}]}',
    b'{"battery_code": "%s", "events": [{"type": "tested", "on": "2022-01-01"}]}',
    b'{"battery_code": "%s", "rated_energy_kwh": 52, "mass_kg": -1}',
    b'{"battery_code": "%s", "made_on": "1950-01-01"}',
    b'{"battery_code": "%s"}\n{"battery_code": "T01PB0A0000001A680000124"}',
    b'\xef\xbb\xbf{"battery_code": "%s"}',
    b'{"battery_code": "%s", "maker": "\xff"}',
    b'{"chemistry": "LFP", "rated_energy_kwh": 50.0}',
    b'{"battery_code": "nothing", "events": [{"type": "usage", "on": "2022-01-01"}]}',
    b'{"battery_code": "t01pb0a0000001a680000123"}',
    b"[]",
    b"{}",
    b"",
]


@pytest.mark.parametrize("record", RECORDS)
def test_both_readers_say_the_same(record):
    same(record.replace(b"%s", CODE.encode()))


def test_the_names_of_a_type_stand_where_the_columns_look_for_them():
    for kind in EVENT_KINDS:
        names = [field.name for field in EVENT_OWN[kind]]
        assert list(kind.__struct_fields__[: len(names)]) == names


def test_more_events_than_the_limit_are_left_to_the_patient_reader():
    content = b'{"battery_code": "%s", "events": [{"type": "usage", "on": "2022-01-01"}]}' % CODE.encode()
    assert decode_record(content, 1) is not None
    assert decode_record(content, 0) is None


def test_readings_of_both_kinds_are_joined_in_their_order():
    one = read_trace(b'{"battery_code": "%s", "made_on": "2020-01-01"}' % CODE.encode())
    other = read_trace({"battery_code": CODE[:-1] + "4", "额定能量": 50.0})
    assert isinstance(one, DecodedTraces)
    assert not isinstance(other, DecodedTraces)
    assert [history.battery_code for history in join_traces([other, one]).histories] == [CODE[:-1] + "4", CODE]
    both = join_traces([one, one])
    assert isinstance(both, DecodedTraces)
    assert both.table.rows == 2
    assert both.written(1) == one.written(0)
