"""The record of a training in MLflow (试验记录): choices, data digests, figures, and a copy of the model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

EXPERIMENT = "canzhi"


def tracking_uri(home: Path) -> str:
    """Return where runs are kept: CANZHI_MLFLOW_URI, else a SQLite file in the home folder."""
    return os.environ.get("CANZHI_MLFLOW_URI") or f"sqlite:///{home.resolve()}/mlflow.db"


def record_run(
    home: Path, name: str, choices: Mapping[str, object], figures: Mapping[str, float], bundle: Path | None = None
) -> str:
    """Record one training and return the id of its run.

    Parameters
    ----------
    home : Path
        Folder of all local state.
    name : str
        The model's name and version.
    choices : mapping
        Choices and digests of the data.
    figures : mapping of str to float
        What the newest sales said.
    bundle : Path, optional
        Folder of the model, kept beside the run.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    import mlflow  # noqa: PLC0415 - 2.5 s and 178 MB; only where a run is recorded

    home.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(tracking_uri(home))
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, artifact_location=(home / "runs").resolve().as_uri())
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=name) as run:
        mlflow.log_params(dict(choices))
        mlflow.log_metrics({key: value for key, value in figures.items() if value == value})  # noqa: PLR0124 - not NaN
        if bundle is not None:
            mlflow.log_artifacts(str(bundle), artifact_path="bundle")
        return str(run.info.run_id)
