"""MLflow tracking of trainings (实验记录): one run per training with metrics, files and the model as pyfunc."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.artifact.mlflow_alias import mlflow_locked

EXPERIMENT = "canzhi"
_LONGEST_PARAM = 6000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Data of one training run.

    Attributes
    ----------
    name : str
        The model's name and version.
    choices : mapping
        Options of the training, and digests of data and model.
    figures : mapping of str to float
        Held-out metrics.
    files : Path, optional
        Folder whose files are stored with the run.
    pyfunc : mapping
        Arguments of `mlflow.pyfunc.log_model`; empty if no model is logged.
    tags : mapping
        Tags of the run and of the registered version.
    """

    name: str
    choices: Mapping[str, object]
    figures: Mapping[str, float]
    files: Path | None = None
    pyfunc: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def tracking_uri(home: Path) -> str:
    """Return the tracking URI: CANZHI_MLFLOW_URI, else a SQLite file in the home folder."""
    return os.environ.get("CANZHI_MLFLOW_URI") or f"sqlite:///{home.resolve()}/mlflow.db"


def record_run(home: Path, run: Run) -> str:
    """Record one training, register its model, and return the run id.

    With a database URI the files are stored in the home folder; a server chooses its own artifact store.
    """
    mlflow = _mlflow(home)
    with _quietly():
        with mlflow_locked(home):
            if mlflow.get_experiment_by_name(EXPERIMENT) is None:
                served = tracking_uri(home).startswith(("http://", "https://"))
                place = None if served else (home / "runs").resolve().as_uri()
                mlflow.create_experiment(EXPERIMENT, artifact_location=place)
            mlflow.set_experiment(EXPERIMENT)
        with mlflow.start_run(run_name=run.name, tags=dict(run.tags)) as active:
            mlflow.log_params({key: str(value)[:_LONGEST_PARAM] for key, value in run.choices.items()})
            mlflow.log_metrics({key: value for key, value in run.figures.items() if value == value})  # noqa: PLR0124 - not NaN
            if run.files is not None:
                mlflow.log_artifacts(str(run.files))
            if run.pyfunc:
                _register(mlflow, run)
            return str(active.info.run_id)


def read_run(home: Path, run_id: str, target: Path) -> tuple[dict[str, str], Path]:
    """Return the parameters of a run, and the folder with its downloaded files.

    Raises
    ------
    LookupError
        If there is no such run.
    """
    mlflow = _mlflow(home)
    with _quietly():
        try:
            found = mlflow.get_run(run_id)
        except mlflow.exceptions.MlflowException as error:
            raise LookupError(run_id) from error
        fetched = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="training", dst_path=str(target))
        return dict(found.data.params), Path(fetched)


def _register(mlflow: Any, run: Run) -> None:  # noqa: ANN401 - untyped library
    """Log the model of a run, register it under its name and tag the registered version."""
    name = run.name.partition("@")[0]
    logged = mlflow.pyfunc.log_model(name="model", registered_model_name=name, **run.pyfunc)
    client = mlflow.MlflowClient()
    for key, value in run.tags.items():
        client.set_model_version_tag(name, logged.registered_model_version, key, value)


def _mlflow(home: Path) -> Any:  # noqa: ANN401 - untyped library
    """Import and configure MLflow, without telemetry and progress bars."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow  # noqa: PLC0415 - 2.5 s and 178 MB; imported only to record a run

    home.mkdir(parents=True, exist_ok=True)
    with _quietly():
        mlflow.set_tracking_uri(tracking_uri(home))
        mlflow.set_registry_uri(tracking_uri(home))
    return mlflow


@contextmanager
def _quietly() -> Iterator[None]:
    """Silence log messages and warnings of MLflow and its database layer; errors are still raised."""
    names = ("mlflow", "alembic", "alembic.runtime.migration")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")  # notices of the library about itself
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
