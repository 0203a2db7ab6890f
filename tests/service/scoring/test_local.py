"""Values of a fleet equal those of each pack valued alone, for any order, chunking or interruption."""

import errno
import io
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from service.scoring.job import Job
from service.scoring.local import Request, score_files
from service.scoring.score_batch import score
from valuation.appraisal import appraise_many
from valuation.errors import CanzhiError, FieldError, SettingError, UnreadableRecord
from valuation.ingest import Document, read_trace

DAY = date(2025, 6, 1)
BUNDLE = Path(__file__).parents[2] / "golden" / "bundle"


def run(fleet, out, context, processes=1):
    return score_files(Request(packs=fleet.packs, events=fleet.events, out=out, processes=processes), context)


def both(out):
    return out.read_bytes(), Job.writing(out).rejected.read_bytes()


def document(path, name):
    sink = io.BytesIO()
    pq.write_table(pq.read_table(path), sink)
    return Document(name=name, content=sink.getvalue())


def own_answers(fleet, context, **terms):
    """Return the valuation of each pack valued alone by the command `value`, by code."""
    traces = read_trace([document(fleet.packs, "packs"), document(fleet.events, "events")])
    answers = appraise_many(traces, context.market, model=context.model, as_of=DAY, **terms)
    return {history.battery_code: answer for history, answer in zip(traces.histories, answers, strict=True)}


def as_row(answer, drivers):
    """Return a valuation as a row of the output table."""
    value = answer.residual_value
    row = {
        "battery_code": answer.battery_code,
        "as_of": answer.as_of,
        "point_cny": value.point,
        "lower_cny": value.lower,
        "upper_cny": value.upper,
        "level": value.level,
        "best_route": answer.best_route,
        "evidence_tier": answer.evidence.tier,
        "grade": answer.evidence.grade,
        "caution_ids": list(dict.fromkeys(caution.id for caution in answer.cautions)),
    }
    if drivers:
        row["base_cny"] = answer.base_cny
        row |= {f"effect_{driver.feature}": driver.effect_cny for driver in answer.drivers}
    return row


@pytest.mark.parametrize(
    ("model", "terms"),
    [
        (True, {"explain": True}),
        (True, {"level": 0.8, "market_shift": {"lithium_carbonate": 1.2}}),
        (False, {"explain": True, "region": "CN-GD"}),
    ],
)
def test_each_value_equals_that_of_the_pack_alone_to_the_bit(fleet, tmp_path, small_parts, model, terms):
    context = fleet.context(model=model, **terms)
    outcome = run(fleet, tmp_path / "values.parquet", context)
    values = pq.read_table(tmp_path / "values.parquet").to_pylist()
    rejected_part = {row["battery_code"]: row for row in pq.read_table(outcome.rejected_file).to_pylist()}
    drivers = terms.pop("explain", False)
    own = own_answers(fleet, context, **terms)
    assert len(values) == outcome.valued > 300
    assert len(rejected_part) == outcome.rejected > 0
    assert {row["battery_code"] for row in values} | set(rejected_part) == set(own)
    for row in values:
        said = {name: cell for name, cell in row.items() if not name.startswith("effect_") or cell != 0.0}
        assert said == as_row(own[row["battery_code"]], drivers)
        if drivers:
            effects = sum(round(100 * cell) for name, cell in row.items() if name.startswith("effect_"))
            assert round(100 * row["base_cny"]) + effects == round(100 * row["point_cny"])
    for code, row in rejected_part.items():
        assert isinstance(own[code], CanzhiError)
        assert (row["reason"], row["hint"]) == (own[code].message, own[code].hint)


@pytest.mark.parametrize("model", [True, False])
def test_packs_with_closed_routes_have_the_values_of_single_packs(closed_fleet, tmp_path, small_parts, model):
    """A closed route is never the best; if all are closed, no route is best and the point is the disposal cost."""
    context = closed_fleet.context(model=model, explain=True)
    run(closed_fleet, tmp_path / "values.parquet", context, processes=2)
    values = pq.read_table(tmp_path / "values.parquet").to_pylist()
    own = own_answers(closed_fleet, context)
    disposed = [row for row in values if row["best_route"] is None]
    assert len(values) > 300
    assert len(disposed) > 30
    assert all(row["upper_cny"] < 0.0 and "P09" in row["caution_ids"] for row in disposed)
    for row in values:
        answer = own[row["battery_code"]]
        said = {name: cell for name, cell in row.items() if not name.startswith("effect_") or cell != 0.0}
        assert said == as_row(answer, drivers=True)
        assert row["best_route"] in {None, *(route.route for route in answer.routes if route.open)}


