"""A run is repeated from its stored files, and its pyfunc gives the same values as the command line."""

import importlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.artifact.promotion_log import Decision
from models.artifact.pyfunc import COLUMNS
from models.artifact.registry import load_model, promote
from training.configuration import TrainingConfig
from training.repeat_run import repeat
from training.runs.mlflow_run import tracking_uri
from training.train_model import Sources, train_model
from valuation.appraisal import appraise
from valuation.errors import BundleTampered, TrainingError
from valuation.ingest import read_trace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's own use of its libraries, here and below
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
SERVED = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # where MLflow looks for uvicorn
PACK = {"chemistry": "LFP", "rated_energy_kwh": 50.0, "made_on": "2020-06-08"}


@pytest.fixture(scope="module")
def sources(market_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name in ("sales.parquet", "packs.parquet", "events.parquet", "quotes.csv"):
        shutil.copyfile(market_folder / name, folder / name)
    return Sources(ledger=folder / "sales.parquet", traces=folder, market=folder / "quotes.csv")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def trained(sources, home):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("CANZHI_MLFLOW_URI", raising=False)
        return train_model(sources, "mine", TrainingConfig(trees=15, folds=3, test_share=0.25), home, lambda _: None)


@pytest.fixture(scope="module")
def mlflow(trained, home):
    assert trained.run_id
    module = importlib.import_module("mlflow")
    module.set_tracking_uri(tracking_uri(home))
    module.set_registry_uri(tracking_uri(home))
    return module


def test_the_run_stores_options_metrics_plots_card_and_report(trained, mlflow):
    run = mlflow.get_run(trained.run_id)
    assert run.data.params["bundle_digest"] == trained.version.digest
    assert run.data.metrics["coverage"] == trained.holdout.overall.coverage
    assert any(name.startswith("chemistry/") for name in run.data.metrics)
    plots = {entry.path for entry in mlflow.MlflowClient().list_artifacts(trained.run_id, "plots")}
    names = ("reliability", "segments", "importance", "drivers", "against-structural")
    assert plots == {f"plots/{name}.{ending}" for name in names for ending in ("png", "svg")}
    kept = {entry.path for entry in mlflow.MlflowClient().list_artifacts(trained.run_id)}
    assert kept >= {"bundle", "card", "judged", "ledger", "plots", "training"}


def test_version_and_champion_are_registered_in_mlflow(trained, mlflow, home):
    client = mlflow.MlflowClient()
    if not trained.is_champion:
        promote("mine@1", Decision(who="a valuer", why="first", at="2026-01-06T08:00:00+00:00"), home)
    copy = client.get_model_version_by_alias("mine", "champion")
    assert copy.tags["canzhi.digest"] == trained.version.digest
    assert copy.run_id == trained.run_id


def test_a_run_is_repeated_from_its_own_files(trained, sources, home, tmp_path):
    away = tmp_path / "away"
    shutil.move(sources.traces, away)  # nothing but the run is left
    try:
        repeated = repeat(trained.run_id, home, lambda _: None)
    finally:
        shutil.move(away, sources.traces)
    assert repeated.same
    assert repeated.found == trained.version.digest
    with pytest.raises(TrainingError, match="no run"):
        repeat("0" * 32, home, lambda _: None)


def test_the_pyfunc_gives_the_same_values(trained, mlflow, home, quotes):
    model = mlflow.pyfunc.load_model("models:/mine/1")
    asked = pd.DataFrame(
        {
            "trace": [json.dumps(PACK), json.dumps({"battery_code": "?"}), json.dumps(PACK), "/etc/passwd"],
            "as_of": ["2026-11-20", "2026-11-20", "2026-05-01", None],
        }
    )
    predicted = model.predict(asked)
    assert list(predicted.columns) == list(COLUMNS)
    for row, day in ((0, "2026-11-20"), (2, "2026-05-01")):
        answer = appraise(read_trace(PACK), quotes, model=load_model("mine", home=home), as_of=day)
        band = answer.residual_value
        assert predicted.loc[row, ["point_cny", "lower_cny", "upper_cny"]].tolist() == [
            band.point,
            band.lower,
            band.upper,
        ]
    assert np.isnan(predicted.loc[[1, 3], "point_cny"]).all()
    assert all(predicted.loc[[1, 3], "problem"])
    narrow = model.predict(asked[["trace"]].iloc[:1], params={"level": 0.5, "as_of": "2026-11-20"})
    assert narrow.loc[0, "lower_cny"] > predicted.loc[0, "lower_cny"]


def test_a_changed_artefact_is_refused(trained, mlflow, tmp_path):
    fetched = mlflow.artifacts.download_artifacts(artifact_uri="models:/mine/1", dst_path=str(tmp_path))
    (quotes,) = list(tmp_path.rglob("quotes.csv"))
    quotes.write_text(quotes.read_text(encoding="utf-8").rstrip().rpartition("\n")[0], encoding="utf-8")
    with pytest.raises(BundleTampered, match="quotes stored with the model"):
        mlflow.pyfunc.load_model(fetched)


def test_the_artefact_contains_only_data(trained, mlflow, tmp_path):
    mlflow.artifacts.download_artifacts(artifact_uri="models:/mine/1", dst_path=str(tmp_path))
    endings = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert not endings & {".py", ".pkl", ".pickle", ".cloudpickle", ".so"}


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def started(free_port, tmp_path):
    """Return a function that starts a server and waits until it answers; it is stopped after the test."""
    running = []

    def start(command, surroundings):
        log = (tmp_path / "server.log").open("wb")
        running.append(
            (
                subprocess.Popen(
                    command, env=os.environ | surroundings, stdout=log, stderr=log, start_new_session=True
                ),
                log,
            )
        )
        for _ in range(600):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{free_port}/ping", timeout=5).close()
            except OSError:
                assert running[0][0].poll() is None, (tmp_path / "server.log").read_text()[-2000:]
                time.sleep(0.2)
            else:
                return
        pytest.fail("the server does not answer")

    yield start
    for process, log in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        log.close()


def test_mlflow_serves_the_model(trained, home, free_port, started):
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/mine/1", "-p", str(free_port)]
    started(
        [*command, "--env-manager", "local", "--host", "127.0.0.1"],
        SERVED | {"MLFLOW_TRACKING_URI": tracking_uri(home)},
    )
    body = json.dumps({"dataframe_records": [{"trace": json.dumps(PACK), "as_of": "2026-11-20"}]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{free_port}/invocations", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 - same
        (predicted,) = json.load(response)["predictions"]
    module = importlib.import_module("mlflow")
    module.set_tracking_uri(tracking_uri(home))
    expected = module.pyfunc.load_model("models:/mine/1").predict(
        pd.DataFrame({"trace": [json.dumps(PACK)], "as_of": ["2026-11-20"]})
    )
    assert predicted["point_cny"] == expected.loc[0, "point_cny"]
    assert predicted["battery_code"] is None or predicted["battery_code"] == expected.loc[0, "battery_code"]
