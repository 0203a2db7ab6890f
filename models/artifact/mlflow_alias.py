"""MLflow's alias follows our own log: who is champion there is a copy, and its failing fails nothing (别名)."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.artifact.promotion_log import locked


def mirror_alias(home: Path, standing: Callable[[], str | None], alias: str) -> None:
    """Give MLflow's alias to the champion; that it cannot be told fails nothing.

    Parameters
    ----------
    home
        Folder of all local state.
    standing
        Says who is champion, as name@version. It is asked once it is our turn: of two promotions at once the later one
        has the last word here too.
    alias
        The alias.

    """
    with _best_effort("the champion"), mlflow_locked(home):
        name, _, wanted = (standing() or "").partition("@")
        client = _mlflow(home)
        for version in client.search_model_versions(f"name='{name}'"):
            if version.tags.get("canzhi.version") == wanted:
                client.set_registered_model_alias(name, alias, version.version)


@contextmanager
def mlflow_locked(home: Path) -> Iterator[None]:
    """Keep others of this home from MLflow: it makes its tables when first opened, and two at once fail."""
    with locked(home / "runs"):
        yield


def _mlflow(home: Path) -> Any:  # noqa: ANN401 - untyped library
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    from mlflow import MlflowClient  # noqa: PLC0415 - 2.5 s and 178 MB; never for a price

    uri = os.environ.get("CANZHI_MLFLOW_URI") or f"sqlite:///{home.resolve()}/mlflow.db"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@contextmanager
def _best_effort(what: str) -> Iterator[None]:
    """Let the copy fail without failing what was copied: our own folder and log stand already."""
    try:
        yield
    except ModuleNotFoundError:
        return  # MLflow comes with the training extra; without it there is no copy to keep
    except Exception as error:  # noqa: BLE001 - a foreign store fails in foreign ways
        warnings.warn(f"MLflow was not told of {what}: {error}", RuntimeWarning, stacklevel=3)
