"""Runs and registry on PostgreSQL, by one variable."""

import importlib
import shutil

import pandas as pd
import pytest

from models.artifact.promotion_log import Decision
from models.artifact.registry import promote
from training.configuration import TrainingConfig
from training.repeat_run import repeat
from training.train_model import Sources, train_model

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # MLflow's own use of its libraries, here and below
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
PACK = '{"chemistry": "LFP", "rated_energy_kwh": 50.0, "made_on": "2020-06-08"}'


@pytest.mark.timeout(600)
def test_a_training_is_recorded_registered_and_repeated_there(server_url, market_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("CANZHI_MLFLOW_URI", server_url)
    sources = Sources(ledger=market_folder / "sales.parquet", traces=market_folder, market=market_folder / "quotes.csv")
    trained = train_model(
        sources, "onserver", TrainingConfig(trees=10, folds=3, test_share=0.25), tmp_path, lambda _: None
    )
    assert trained.run_id
    assert not (tmp_path / "mlflow.db").exists()
    mlflow = importlib.import_module("mlflow")
    client = mlflow.MlflowClient(tracking_uri=server_url, registry_uri=server_url)
    assert client.get_run(trained.run_id).data.params["bundle_digest"] == trained.version.digest
    if not trained.is_champion:
        promote("onserver@1", Decision(who="a valuer", why="first", at="2026-01-06T08:00:00+00:00"), tmp_path)
    copy = client.get_model_version_by_alias("onserver", "champion")
    assert copy.tags["canzhi.digest"] == trained.version.digest
    mlflow.set_tracking_uri(server_url)
    mlflow.set_registry_uri(server_url)
    predicted = mlflow.pyfunc.load_model("models:/onserver@champion").predict(
        pd.DataFrame({"trace": [PACK], "as_of": ["2026-11-20"]})
    )
    assert predicted.lower_cny[0] < predicted.point_cny[0] < predicted.upper_cny[0]
    shutil.rmtree(tmp_path / "sources")
    assert repeat(trained.run_id, tmp_path, lambda _: None).same
