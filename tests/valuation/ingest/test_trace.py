import json
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from valuation.errors import CanzhiError, FieldError, RefusedPack, UnreadableRecord
from valuation.ingest import Limits, Traces, input_digest, read_trace, write_trace
from valuation.ingest.canonical_json import write_trace as written
from valuation.ingest.fields.normalise_code import normalise_code

CODE = "T01PB0A0000001A680000123"
RECORD = {
    "battery_code": CODE,
    "chemistry": "LFP",
    "rated_energy_kwh": 52.5,
    "composition": {"lithium_kg": 4.6},
    "modules": [{"battery_code": "T01MB0A0000001A680000001", "soh": 0.81}],
    "events": [
        {"type": "usage", "on": "2024-03-31", "reported_on": "2024-04-02", "odometer_km": 81234, "soh": 0.88},
        {"type": "negative", "on": "2024-05-01", "kind": "water"},
    ],
}  # fmt: skip


def only(record, **options):
    traces = read_trace(record, **options)
    assert len(traces.histories) == 1
    return traces.histories[0], traces.notes[0]


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_a_written_history_is_read_back_equal(any_history, data):
    history = data.draw(any_history())
    read, _ = only(write_trace(history))
    assert read == history
    assert write_trace(read) == write_trace(history)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_order_and_repetition_of_events_do_not_change_the_digest(any_history, data):
    history = data.draw(any_history())
    events = data.draw(st.permutations([*history.events, *history.events[:1]]))
    other = type(history)(
        **{name: getattr(history, name) for name in history.__slots__ if name != "events"}, events=tuple(events)
    )
    assert input_digest(other) == input_digest(history)


def test_a_changed_fact_changes_the_digest():
    one, _ = only(RECORD)
    two, _ = only({**RECORD, "rated_energy_kwh": 52.6})
    assert input_digest(one) != input_digest(two)


def test_a_code_alone_is_enough():
    history, notes = only({"battery_code": CODE})
    assert (history.battery_code, notes) == (CODE, ())


@pytest.mark.parametrize("missing", ["chemistry", "rated_energy_kwh"])
@pytest.mark.parametrize("code", [None, "660050GMHF3A041X0"])
def test_chemistry_and_energy_are_required_without_a_valid_code(missing, code):
    record = {"battery_code": code, "chemistry": "LFP", "rated_energy_kwh": 52.5}
    assert only(record)[0].chemistry == "LFP"
    del record[missing]
    with pytest.raises(FieldError) as caught:
        read_trace(record)
    assert missing in str(caught.value)


def test_unknown_fields_are_kept_and_reported():
    history, notes = only({**RECORD, "库位": "A-01", "composition": {"gold_kg": 1, "lithium_kg": 2.0}})
    assert history.extras == {"库位": "A-01", "composition.gold_kg": 1}
    assert [(note.caution.id, note.caution.severity) for note in notes] == [("I01", "info")]
    assert "库位" in notes[0].caution.message_zh
    assert only(write_trace(history))[0] == history


def test_a_note_about_an_event_is_known_from_the_day_the_event_is_known():
    events = [{"type": "usage", "on": "2024-03-31", "reported_on": "2024-04-02", "soh": "-", "colour": "red"}]
    history, notes = only({**RECORD, "events": events})
    assert history.events[0].extras == {"colour": "red"}
    assert "soh" not in history.events[0].facts
    assert {(note.caution.id, note.known_from) for note in notes} == {
        ("I01", date(2024, 4, 2)),
        ("I02", date(2024, 4, 2)),
    }


@pytest.mark.parametrize("mark", ["-", "--", "/", "", "-1", -1])
def test_placeholders_are_read_as_unknown_and_noted(mark):
    history, notes = only({**RECORD, "mass_kg": mark})
    assert history.mass_kg is None
    assert notes[0].caution.id == "I02"


def test_all_problems_of_a_record_are_named_at_once():
    record = {
        **RECORD,
        "chemistry": "gold",
        "mass_kg": "385 kWh",
        "events": [{"type": "tested", "on": "1/2/2024", "soh": 88}],
    }
    with pytest.raises(FieldError) as caught:
        read_trace(record)
    for part in ("chemistry is 'gold'", "mass_kg is the text", "events[0].on", "events[0].soh is 88"):
        assert part in str(caught.value)
    assert caught.value.field == "chemistry"


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"on": "2024-01-01"}, "events[0].type"),
        ({"type": "usage"}, "events[0].on"),
        ({"type": "flown", "on": "2024-01-01"}, "events[0].type"),
        ({"type": "tested", "on": "2024-01-01"}, "events[0].method"),
        ({"type": "maintained", "on": "2024-01-01"}, "events[0].work"),
        ({"type": "negative", "on": "2024-01-01", "kind": None}, "events[0].kind"),
        ("usage", "events[0]"),
        (None, "events[0]"),
    ],
)
def test_an_event_that_cannot_be_used_is_named(event, field):
    with pytest.raises(FieldError) as caught:
        read_trace({**RECORD, "events": [event]})
    assert caught.value.field == field


