"""A training repeated from its run alone: the same data, choices and version give the same digest (复现)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.configuration import read_config
from training.dataset.prepare import prepare
from training.dataset.sources import Sources, digest_of
from training.runs.mlflow_run import read_run
from training.runs.run_record import LIBRARIES
from training.train_model import train_on
from valuation.errors import TrainingError


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """What came of repeating a training: the model's name, the digest of the run and that of the repetition."""

    name: str
    recorded: str
    found: str

    @property
    def same(self) -> bool:
        """Whether the very same model came out."""
        return self.recorded == self.found


def repeat(run_id: str, home: Path, begin: Callable[[str], None]) -> Repeated:
    """Train again from what a run keeps and compare the digests; the registry is left as it is.

    Parameters
    ----------
    run_id : str
        Id of the run.
    home : Path
        Folder of all local state.
    begin : callable
        Told the name of each stage as it begins.

    Raises
    ------
    TrainingError
        If there is no such run, or its data are neither kept beside it nor where they lay, unchanged.
    """
    with tempfile.TemporaryDirectory(prefix="canzhi-repeat-") as scratch:
        try:
            choices, files = read_run(home, run_id, Path(scratch) / "run")
        except LookupError as error:
            raise TrainingError(
                f"no run {run_id} is kept",
                hint="`canzhi train` prints the id of its run; MLflow lists them",
                field="run",
            ) from error
        config = read_config(files / "choices.toml")
        sources = _sources(files)
        registry = Path(scratch) / "home"
        _same_key(home, registry)
        label = f"{choices['name']}@{choices['version']}"
        trained = train_on(prepare(sources, config, begin), label, config, registry, begin, keep_record=False)
        return Repeated(name=label, recorded=choices["bundle_digest"], found=trained.version.digest)


def differences(run_id: str, home: Path, now: Mapping[str, str]) -> list[str]:
    """Return in words which libraries differ from those of a run."""
    with tempfile.TemporaryDirectory(prefix="canzhi-repeat-") as scratch:
        choices, _ = read_run(home, run_id, Path(scratch))
    return [
        f"{name} was {choices.get(f'library.{name}')}, is {now.get(name)}"
        for name in LIBRARIES
        if choices.get(f"library.{name}") != now.get(name)
    ]


def _sources(files: Path) -> Sources:
    """Return the data of a run: those kept beside it, else those where they lay, if they are the same still."""
    told = json.loads((files / "sources.json").read_text(encoding="utf-8"))
    kept = {path.stem: path for path in (files / "data").glob("*")} if (files / "data").is_dir() else {}
    if kept:
        found = Sources(ledger=kept["ledger"], traces=files / "data", market=kept["market"], vat=told["vat"])
    else:
        places = {name: Path(told[name]) for name in ("ledger", "traces", "market")}
        found = Sources(**places, vat=told["vat"])
    for name, digest in told["digests"].items():
        path = kept.get(name)
        present = digest_of(path) if path is not None else _digest_where_it_lay(found, name)
        if present != digest:
            raise TrainingError(
                f"the {name} of the run is not what it was" + ("" if present else ": it is gone"),
                hint="bring back the file of that digest: " + digest,
                field=name,
            )
    return found


def _digest_where_it_lay(sources: Sources, name: str) -> str:
    """Return the digest of a file, "" where it is gone."""
    try:
        return digest_of(sources.files()[name])
    except (OSError, KeyError):
        return ""


def _same_key(home: Path, registry: Path) -> None:
    """Let the repetition be signed by the same workshop; the digest does not depend on it, the check of it does."""
    (registry / "keys").parent.mkdir(parents=True, exist_ok=True)
    if (home / "keys").is_dir():
        (registry / "keys").symlink_to((home / "keys").resolve(), target_is_directory=True)
