"""Canonical bytes, normalised records and explained values decode to the same record."""

from __future__ import annotations

import copy
from datetime import date

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valuation.errors import CanzhiError, FieldError
from valuation.ingest import Traces, input_digest, join_traces, lenient_record, read_trace, read_traces, write_trace
from valuation.ingest.record_decoder import NotCanonical, decode_record
from valuation.ingest.record_schema import EVENT_KINDS, EVENT_OWN
from valuation.record.to_columns import tabulate

CODE = "T01PB0A0000001A680000123"
ODD = (0, -1, -1.0, 10**40, "", "-", " x", "x\n", "88 %", True, [], {}, "2024-02-30", "20240101", "1899-01-01", "LFP",
       "磷酸铁锂", "\u3000", 10**18, None, "new_name", "a", "-1")  # fmt: skip
DAYS = (date(1995, 1, 1), date(2021, 6, 30), date(2099, 1, 1))


def places(record, path=()):
    """Return the path of every value in a record."""
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


def answer(content):
    """Return the result of decoding, or its error."""
    try:
        read = read_trace(content)
    except CanzhiError as error:
        return type(error), str(error), error.hint
    table = read.table
    columns = {**{f"pack {name}": one for name, one in table.packs.items()}, **table.events, "row": table.row}
    return (
        read.histories,
        read.notes,
        read.written(0),
        write_trace(read.histories[0]),
        [read.digest(0, day) for day in DAYS],
        [input_digest(read.histories[0].known_by(day)) for day in DAYS],
        [read.cautions(0, day) for day in DAYS],
        table.texts,
        {name: np.asarray(column, dtype=np.float64).tobytes() for name, column in columns.items()},
    )


def not_canonical(fields):
    raise NotCanonical


def check_ways(content):
    """Check that a record is decoded equally as canonical bytes, event by event, and value by value."""
    strict = answer(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_traces, "decode_record", lambda *_: None)
        assert answer(content) == strict
        patch.setattr(lenient_record, "decode_event", not_canonical)
        assert answer(content) == strict
    if len(strict) > 3:
        assert strict[2] == strict[3]
        assert strict[4] == strict[5]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_all_readers_agree_on_a_record(any_history, data):
    history = data.draw(any_history())
    content = write_trace(history)
    assert read_trace(content).histories == (history,)
    check_ways(content)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_the_table_of_a_record_is_the_table_of_its_history(any_history, data):
    read = read_trace(write_trace(data.draw(any_history())))
    table, wanted = read.table, tabulate(read.histories)
    assert table.texts == wanted.texts
    np.testing.assert_array_equal(table.row, wanted.row)
    for name in (*wanted.packs, *wanted.events):
        one, other = (part.packs.get(name, part.events.get(name)) for part in (table, wanted))
        np.testing.assert_array_equal(one, other)


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_all_readers_refuse_a_wrong_value_with_the_same_message(any_history, data):
    record = msgspec.json.decode(write_trace(data.draw(any_history())))
    place = data.draw(st.sampled_from(places(record) or [("battery_code",)]))
    other = spoilt(record, place, data.draw(st.sampled_from(ODD)))
    if data.draw(st.booleans()):
        other["unheard_of"] = 1
    try:
        content = msgspec.json.encode(other)
    except (msgspec.MsgspecError, OverflowError):
        return
    check_ways(content)


@pytest.mark.parametrize("value", [*ODD, float("nan"), float("inf"), 10**400, "\ud800", date(2020, 1, 1)])
@pytest.mark.parametrize("name", ["type", "on", "soh", "soh_source", "reporter", "unheard_of"])
def test_non_json_values_are_read_equally_with_and_without_the_decoder(name, value):
    record = {"battery_code": CODE, "events": [{"type": "usage", "on": "2024-01-01", name: value}]}
    first = answer(record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lenient_record, "decode_event", not_canonical)
        assert answer(record) == first


@pytest.mark.parametrize("unknown", [{"\ud800": 1}, {"note": {"\ud800": 1}}])
def test_a_name_that_is_not_unicode_is_refused(unknown):
    with pytest.raises(FieldError, match="not Unicode"):
        read_trace({"battery_code": CODE, **unknown})


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
def test_a_special_record_is_read_alike_in_every_way(record):
    check_ways(record.replace(b"%s", CODE.encode()))


def test_event_fields_are_in_the_order_in_which_columns_expect_them():
    for kind in EVENT_KINDS:
        names = [field.name for field in EVENT_OWN[kind]]
        assert list(kind.__struct_fields__[: len(names)]) == names


def test_more_events_than_the_limit_are_not_decoded():
    content = b'{"battery_code": "%s", "events": [{"type": "usage", "on": "2022-01-01"}]}' % CODE.encode()
    assert decode_record(content, 1) is not None
    assert decode_record(content, 0) is None


def test_traces_are_joined_in_their_order():
    one = read_trace(b'{"battery_code": "%s", "made_on": "2020-01-01"}' % CODE.encode())
    other = read_trace({"battery_code": CODE[:-1] + "4", "额定能量": 50.0})
    assert [history.battery_code for history in join_traces([other, one]).histories] == [CODE[:-1] + "4", CODE]
    both = join_traces([one, one])
    assert both.table.rows == 2
    assert both.written(1) == one.written(0)


def test_a_part_of_traces_is_read_as_those_packs_alone():
    packs = [{"battery_code": CODE[:-1] + digit, "events": [{"type": "usage", "on": "2022-01-01"}]} for digit in "123"]
    read = read_trace(packs)
    for traces in (read, Traces(histories=read.histories, notes=read.notes)):
        part = traces.part(slice(1, 3))
        assert part.histories == read.histories[1:]
        assert part.table.row.tolist() == [0, 1]
        assert part.written(1) == read.written(2)