def test_a_field_given_twice_is_refused():
    with pytest.raises(FieldError, match="given twice"):
        read_trace({**RECORD, "额定能量": 50.0})


def test_a_name_given_twice_is_refused_and_a_text_that_looks_like_one_is_not():
    with pytest.raises(UnreadableRecord, match="'soh' is given twice"):
        read_trace(f'{{"battery_code": "{CODE}", "modules": [{{"soh": 0.8, "soh": 0.95}}]}}')
    assert only(json.dumps({**RECORD, "maker": 'a": b'}))[0].maker == 'a": b'


@pytest.mark.parametrize("value", [10**400, {"a": 1}, "x" * 5000, float("nan")])
def test_the_value_in_a_refusal_is_short(value):
    with pytest.raises(FieldError) as caught:
        read_trace({**RECORD, "mass_kg": value})
    assert len(json.dumps(caught.value.value)) < 100
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_with_a_mark_are_read(encoding):
    assert only(json.dumps({**RECORD, "maker": "某企业"}, ensure_ascii=False).encode(encoding))[0].maker == "某企业"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n",
        b"{",
        b"[]",
        b"[1, 2]",
        b"null",
        b"\xff\xfe\x00",
        '{"maker": "某某电池有限公司"}'.encode("gb18030"),
        b'{"mass_kg": NaN}',
        b'{"mass_kg": 1e400}',
        b'{"mass_kg": Infinity}',
        b"PK\x03\x04zip",
        b"PAR1 no parquet",
        b"ARROW1 no arrow",
        b"hello, world",
        b"[" * 100_000,
        b'{"a":' * 5000,
    ],
)
def test_unreadable_content_is_refused_with_a_message(content):
    with pytest.raises(UnreadableRecord) as caught:
        read_trace(content)
    assert caught.value.hint


def test_a_missing_file_is_refused_with_a_message(tmp_path):
    with pytest.raises(UnreadableRecord, match="cannot be read"):
        read_trace(tmp_path / "nothing.json")
    with pytest.raises(UnreadableRecord):
        read_trace("a\0b")


def test_limits_are_kept():
    with pytest.raises(UnreadableRecord, match="bytes"):
        read_trace(b" " * 100, limits=Limits(source_bytes=10))
    with pytest.raises(FieldError, match="at most 1"):
        read_trace(RECORD, limits=Limits(events=1))
    with pytest.raises(UnreadableRecord, match="more than 1 records"):
        read_trace([RECORD, {**RECORD, "battery_code": None}], limits=Limits(records=1))


def test_wrong_records_among_several_are_reported_as_problems():
    lines = [json.dumps(RECORD), "", '{"soh": 1', json.dumps({"chemistry": "gold"}), "3"]
    traces = read_trace("\n".join(lines).encode())
    assert [history.battery_code for history in traces.histories] == [CODE]
    assert [problem.where for problem in traces.problems] == ["record line 3", "record line 5", "record line 4"]
    assert traces.table.rows == 1


def test_two_packs_with_one_code_are_both_refused():
    traces = read_trace([RECORD, {**RECORD, "chemistry": "NMC"}, {"chemistry": "LFP", "rated_energy_kwh": 1.0}])
    assert [history.chemistry for history in traces.histories] == ["LFP"]
    assert all(isinstance(problem.error, RefusedPack) for problem in traces.problems)
    assert len(traces.problems) == 2


def check_said(refusal):
    assert refusal.message
    assert refusal.hint


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(10**400) | st.just("88 %"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


@pytest.mark.parametrize("name", ["%", "Ah", "colour %", "colour[1].x"])
def test_an_unknown_field_of_a_part_is_written_and_read_again(name):
    modules, composition = [{**RECORD["modules"][0], name: None}], {**RECORD["composition"], name: 1}
    history = read_trace({**RECORD, "modules": modules, "composition": composition}).histories[0]
    assert read_trace(written(history)).histories[0] == history


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_damaged_record_raises_only_canzhi_errors(data):
    record = json.loads(json.dumps(RECORD))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in places(record) if path]))
        holder = record
        for key in path[:-1]:
            holder = holder[key]
        if data.draw(st.booleans()):
            holder[path[-1]] = data.draw(JUNK)
        elif isinstance(holder, dict):
            del holder[path[-1]]
            holder[data.draw(st.text(max_size=8))] = data.draw(JUNK)
        if not isinstance(record.get("events"), list) or not record:
            break
    try:
        traces = read_trace(record)
    except CanzhiError as refusal:
        check_said(refusal)
    else:
        assert isinstance(traces, Traces)
        for history in traces.histories:
            assert read_trace(written(history)).histories[0] == history


