"""A standalone Spark cluster with two workers gives the values of one machine, also if a worker is killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from service.scoring.local import Request, score_files
from tools.spark_cluster import started

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]
BUNDLE = Path(__file__).parents[2] / "golden" / "bundle"
DAY = date(2025, 6, 1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    assert shutil.which("java"), "these tests need Java 17 (Debian: openjdk-17-jre-headless)"
    with started(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def begun(cluster, fleet, out, *options, before=""):
    """Return the command started on the cluster, after lines of Python that inject a fault."""
    command = [
        sys.executable, "-c", f"{before}\nfrom service.cli import main; main()", "score", str(fleet.packs),
        str(fleet.events),
        str(out), "--engine", "spark", "--master", cluster.master, "--as-of", DAY.isoformat(),
        "--market", str(fleet.quotes), "--model", str(BUNDLE), *options,
    ]  # fmt: skip
    environment = cluster.environment | {"CANZHI_HOME": str(out.parent / "home")}
    log = out.with_suffix(".log").open("wb")
    with log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def sorted_rows(path, order=("battery_code",)):
    table = ds.dataset(str(path), format="parquet").to_table()
    return table.sort_by([(name, "ascending") for name in order]).to_pylist()


@pytest.fixture(scope="module")
def alone(fleet, tmp_path_factory):
    """The values of one machine for the fleet."""
    out = tmp_path_factory.mktemp("alone") / "values.parquet"
    outcome = score_files(Request(packs=fleet.packs, events=fleet.events, out=out), fleet.context(explain=True))
    return sorted_rows(out), sorted_rows(outcome.rejected_file, ("battery_code", "reason"))


def ended(process, out):
    assert process.wait(timeout=400) == 0, out.with_suffix(".log").read_text("utf-8")[-4000:]


def same_as_alone(out, alone):
    assert (out / "_SUCCESS").exists()
    assert sorted_rows(out) == alone[0]
    assert sorted_rows(out.with_name("values.rejected.parquet"), ("battery_code", "reason")) == alone[1]
    left = [path.name for path in out.parent.iterdir() if path.name.startswith("values.parquet")]
    assert left == ["values.parquet"]


def test_two_workers_give_the_values_of_one_machine_in_any_order(cluster, fleet, alone, tmp_path):
    shuffled = fleet.rewritten(tmp_path / "shuffled", seed=4, group=500)
    out = tmp_path / "values.parquet"
    ended(begun(cluster, shuffled, out, "--drivers", "--shares", "5"), out)
    same_as_alone(out, alone)


def test_a_group_that_fails_after_it_was_valued_is_repeated_and_counted_once(cluster, fleet, alone, tmp_path):
    ordered = fleet.rewritten(tmp_path / "in order", group=300)
    out = tmp_path / "values.parquet"
    marks = tmp_path / "marks"
    marks.mkdir()
    ended(begun(cluster, ordered, out, "--drivers", before=FAILING.format(marks=str(marks))), out)
    same_as_alone(out, alone)
    assert len([*marks.iterdir()]) == 1


def test_packs_with_closed_routes_have_the_values_of_one_machine(cluster, closed_fleet, tmp_path):
    shuffled = closed_fleet.rewritten(tmp_path / "shuffled", seed=6, group=500)
    one, out = tmp_path / "alone.parquet", tmp_path / "values.parquet"
    outcome = score_files(
        Request(packs=closed_fleet.packs, events=closed_fleet.events, out=one), closed_fleet.context(explain=True)
    )
    ended(begun(cluster, shuffled, out, "--drivers", "--shares", "3"), out)
    same_as_alone(out, (sorted_rows(one), sorted_rows(outcome.rejected_file, ("battery_code", "reason"))))
    assert sum(row["best_route"] is None for row in sorted_rows(out)) > 30


def test_partition_columns_in_folder_names_are_read(cluster, fleet, tmp_path):
    table = pq.read_table(fleet.events)
    table = table.append_column("year", pc.cast(pc.year(table["on"]), pa.int32()))
    told = fleet.rewritten(tmp_path / "told", events=table)
    alone = tmp_path / "alone.parquet"
    outcome = score_files(Request(packs=told.packs, events=told.events, out=alone), fleet.context())
    pq.write_to_dataset(table, tmp_path / "folders", partition_cols=["year"])
    out = tmp_path / "values.parquet"
    ended(begun(cluster, replace(told, events=tmp_path / "folders"), out), out)
    same_as_alone(out, (sorted_rows(alone), sorted_rows(outcome.rejected_file, ("battery_code", "reason"))))


def test_a_code_in_two_spellings_is_rejected_for_any_buckets(cluster, fleet, tmp_path):
    packs = pq.read_table(fleet.packs)
    code = next(code for code in packs["battery_code"].to_pylist() if len(code) == 24)
    other = packs.filter(pc.equal(packs["battery_code"], code)).set_column(0, "battery_code", pa.array([code.lower()]))
    told = fleet.rewritten(tmp_path / "told", packs=pa.concat_tables([packs, other]))
    out = tmp_path / "values.parquet"
    ended(begun(cluster, told, out, "--shares", "40"), out)
    assert code not in {row["battery_code"] for row in sorted_rows(out)}
    rejected = sorted_rows(out.with_name("values.rejected.parquet"))
    assert ["two packs carry the code" in row["reason"] for row in rejected if row["battery_code"] == code] == [
        True
    ] * 2


def test_events_are_joined_for_another_spelling_of_the_code(cluster, fleet, alone, tmp_path):
    events = pq.read_table(fleet.events)
    codes = [f" {code[:7]}-{code[7:]}" if len(code) == 24 else code for code in events["battery_code"].to_pylist()]
    events = events.set_column(events.column_names.index("battery_code"), "battery_code", pa.array(codes))
    out = tmp_path / "values.parquet"
    ended(begun(cluster, fleet.rewritten(tmp_path / "told", events=events), out, "--drivers", "--shares", "16"), out)
    same_as_alone(out, alone)


def test_a_killed_worker_does_not_change_the_values(cluster, fleet, alone, tmp_path):
    """The last test of this file: the cluster has one worker less from here on."""
    shuffled = fleet.rewritten(tmp_path / "shuffled", seed=5, group=500)
    out = tmp_path / "values.parquet"
    marks = tmp_path / "marks"
    marks.mkdir()
    process = begun(cluster, shuffled, out, "--drivers", "--shares", "16", before=HOLDING.format(marks=str(marks)))
    victim = cluster.workers[0]
    executor = busy_executor(victim.pid, marks, process)
    os.kill(victim.pid, signal.SIGKILL)
    os.kill(executor, signal.SIGKILL)
    assert process.poll() is None, "the job ended before its worker was killed"
    ended(process, out)
    same_as_alone(out, alone)
    assert "Lost executor" in out.with_suffix(".log").read_text("utf-8")


FAILING = """
import pathlib, service.scoring.spark as spark
real = spark._scorer

