"""The MLflow alias follows the promotion log, and its failure never fails a promotion."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from models.artifact.mlflow_alias import mirror_alias
from models.artifact.promotion_log import Decision
from models.artifact.registry import Publication, promote, publish


def test_a_failing_copy_is_a_warning_and_no_failure(tmp_path, estimator, monkeypatch):
    monkeypatch.setattr("models.artifact.mlflow_alias._mlflow", lambda _: 1 / 0)
    publish(
        estimator.fitted_, Publication(name="demo", created_on="2026-01-05", trained_through="2026-01-01"), tmp_path
    )
    decision = Decision(who="a valuer", why="first", at="2026-01-06T08:00:00+00:00")
    with pytest.warns(RuntimeWarning, match="MLflow does not show the new champion"):
        entry = promote("demo@1", decision, tmp_path)
    assert entry.after == "demo@1"


class Client:
    """A stub of the MLflow client: versions of one model and their alias."""

    def __init__(self):
        self.alias = ""

    def search_model_versions(self, _query):
        return [SimpleNamespace(version=number, tags={"canzhi.version": number}) for number in ("1", "2")]

    def set_registered_model_alias(self, _name, _alias, version):
        self.alias = version


def test_the_later_of_two_concurrent_promotions_is_champion(tmp_path, estimator, monkeypatch):
    client, waiting = Client(), []
    monkeypatch.setattr("models.artifact.mlflow_alias._mlflow", lambda _: client)
    monkeypatch.setattr("models.artifact.registry.mirror_alias", lambda *asked: waiting.append(asked))
    said = Publication(name="demo", created_on="2026-01-05", trained_through="2026-01-01")
    for number, at in (("1", "2026-01-06T08:00:00+00:00"), ("2", "2026-01-06T08:00:01+00:00")):
        publish(estimator.fitted_, said, tmp_path)
        promote(f"demo@{number}", Decision(who="a valuer", why="better", at=at), tmp_path)
    for asked in reversed(waiting):  # the first promotion's process is the slower one
        mirror_alias(*asked)
    assert client.alias == "2"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_that_open_a_new_mlflow_at_once_are_both_recorded(tmp_path):
    program = (
        "import sys; from pathlib import Path; from training.runs.mlflow_run import Run, record_run\n"
        "print(record_run(Path(sys.argv[1]), Run(name=sys.argv[2], choices={}, figures={})))"
    )
    words = [sys.executable, "-c", program, str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if name != "CANZHI_MLFLOW_URI"}
    both = [subprocess.Popen([*words, name], stdout=subprocess.PIPE, text=True, env=environment) for name in "ab"]
    runs = [process.communicate()[0].strip() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len(set(runs) - {""}) == 2
