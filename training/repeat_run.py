"""Repeat a training run from its stored data and options, and compare the bundle digests (复现)."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.configuration import read_config
from training.dataset.prepare import prepare
from training.dataset.source_files import Sources, digest_of
from training.runs.mlflow_run import read_run
from training.runs.run_record import LIBRARIES
from training.train_model import train_on
from valuation.errors import TrainingError
from valuation.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """Result of a repeated training: model name, digest of the run and digest of the repetition."""

    name: str
    recorded: str
    found: str

    @property
    def same(self) -> bool:
        """Whether both digests are equal."""
        return self.recorded == self.found


def repeat(run_id: str, home: Path, begin: Callable[[str], None]) -> Repeated:
    """Train again from the files of a run and compare the digests; the registry is not changed.

    Parameters
    ----------
    run_id : str
        Id of the run.
    home : Path
        Folder of all local state.
    begin : callable
        Called with the name of each stage as it begins.

    Raises
    ------
    TrainingError
        If there is no such run, or its data are neither stored with it nor unchanged at their original paths.
    """
    with tempfile.TemporaryDirectory(prefix="canzhi-repeat-") as scratch:
        try:
            choices, files = read_run(home, run_id, Path(scratch) / "run")
        except LookupError as error:
            raise TrainingError("training.unknown_run", field="run", value=run_id) from error
        config = read_config(files / "choices.toml")
        sources = _sources(files)
        registry = Path(scratch) / "home"
        _same_key(home, registry)
        label = f"{choices['name']}@{choices['version']}"
        trained = train_on(prepare(sources, config, begin), label, config, registry, begin, keep_record=False)
        return Repeated(name=label, recorded=choices["bundle_digest"], found=trained.version.digest)


def differences(run_id: str, home: Path, now: Mapping[str, str]) -> list[Message]:
    """Return one sentence for each library whose version differs from that of the run."""
    with tempfile.TemporaryDirectory(prefix="canzhi-repeat-") as scratch:
        choices, _ = read_run(home, run_id, Path(scratch))
    return [
        Message("training.library_differs", name=name, recorded=choices.get(f"library.{name}"), installed=now.get(name))
        for name in LIBRARIES
        if choices.get(f"library.{name}") != now.get(name)
    ]


def _sources(files: Path) -> Sources:
    """Return the data files of a run: the stored copies, else the original files if their digests still match."""
    recorded = json.loads((files / "sources.json").read_text(encoding="utf-8"))
    kept = {path.stem: path for path in (files / "data").glob("*")} if (files / "data").is_dir() else {}
    if kept:
        found = Sources(ledger=kept["ledger"], traces=files / "data", market=kept["market"], vat=recorded["vat"])
    else:
        places = {name: Path(recorded[name]) for name in ("ledger", "traces", "market")}
        found = Sources(**places, vat=recorded["vat"])
    for name, digest in recorded["digests"].items():
        path = kept.get(name)
        present = digest_of(path) if path is not None else _original_digest(found, name)
        if present != digest:
            identity = "training.file_changed" if present else "training.file_missing"
            raise TrainingError(
                identity, hint="training.restore_file", field=name, name=name, found=present, digest=digest
            )
    return found


def _original_digest(sources: Sources, name: str) -> str:
    """Return the digest of a file at its original path, or "" if it is missing."""
    try:
        return digest_of(sources.files()[name])
    except (OSError, KeyError):
        return ""


def _same_key(home: Path, registry: Path) -> None:
    """Link the signing keys, so that the signature of the repetition can be verified; the digest ignores them."""
    (registry / "keys").parent.mkdir(parents=True, exist_ok=True)
    if (home / "keys").is_dir():
        (registry / "keys").symlink_to((home / "keys").resolve(), target_is_directory=True)