def test_order_row_groups_and_processes_change_no_byte(fleet, tmp_path, small_parts):
    context = fleet.context()
    run(fleet, tmp_path / "a" / "values.parquet", context)
    run(fleet.rewritten(tmp_path / "cut", group=300), tmp_path / "b" / "values.parquet", context, processes=2)
    run(fleet.rewritten(tmp_path / "shuffled", seed=3), tmp_path / "c" / "values.parquet", context, processes=2)
    first = both(tmp_path / "a" / "values.parquet")
    assert both(tmp_path / "b" / "values.parquet") == first
    assert both(tmp_path / "c" / "values.parquet") == first
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["values.parquet", "values.rejected.parquet"]


def test_a_share_that_is_too_large_is_valued_in_several_batches(fleet, tmp_path, small_parts, monkeypatch):
    context = fleet.context()
    run(fleet, tmp_path / "a" / "values.parquet", context)
    monkeypatch.setattr("service.scoring.partitions.MAX_SHARES", 2)
    sizes = []
    monkeypatch.setattr(
        "service.scoring.local.score",
        lambda batch, context: sizes.append(batch.events.num_rows) or score(batch, context),
    )
    run(fleet, tmp_path / "b" / "values.parquet", context)
    assert max(sizes) < pq.read_metadata(fleet.events).num_rows / 3
    assert both(tmp_path / "a" / "values.parquet") == both(tmp_path / "b" / "values.parquet")


def test_the_output_is_in_the_order_of_the_packs(fleet, tmp_path, small_parts):
    packs = pq.read_table(fleet.packs)
    backwards = packs.take(pa.array(range(packs.num_rows - 1, -1, -1)))
    run(fleet.rewritten(tmp_path, packs=backwards), tmp_path / "values.parquet", fleet.context(model=False))
    codes = pq.read_table(tmp_path / "values.parquet")["battery_code"].to_pylist()
    place = {code: at for at, code in enumerate(backwards["battery_code"].to_pylist())}
    assert [place[code] for code in codes] == sorted(place[code] for code in codes)


@pytest.mark.parametrize("seed", [None, 5])
def test_every_rejected_pack_is_reported(fleet, tmp_path, small_parts, seed):
    """Invalid cells, repeated codes, missing codes and events without a pack are each reported and counted."""
    packs, events = pq.read_table(fleet.packs), pq.read_table(fleet.events)
    codes = packs["battery_code"].to_pylist()
    energy = packs["rated_energy_kwh"].to_pylist()
    whole = [code for code in codes if len(code) == 24]
    wrong, twice, spelled = codes[3], codes[10], whole[-1]
    energy[3] = -5.0
    packs = packs.set_column(packs.column_names.index("rated_energy_kwh"), "rated_energy_kwh", pa.array(energy))
    extra = [packs.slice(10, 1), packs.slice(codes.index(spelled), 1), packs.slice(20, 1)]
    extra[1] = extra[1].set_column(0, "battery_code", pa.array([spelled.lower()]))
    extra[2] = extra[2].set_column(0, "battery_code", pa.array([None], type=pa.string()))
    for name, cell in (("chemistry", "LFP"), ("rated_energy_kwh", 50.0)):
        place = packs.column_names.index(name)
        extra[2] = extra[2].set_column(place, packs.schema.field(place), pa.array([cell]))
    packs = pa.concat_tables([packs, *extra])
    nobody = events.slice(0, 2).set_column(0, "battery_code", pa.array(["NOBODY"] * 2))
    changed = fleet.rewritten(tmp_path, packs=packs, events=pa.concat_tables([events, nobody]), seed=seed)
    outcome = run(changed, tmp_path / "values.parquet", fleet.context(model=False))
    rejected_part = pq.read_table(outcome.rejected_file)
    reasons = {row["battery_code"]: row["reason"] for row in rejected_part.to_pylist()}
    assert outcome.valued + outcome.rejected == packs.num_rows + 1
    assert "rated_energy_kwh is -5" in reasons[wrong]
    assert [pc.sum(pc.equal(rejected_part["battery_code"], code)).as_py() for code in (twice, spelled)] == [2, 2]
    assert "two packs carry the code" in reasons[twice]
    assert "two packs carry the code" in reasons[spelled]
    assert reasons["NOBODY"] == "the event is of pack 'NOBODY', which is not among the packs (2 event(s))"
    values = pq.read_table(tmp_path / "values.parquet")
    assert values["battery_code"].null_count == 1
    assert not {wrong, twice, spelled} & set(values["battery_code"].to_pylist())


