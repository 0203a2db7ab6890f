"""On a real standalone cluster with two workers: the numbers of one machine, even when a worker dies in the middle."""

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from service.batch.local import Request, score_files
from tools.spark_cluster import started

pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]
BUNDLE = Path(__file__).parents[2] / "golden" / "bundle"
DAY = date(2025, 6, 1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    assert shutil.which("java"), "these tests need Java 17 (Debian: openjdk-17-jre-headless)"
    with started(tmp_path_factory.mktemp("cluster")) as running:
        yield running


def begun(cluster, fleet, out, *options):
    command = [
        sys.executable, "-c", "from service.cli import main; main()", "score", str(fleet.packs), str(fleet.events),
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
    """What one machine says of the fleet."""
    out = tmp_path_factory.mktemp("alone") / "values.parquet"
    outcome = score_files(Request(packs=fleet.packs, events=fleet.events, out=out), fleet.kit(drivers=True))
    return sorted_rows(out), sorted_rows(outcome.rejected_file, ("battery_code", "reason"))


def ended(process, out):
    assert process.wait(timeout=400) == 0, out.with_suffix(".log").read_text("utf-8")[-4000:]


def same_as_alone(out, alone):
    assert (out / "_SUCCESS").exists()
    assert sorted_rows(out) == alone[0]
    assert sorted_rows(out.with_name("values.rejected.parquet"), ("battery_code", "reason")) == alone[1]
    left = [path.name for path in out.parent.iterdir() if path.name.startswith("values.parquet")]
    assert left == ["values.parquet"]


def test_two_workers_say_what_one_machine_says_whatever_the_order(cluster, fleet, alone, tmp_path):
    shuffled = fleet.rewritten(tmp_path / "shuffled", seed=4, group=500)
    out = tmp_path / "values.parquet"
    ended(begun(cluster, shuffled, out, "--drivers", "--shares", "5"), out)
    same_as_alone(out, alone)


def test_a_worker_killed_in_the_middle_costs_time_and_nothing_else(cluster, fleet, alone, tmp_path):
    """The last test of this file: the cluster has one worker less from here on."""
    out = tmp_path / "values.parquet"
    process = begun(cluster, fleet, out, "--drivers", "--shares", "16")
    victim = cluster.workers[0]
    executor = busy_executor(victim.pid, process)
    os.kill(victim.pid, signal.SIGKILL)
    os.kill(executor, signal.SIGKILL)
    assert process.poll() is None, "the job ended before its worker was killed"
    ended(process, out)
    same_as_alone(out, alone)
    assert "Lost executor" in out.with_suffix(".log").read_text("utf-8")


def busy_executor(worker, job):
    """Return the executor of a worker once its Python processes value packs."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert job.poll() is None, "the job ended before a worker could be killed"
        for pid in children(worker):
            if len([below for child in children(pid) for below in children(child)]) >= 1:
                time.sleep(1.0)  # in the middle of its work
                return pid
        time.sleep(0.05)
    pytest.fail("no executor began to work")


def children(pid):
    """Return the processes that any thread of a process started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            facts = status.read_text("utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(facts[1]) == pid:
            found.append(int(status.parent.name))
    return found
