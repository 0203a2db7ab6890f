import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from valuation.errors import FieldError, RefusedPack, UnreadableRecord
from valuation.ingest import read_tables, read_trace
from valuation.ingest.canonical_json import write_trace
from valuation.record.to_columns import tabulate

SAMPLES = Path(__file__).parents[3] / "data_samples"
CODE, OTHER = "T01PB0A0000001A680000123", "T01PB0A0000001A680000124"


def as_tables(histories):
    """Return histories as the two tables of the contract."""
    packs, events = [], []
    for history in histories:
        record = json.loads(write_trace(history))
        events += [{"battery_code": history.battery_code, **event} for event in record.pop("events", [])]
        packs.append({**record.pop("composition", {}), **record})
    return rows(packs), rows(events)


def rows(records):
    names = list(dict.fromkeys(name for record in records for name in record)) or ["battery_code"]
    return pa.table({name: [record.get(name) for record in records] for name in names})


def as_csv(table):
    sink = io.BytesIO()
    texts = {
        name: [None if cell is None else spell(cell) for cell in table[name].to_pylist()] for name in table.column_names
    }
    arrow_csv.write_csv(pa.table({name: pa.array(cells, pa.string()) for name, cells in texts.items()}), sink)
    return sink.getvalue()


def spell(cell):
    return cell if isinstance(cell, str) else repr(cell)


def same(one, two):
    assert one.texts == two.texts
    assert one.row.tolist() == two.row.tolist()
    for left, right in ((one.packs, two.packs), (one.events, two.events)):
        assert set(left) == set(right)
        for name, column in right.items():
            assert np.array_equal(bits(left[name]), bits(column)), name


def bits(column):
    return np.where(np.isnan(column), np.nan, column).view(np.uint64)


def distinct(histories):
    return list({history.battery_code: history for history in histories}.values())


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_tables_and_json_give_the_same_columns_bit_for_bit(any_history, data):
    histories = distinct(data.draw(st.lists(any_history(extras=st.just({})), min_size=1, max_size=4)))
    wanted = tabulate(histories)
    packs, events = as_tables(histories)
    in_memory = read_tables(packs, events)
    assert in_memory.problems == ()
    same(in_memory.table, wanted)
    same(read_trace(write_lines(histories)).table, wanted)
    if "modules" not in packs.column_names:
        from_csv = read_tables(as_csv(packs), as_csv(events))
        assert from_csv.problems == ()
        same(from_csv.table, wanted)


def write_lines(histories):
    return b"\n".join(write_trace(history) for history in histories)


def test_parquet_from_a_path_and_from_bytes(tmp_path):
    packs, events = as_tables(read_trace(SAMPLES / "lfp_taxi.json").histories)
    parquet.write_table(packs, tmp_path / "packs.parquet")
    parquet.write_table(events, tmp_path / "events.parquet")
    wanted = read_trace(SAMPLES / "lfp_taxi.json").table
    same(read_tables(tmp_path / "packs.parquet", tmp_path / "events.parquet").table, wanted)
    content = (tmp_path / "packs.parquet").read_bytes()
    same(read_tables(content, (tmp_path / "events.parquet").read_bytes()).table, wanted)
    joined = read_trace([tmp_path / "packs.parquet", tmp_path / "events.parquet"])
    same(joined.table, wanted)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_tables_in_every_usual_encoding(encoding):
    packs, events = ((SAMPLES / name).read_text("utf-8").encode(encoding) for name in ("packs.csv", "events.csv"))
    read = read_tables(packs, events)
    assert read.problems == ()
    assert read.table.rows == 3
    same(read.table, read_trace([SAMPLES / "packs.csv", SAMPLES / "events.csv"]).table)
    assert [note.caution.id for note in read.notes[1]] == ["I02"]


def test_events_may_come_in_any_order():
    packs, events = (SAMPLES / "packs.csv").read_bytes(), (SAMPLES / "events.csv").read_text("utf-8").splitlines()
    backwards = "\n".join([events[0], *reversed(events[1:])]).encode()
    table = read_tables(packs, backwards).table
    assert table.row.tolist() == sorted(table.row.tolist())
    assert sorted(table.events["on_day"]) == sorted(
        read_tables(packs, "\n".join(events).encode()).table.events["on_day"]
    )