def test_events_are_joined_for_every_spelling_of_the_code(fleet, tmp_path, small_parts):
    packs, events = pq.read_table(fleet.packs), pq.read_table(fleet.events)
    written_plainly = run(fleet, tmp_path / "plain.parquet", fleet.context(model=False))
    chosen = {code for code in packs["battery_code"].to_pylist() if len(code) == 24}

    def spelled(table, other):
        codes = [other(code) if code in chosen else code for code in table["battery_code"].to_pylist()]
        return table.set_column(table.column_names.index("battery_code"), "battery_code", pa.array(codes))

    changed = fleet.rewritten(
        tmp_path,
        packs=spelled(packs, lambda code: f"https://q.example.cn/?c={code}"),
        events=spelled(events, lambda code: f" {code[:7]}-{code[7:14]}-{code[14:]}"),
    )
    outcome = run(changed, tmp_path / "values.parquet", fleet.context(model=False))
    assert outcome.rejected == written_plainly.rejected
    columns = ["battery_code", "point_cny", "evidence_tier"]
    plain, values = (pq.read_table(tmp_path / name).select(columns) for name in ("plain.parquet", "values.parquet"))
    assert values.to_pylist() == plain.to_pylist()


@pytest.mark.slow
def test_a_killed_job_is_resumed(fleet, tmp_path):
    script = tmp_path / "job.py"
    script.write_text(
        f"""
import service.scoring.partitions as partitions
from datetime import date
from pathlib import Path
from models import load_model
from service.scoring.job_context import JobContext
from service.scoring.local import Request, score_files
from service.scoring.score_batch import score
from valuation.terms import ValuationTerms
if __name__ == "__main__":
    partitions.EVENTS_PER_SHARE = 300
    context = JobContext.of(Path({str(fleet.quotes)!r}).read_bytes(), load_model({str(BUNDLE)!r}),
                 ValuationTerms(as_of=date(2025, 6, 1), explain=False))
    request = Request(packs=Path({str(tmp_path / "cut" / "packs.parquet")!r}),
                      events=Path({str(tmp_path / "cut" / "events.parquet")!r}),
                      out=Path({str(tmp_path / "values.parquet")!r}), processes=2)
    print(score_files(request, context).resumed_parts)
""",
        "utf-8",
    )
    fleet.rewritten(tmp_path / "cut", group=300)
    parts = Job.writing(tmp_path / "values.parquet").folder
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.DEVNULL, start_new_session=True)
    while len(list(parts.glob("*.done.json"))) < 3:
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    assert not (tmp_path / "values.parquet").exists()
    deadline = time.monotonic() + 30
    while _still_running(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _still_running(process.pid), "the processes of a killed job go on"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 3
    run(fleet, tmp_path / "whole" / "values.parquet", fleet.context())
    assert both(tmp_path / "values.parquet") == both(tmp_path / "whole" / "values.parquet")


def _still_running(session):
    """Return whether a process of the killed job's session is alive."""
    listed = subprocess.run(["ps", "-s", str(session), "-o", "stat="], capture_output=True, text=True, check=False)
    return any(not line.startswith("Z") for line in listed.stdout.split())


class Recorder:
    """Progress display that records the messages of a job."""

    def __init__(self):
        self.said = []

    def say(self, sentence):
        self.said.append(sentence)

    def counting(self, packs, done):
        return nullcontext(self.stop_after_two)

    calls = 0

    def stop_after_two(self, more):
        self.calls += 1
        if self.calls == 2:
            raise KeyboardInterrupt


def interrupted(fleet, out, context):
    with pytest.raises(KeyboardInterrupt):
        score_files(Request(packs=fleet.packs, events=fleet.events, out=out, processes=1), context, Recorder())


def test_changed_terms_restart_the_job_with_a_notice(fleet, tmp_path, small_parts):
    cut = fleet.rewritten(tmp_path / "cut", group=300)
    out = tmp_path / "values.parquet"
    interrupted(cut, out, fleet.context())
    outcome = run(cut, out, fleet.context(level=0.8))
    assert (outcome.restarted, outcome.resumed_parts) == (True, 0)
    assert set(pq.read_table(out)["level"].to_pylist()) == {0.8}


def test_a_changed_part_is_computed_again(fleet, tmp_path, small_parts):
    cut = fleet.rewritten(tmp_path / "cut", group=300)
    out = tmp_path / "values.parquet"
    interrupted(cut, out, fleet.context())
    part = Job.writing(out).values(0)
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    assert run(cut, out, fleet.context()).resumed_parts == 1
    run(fleet, tmp_path / "whole" / "values.parquet", fleet.context())
    assert both(out) == both(tmp_path / "whole" / "values.parquet")


def test_a_second_run_on_the_same_output_is_refused(fleet, tmp_path):
    out = tmp_path / "values.parquet"
    with Job.writing(out).locked(), pytest.raises(SettingError, match="another run is writing"):
        run(fleet, out, fleet.context(model=False))


def test_a_file_that_is_not_a_table_is_refused(fleet, tmp_path):
    text = tmp_path / "packs.parquet"
    text.write_text("battery_code\n1\n", "utf-8")
    with pytest.raises(UnreadableRecord, match="not a readable Parquet file"):
        score_files(Request(packs=text, events=None, out=tmp_path / "values.parquet"), fleet.context(model=False))
    pq.write_table(pa.table({"colour": ["red"]}), text)
    with pytest.raises(FieldError, match="no column battery_code"):
        score_files(Request(packs=text, events=None, out=tmp_path / "values.parquet"), fleet.context(model=False))


@pytest.mark.parametrize("name", ["packs", "events"])
def test_dictionary_encoded_codes_are_refused_with_a_reason(fleet, tmp_path, name):
    table = pq.read_table(getattr(fleet, name))
    place = table.column_names.index("battery_code")
    table = table.set_column(place, "battery_code", table.column(place).dictionary_encode())
    with pytest.raises(FieldError, match="as a category"):
        run(fleet.rewritten(tmp_path, **{name: table}), tmp_path / "values.parquet", fleet.context(model=False))


def test_damaged_pages_and_swapped_tables_are_reported(fleet, tmp_path):
    damaged = fleet.rewritten(tmp_path / "damaged").events
    content = bytearray(damaged.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4000] = bytes(4000)
    damaged.write_bytes(content)
    out = tmp_path / "values.parquet"
    with pytest.raises(UnreadableRecord, match=r"events\.parquet is not a readable Parquet file"):
        score_files(Request(packs=fleet.packs, events=damaged, out=out, processes=1), fleet.context(model=False))
    with pytest.raises(FieldError, match="holds events"):
        score_files(Request(packs=fleet.events, events=fleet.packs, out=out), fleet.context(model=False))


@pytest.mark.parametrize("step", ["partition_packs", "merge_parts"])
def test_a_full_disk_is_reported_and_the_work_kept(fleet, tmp_path, small_parts, monkeypatch, step):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    cut, out = fleet.rewritten(tmp_path / "cut", group=300), tmp_path / "values.parquet"
    with monkeypatch.context() as patch:
        patch.setattr(f"service.scoring.local.{step}", full)
        with pytest.raises(SettingError, match="No space left") as told:
            run(cut, out, fleet.context(model=False))
    assert "continues the job" in told.value.hint
    assert (run(cut, out, fleet.context(model=False)).resumed_parts > 0) == (step == "merge_parts")


def test_packs_without_events_are_valued(fleet, tmp_path):
    request = Request(packs=fleet.packs, events=None, out=tmp_path / "values.parquet", processes=1)
    outcome = score_files(request, fleet.context())
    assert outcome.valued + outcome.rejected == pq.read_metadata(fleet.packs).num_rows
    assert set(pq.read_table(request.out)["evidence_tier"].to_pylist()) == {"T0"}


def test_an_error_of_another_process_is_raised_unchanged(fleet, tmp_path):
    events = pq.read_table(fleet.events)
    twice = events.append_column("电池编码", events["battery_code"])
    other = fleet.rewritten(tmp_path, events=twice)
    with pytest.raises(FieldError, match="gives battery_code twice"):
        run(other, tmp_path / "values.parquet", fleet.context(model=False), processes=2)