@settings(max_examples=200, deadline=None)
@given(
    noise=st.binary(max_size=60),
    at=st.integers(0, 200),
    start=st.sampled_from([b"", b"{", b"PAR1", b"\xff\xfe", b"PK"]),
)
def test_damaged_bytes_raise_only_canzhi_errors(noise, at, start):
    content = json.dumps(RECORD).encode()
    for damaged in (start + noise, content[:at] + noise + content[at + 3 :]):
        try:
            traces = read_trace(damaged)
        except CanzhiError as refusal:
            check_said(refusal)
        else:
            assert isinstance(traces, Traces)


def test_finding_a_name_given_twice_takes_no_longer_for_many_names():
    names = ",".join(f'"k{number}":1' for number in range(60_000))
    with pytest.raises(UnreadableRecord, match="'k59999' is given twice"):
        read_trace(f'{{{names},"k59999":2}}'.encode())  # comparing all with all would take minutes


@pytest.mark.parametrize("levels", [200, 950, 2_000, 60_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"y":[', b"]}"), (b'["\\"[",{"y":', b"}]")])
def test_too_deep_nesting_gives_the_same_message_on_every_python(levels, opening, closing):
    parts = levels if opening == b"[" else levels // 2
    inside = b"[]" if opening == b"[" else b"0"
    with pytest.raises(UnreadableRecord, match=r"^record is nested too deep: more than 200 levels$"):
        read_trace(b'{"x":' + opening * parts + inside + closing * parts + b"}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"x":' + b"[" * 60_000, "is nested too deep"),
        (b'{"x":' + b"[{" * 60_000 + b"]" * 9, "is nested too deep"),
        (b'{"x":' + b"]" * 60_000, "is not JSON"),
        (b'{"x":' + b"[" * 150, "is not JSON"),
    ],
)
def test_any_number_of_unmatched_brackets_is_refused(content, reason):
    with pytest.raises(UnreadableRecord, match=reason):
        read_trace(content)


def test_brackets_in_texts_or_side_by_side_add_no_nesting_level():
    events = [{"type": "usage", "on": "2024-03-31", "note": "[{" * 20 + '"' + "\\"}] * 300
    read = read_trace(json.dumps({"battery_code": CODE, "events": events}).encode())
    assert len(read.histories[0].events) == 300


def test_only_the_first_of_many_wrong_events_are_reported():
    wrong = [{"type": "usage", "on": "2024-13-01"}] * 5000
    with pytest.raises(FieldError, match="; and at least 96 more"):
        read_trace({"battery_code": CODE, "events": wrong})


@pytest.mark.parametrize(
    "spelled", ["001pb0a 0000001a6800 00123", "0000001A680000123 001PB0A", "\uff10\uff10\uff11PB0A0000001A680000123"]
)
def test_one_code_on_two_packs_is_refused_however_it_is_spelled(spelled):
    plate = {"chemistry": "LFP", "rated_energy_kwh": 50.0}
    read = read_trace([{"battery_code": "001PB0A0000001A680000123"}, {"battery_code": spelled}, plate, plate])
    assert [history.battery_code for history in read.histories] == [None, None]
    assert len(read.problems) == 2


SPELLINGS = [CODE.lower(), f"{CODE[:12]} {CODE[12:]}", CODE.translate({ord("P"): 0xFF30, ord("A"): 0xFF21}), f"{CODE}C"]


@pytest.mark.parametrize("spelled", SPELLINGS)
def test_a_code_is_normalised_to_one_spelling(spelled):
    history, notes = only({**RECORD, "battery_code": spelled})
    assert history == only(RECORD)[0]
    assert [note.caution.id for note in notes] == ["I04"]
    assert f"{spelled!r} is read as {CODE!r}" in notes[0].caution.message_en
    assert notes[0].caution.severity == "info"


@pytest.mark.parametrize("nothing", ["00000000", f"{CODE} {CODE[:-1]}9", "LEGACY-7"])
def test_a_placeholder_or_ambiguous_code_is_kept_unchanged(nothing):
    history, notes = only({**RECORD, "battery_code": nothing})
    assert (history.battery_code, notes) == (nothing, ())


@given(st.text(max_size=60))
def test_a_normalised_code_is_unchanged_by_normalising(text):
    name = normalise_code(text)
    assert normalise_code(name) == name


@pytest.mark.parametrize("oddity", ['"maker": "a", "maker": "b"', '"mass_kg": 1e999', '"mass_kg": NaN'])
def test_an_object_over_several_lines_is_not_read_as_json_lines(oddity):
    module = '{"battery_code": "001PB0A0000001A680000123"}'
    content = f'{{"battery_code": "T01PB0A0000001A680000123", {oddity}, "modules": [\n{module},\n{module}\n]}}'
    for source in (content, content.encode()):
        with pytest.raises(UnreadableRecord):
            read_trace(source)