@pytest.mark.parametrize(
    ("events", "field", "said"),
    [
        ({"type": ["usage"], "on": ["2024-01-01"], "soh": [88.0]}, "events.soh", "above the highest possible 1.2"),
        ({"type": ["usage"], "on": ["3/4/2024"]}, "events.on", "no day in ISO 8601"),
        ({"type": ["flown"], "on": ["2024-01-01"]}, "events.type", "none of produced"),
        ({"type": ["usage"], "on": [None]}, "events.on", "missing"),
        ({"type": ["tested"], "on": ["2024-01-01"]}, "events.method", "missing"),
        ({"type": ["usage"], "on": ["2024-01-01"], "soh": [True]}, "events.soh", "true, not a number"),
        ({"type": ["usage"], "on": ["2024-01-01"], "soh": ["53mA"]}, "events.soh", "'53mA'"),
    ],
)
def test_a_pack_with_a_wrong_event_is_rejected_with_the_reason(events, field, said):
    packs = pa.table({"battery_code": [CODE, OTHER]})
    read = read_tables(packs, pa.table({"battery_code": [CODE], **events}))
    assert read.table.texts["battery_code"] == (OTHER,)
    assert [problem.battery_code for problem in read.problems] == [CODE]
    assert read.problems[0].where == "events row 1"
    assert read.problems[0].error.field == field
    assert said in read.problems[0].error.message


def test_rejected_packs_leave_no_gap_in_the_rows():
    packs = pa.table({
        "battery_code": [CODE, OTHER, None, "legacy-1", OTHER, None],
        "chemistry": [None, "LFP", "LFP", None, "LFP", "三元"],
        "rated_energy_kwh": [None, 50.0, 85000.0, 50.0, 50.0, 60.0],
    })  # fmt: skip
    events = pa.table({"battery_code": [CODE, "nobody", None], "type": ["usage"] * 3, "on": ["2024-01-01"] * 3})
    read = read_tables(packs, events)
    assert read.table.texts["battery_code"] == (CODE, None)
    assert read.table.packs["rated_energy_kwh"].tolist()[1] == 60.0
    assert read.table.row.tolist() == [0]
    by_place = {problem.where: problem.error for problem in read.problems}
    assert isinstance(by_place["packs row 2"], RefusedPack)
    assert isinstance(by_place["packs row 5"], RefusedPack)
    assert "85" in by_place["packs row 3"].hint
    assert "legacy-1" in by_place["packs row 4"].message
    assert "nobody" in by_place["events row 2"].message
    assert "None" in by_place["events row 3"].message


def test_unknown_columns_and_misplaced_fields_are_noted():
    packs = pa.table({"battery_code": [CODE], "库位": ["A"]})
    events = pa.table(
        {"battery_code": [CODE], "type": ["maintained"], "on": ["2024-01-01"], "work": ["seal"], "soh": [0.9]}
    )
    read = read_tables(packs, events)
    assert np.isnan(read.table.events["soh"]).all()
    assert [caution.id for caution in read.column_notes] == ["I01"]
    assert [note.caution.id for note in read.notes[0]] == ["I01"]


def test_modules_of_a_table_are_checked_too():
    modules = [
        [{"battery_code": "T01M1", "soh": 0.8}, {"battery_code": "T01M1", "soh": None}],
        None,
        [{"battery_code": "x", "soh": 80.0}],
    ]
    packs = pa.table({"battery_code": [CODE, OTHER, "T01PB0A0000001A680000125"], "modules": modules})
    read = read_tables(packs)
    assert read.table.packs["module_count"].tolist()[0] == 2.0
    assert np.isnan(read.table.packs["module_count"][1])
    assert read.problems[0].error.field == "modules.soh"


def test_tables_that_cannot_be_joined_are_refused():
    with pytest.raises(FieldError, match="no column battery_code"):
        read_tables(pa.table({"battery_code": [CODE]}), pa.table({"type": ["usage"]}))
    with pytest.raises(FieldError, match="twice"):
        read_tables(pa.table({"battery_code": [CODE], "电池编码": [CODE]}))
    with pytest.raises(FieldError, match="twice"):
        read_tables(b"battery_code,battery_code\na,b\n")
    with pytest.raises(UnreadableRecord, match="damaged"):
        read_tables(b"PAR1 this is none")


