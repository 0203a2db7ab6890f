"""A training killed at any stage, also during a fit, leaves registry and champion unchanged."""

import os
import signal
import subprocess
import sys
import time

import pytest

from models.artifact.registry import list_versions, load_model

STAGES = ("evaluating on held-out sales", "fitting on all sales", "publishing", "recording")
CHOICES = "trees = 15\nfolds = 3\ntest_share = 0.25\nhabits_rows = 0\n"


@pytest.fixture(scope="module")
def command(market_folder, tmp_path_factory):
    choices = tmp_path_factory.mktemp("choices") / "quick.toml"
    choices.write_text(CHOICES, encoding="utf-8")
    words = [str(market_folder / "sales.parquet"), "--traces", str(market_folder), "--name", "mine"]
    words += ["--market", str(market_folder / "quotes.csv"), "--config", str(choices)]
    return [sys.executable, "-c", "from service.cli import main; main()", "train", *words]


def started(command, home):
    environment = {**os.environ, "CANZHI_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_training_changes_nothing(command, tmp_path):
    with started(command, tmp_path) as first:
        first.communicate()
    assert first.returncode == 0
    champion = load_model("champion", home=tmp_path).digest
    for stage in STAGES:
        with started(command, tmp_path) as process:
            for line in process.stderr:
                if stage in line:
                    break
            time.sleep(0.1)  # into the middle of it
            os.killpg(process.pid, signal.SIGKILL)
        versions = list_versions(tmp_path)
        assert load_model("champion", home=tmp_path).digest == champion
        assert [version.problem for version in versions] == [""] * len(versions)
        if stage in STAGES[:2]:  # not a trace of it
            assert [version.about.version for version in versions] == ["1"]
    with started(command, tmp_path) as last:
        last.communicate()
    assert last.returncode == 0
    newest = list_versions(tmp_path)[-1].about
    assert newest.version != "1"
    assert load_model(f"mine@{newest.version}", home=tmp_path).version == newest.version