def failing(*given):
    score_group = real(*given)

    def fail_once(packs, events):
        found = score_group(packs, events)
        try:
            (pathlib.Path({marks!r}) / "failed").touch(exist_ok=False)
        except FileExistsError:
            return found
        raise RuntimeError("after it was valued")

    return fail_once

spark._scorer = failing
"""

HOLDING = """
import os, pathlib, time, service.scoring.spark as spark
real = spark._scorer

def holding(*given):
    score_group = real(*given)

    def hold(packs, events):
        found = score_group(packs, events)
        (pathlib.Path({marks!r}) / str(os.getpid())).touch()
        time.sleep(2.0)
        return found

    return hold

spark._scorer = holding
"""
"""The workers hold back what they have to report, so that there is a middle in which to lose one."""


def busy_executor(worker, marks, job):
    """Return the executor of a worker after a child process has written values and before it has reported them."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert job.poll() is None, "the job ended before a worker could be killed"
        busy = {int(mark.name) for mark in marks.iterdir()}
        for executor in children(worker):
            if busy & {below for child in children(executor) for below in children(child)}:
                return executor
        time.sleep(0.05)
    pytest.fail("no executor began to work")


def children(pid):
    """Return the child processes of all threads of a process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            facts = status.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(facts[1]) == pid:
            found.append(int(status.parent.name))
    return found