def test_csv_lines_of_another_length_are_rejected():
    read = read_tables(f"battery_code,mass_kg\n{CODE},385\n{OTHER},385,extra\n".encode())
    assert read.table.texts["battery_code"] == (CODE,)
    assert "3 cells" in read.problems[0].error.message


def test_a_ledger_is_read_row_by_row():
    traces = read_trace(SAMPLES / "ledger.csv")
    assert traces.problems == ()
    first, second, third = traces.histories
    assert [event.type for event in first.events] == ["installed", "retired", "tested", "usage"]
    tested = first.events[2]
    assert (tested.on.isoformat(), tested.facts) == ("2026-06-20", {"method": "quick", "soh": 0.82})
    assert first.events[3].facts == {"odometer_km": 233000.0}
    assert second.events[1].facts == {"condition": "damaged"}
    assert third.battery_code is None
    assert third.extras == {"库位": "A-03"}
    assert {note.caution.id for note in traces.notes[2]} == {"I01", "I02"}


def test_a_reading_without_a_day_is_noted_and_not_used():
    traces = read_trace(f"电池编码,SOH,里程\n{CODE},0.82,120000\n".encode())
    assert traces.histories[0].events == ()
    assert traces.histories[0].extras == {"SOH": "0.82"}
    assert traces.histories[0].odometer_km == 120_000.0
    assert [note.caution.id for note in traces.notes[0]] == ["I07", "I01"]


def test_a_test_without_a_method_counts_as_the_weakest():
    traces = read_trace(f"电池编码,检测日期,剩余容量\n{CODE},2024-05-01,120\n".encode())
    assert traces.histories[0].events[0].facts == {"method": "bms", "remaining_capacity_ah": 120.0}
    assert [note.caution.id for note in traces.notes[0]] == ["I06"]


def test_wrong_rows_of_a_ledger_are_rejected_with_their_place():
    traces = read_trace(f"电池编码;日期;SOH\n{CODE};2024-05-01;82Ah\n{OTHER};2024-05-01;0.8\n".encode("gb18030"))
    assert [history.battery_code for history in traces.histories] == [OTHER]
    assert traces.problems[0].where == "record row 2"
    assert "'82Ah'" in traces.problems[0].error.message


def test_events_without_packs_give_packs_with_a_code_only():
    traces = read_trace(SAMPLES / "events.csv")
    assert len(traces.histories) == 3
    assert sum(len(history.events) for history in traces.histories) == 9


@pytest.mark.slow
def test_a_hundred_thousand_packs_take_seconds():
    count = 100_000
    codes = [f"T01PB0A0000001A68{number:07d}" for number in range(count)]
    packs = pa.table({"battery_code": codes, "chemistry": ["LFP"] * count, "rated_energy_kwh": np.full(count, 50.0)})
    events = pa.table({
        "battery_code": np.repeat(codes, 10),
        "type": ["usage"] * (10 * count),
        "on": ["2024-01-01"] * (10 * count),
        "odometer_km": np.arange(10.0 * count),
    })  # fmt: skip
    read = read_tables(packs, events)
    assert read.table.rows == count
    assert len(read.table.row) == 10 * count


def test_a_code_in_small_letters_is_the_same_pack():
    module = [{"battery_code": "T01MB0A0000001A680000001", "soh": 0.8}]
    events = {"type": ["usage"], "on": ["2024-01-01"], "soh": [0.9]}

    def read(code):
        packs = pa.table({"battery_code": [code], "modules": [module]})
        return read_tables(packs, pa.table({"battery_code": [code], **events}))

    small = read(CODE.lower())
    same(small.table, read(CODE).table)
    assert [note.caution.id for note in small.notes[0]] == ["I04"]
    same(small.table, read_trace([{"battery_code": CODE.lower(), "modules": module, "events": [
        {"type": "usage", "on": "2024-01-01", "soh": 0.9}]}]).table)  # fmt: skip


def test_two_rows_with_one_code_are_both_rejected_however_they_spell_it():
    read = read_tables(pa.table({"battery_code": [CODE, CODE.lower(), OTHER]}))
    assert read.table.texts["battery_code"] == (OTHER,)
    assert [problem.battery_code for problem in read.problems] == [CODE, CODE]
