from __future__ import annotations

import pytest

from models.promotions import Decision
from models.registry import Publication, promote, publish

mlflow = pytest.importorskip("mlflow")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_mlflow_gets_a_copy_of_version_and_champion(tmp_path, estimator, monkeypatch):
    monkeypatch.delenv("CANZHI_MLFLOW_URI", raising=False)
    made = Publication(name="demo", created_on="2026-01-05", trained_through="2026-01-01")
    version = publish(estimator.fitted_, made, tmp_path)
    promote("demo@1", Decision(who="a valuer", why="first", at="2026-01-06T08:00:00+00:00"), tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    copy = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri).get_model_version_by_alias("demo", "champion")
    assert copy.tags["canzhi.digest"] == version.digest
    assert copy.source == version.folder.as_uri()


def test_a_failing_copy_is_a_warning_and_no_failure(tmp_path, estimator, monkeypatch):
    monkeypatch.setattr("models.registry._mlflow", lambda _: 1 / 0)
    made = Publication(name="demo", created_on="2026-01-05", trained_through="2026-01-01")
    with pytest.warns(RuntimeWarning, match="MLflow was not told"):
        publish(estimator.fitted_, made, tmp_path)
    assert (tmp_path / "models" / "demo" / "1" / "manifest.json").exists()
