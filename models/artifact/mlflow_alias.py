"""Copies the champion of the promotion log to MLflow's alias; a failure there is only a warning (别名)."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.artifact.promotion_log import locked
from valuation.messages import Message


def mirror_alias(home: Path, standing: Callable[[], str | None], alias: str) -> None:
    """Set MLflow's alias to the champion; a failure is a warning, not an error.

    Parameters
    ----------
    home
        Folder of all local state.
    standing
        Returns the champion as name@version. It is called after the lock is acquired, so that of two promotions at the
        same time the later one wins here too.
    alias
        The alias.

    """
    with _best_effort(), mlflow_locked(home):
        name, _, wanted = (standing() or "").partition("@")
        client = _mlflow(home)
        for version in client.search_model_versions(f"name='{name}'"):
            if version.tags.get("canzhi.version") == wanted:
                client.set_registered_model_alias(name, alias, version.version)


@contextmanager
def mlflow_locked(home: Path) -> Iterator[None]:
    """Lock MLflow for this home folder: it creates its tables when first opened, and two processes would collide."""
    with locked(home / "runs"):
        yield


def _mlflow(home: Path) -> Any:  # noqa: ANN401 - untyped library
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    from mlflow import MlflowClient  # noqa: PLC0415 - 2.5 s and 178 MB; never for a price

    uri = os.environ.get("CANZHI_MLFLOW_URI") or f"sqlite:///{home.resolve()}/mlflow.db"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def _best_effort() -> Iterator[None]:
    """Turn an error of MLflow into a warning: the model and the log are written already."""
    try:
        yield
    except ModuleNotFoundError:
        return  # MLflow comes with the training extra; without it there is no copy to keep
    except Exception as error:  # noqa: BLE001 - a foreign store fails in foreign ways
        warning = Message("model.champion_not_in_mlflow", reason=str(error))
        warnings.warn(warning, RuntimeWarning, stacklevel=3)
