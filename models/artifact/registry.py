"""The model registry of this machine: publish versions, promote them, load them by name.

``<home>/models/<name>/<version>`` holds a bundle that is never overwritten; ``<home>/models/promotions.jsonl`` records
the champion. If MLflow is installed, the training registers the version there and the alias is set after the log is
written; nothing here depends on that copy.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from models.artifact.bundle import About, files_of, read_bundle, write_bundle
from models.artifact.mlflow_alias import mirror_alias
from models.artifact.predictor import Predictor
from models.artifact.promotion_log import (
    PROMOTE,
    ROLLBACK,
    Decision,
    Promotion,
    append,
    before_champion,
    champion,
    check_promoted,
    locked,
    read_log,
)
from models.artifact.registered_bundle import HINT, is_one_folder, keys_folder, read_kept
from models.inference.fitted_model import FittedRegressor
from valuation.errors import BundleTampered, PredictorError, StoreNotReady, UnknownModel

CHAMPION = "champion"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Metadata of a model to publish; the registry numbers the version if none is given."""

    name: str
    created_on: str
    trained_through: str
    version: str | None = None
    demonstration: bool = False
    summary: Mapping[str, Any] = field(default_factory=dict)
    market_calibration: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version in the registry; ``problem`` says why it cannot be used, "" if it can."""

    about: About
    digest: str
    folder: Path
    is_champion: bool
    problem: str = ""


def home_folder() -> Path:
    """Return the folder of all local state: CANZHI_HOME, else the platform's user-data folder."""
    chosen = os.environ.get("CANZHI_HOME")
    if chosen:
        return Path(chosen)

    return platformdirs.user_data_path("canzhi")


def publish(state: FittedRegressor, publication: Publication, home: Path | None = None) -> Version:
    """Register a trained model as a new version and return it; it does not become the champion.

    Raises
    ------
    BundleMismatch
        The version exists, the name or version is not valid, or kernel and numpy evaluate a forest differently.

    """
    models = _models(home)
    with _room(), locked(models):
        _clear_away(models / publication.name)
        version = publication.version or _next_version(models / publication.name)
        about = About(
            name=publication.name,
            version=version,
            created_on=publication.created_on,
            trained_through=publication.trained_through,
            demonstration=publication.demonstration,
            summary=publication.summary,
            market_calibration=publication.market_calibration,
        )
        folder = models / publication.name / version
        bundle = write_bundle(folder, state, about, keys_folder(models))
    return Version(about=about, digest=bundle.digest, folder=folder, is_champion=False)


def promote(reference: str, decision: Decision, home: Path | None = None) -> Promotion | None:
    """Make a version the champion and return the entry of the log.

    Return None if it is the champion already; nothing is logged then, so that a rollback leads to another model.

    Raises
    ------
    UnknownModel
        No such version is registered.
    BundleTampered
        The version's files are not those that were signed, or belong to another version.

    """
    return _set_champion(PROMOTE, reference, decision, _models(home))


def rollback(decision: Decision, home: Path | None = None) -> Promotion:
    """Promote the champion before the present one again, as a new entry of the log.

    Raises
    ------
    UnknownModel
        There was none.
    BundleTampered
        Its files are not those that were promoted.

    """
    entry = _set_champion(ROLLBACK, None, decision, _models(home))
    if entry is None:  # the one before is never the present one
        raise UnknownModel("model.no_previous_champion")
    return entry


def list_versions(home: Path | None = None) -> tuple[Version, ...]:
    """Return all registered versions by name and age; damaged ones are listed with the problem."""
    models = _models(home)
    entries = read_log(models)
    folders = sorted((path for path in models.glob("*/*") if path.is_dir() and not path.name.startswith(".")), key=_age)
    return tuple(_version(folder, models, entries) for folder in folders)


def _version(folder: Path, models: Path, entries: tuple[Promotion, ...]) -> Version:
    label, digest, problem = f"{folder.parent.name}@{folder.name}", "", ""
    about = About(name=folder.parent.name, version=folder.name, created_on="", trained_through="")
    try:
        bundle = read_kept(models, label)
        about, digest = bundle.about, bundle.digest
        check_promoted(entries, label, digest)
    except PredictorError as error:
        problem = error.text
    is_champion = label == champion(entries)
    return Version(about=about, digest=digest, folder=folder, is_champion=is_champion, problem=problem)


def same_digest(version: Version, home: Path | None = None) -> tuple[str, ...]:
    """Return the other versions that hold the same model under another name or version, oldest first.

    The digest covers name and version, so identical models are found by the hashes of their files.
    """
    own = files_of(version.folder)
    folders = sorted((path for path in _models(home).glob("*/[!.]*") if path.is_dir()), key=_age)
    alike = [path for path in folders if path != version.folder and own and files_of(path) == own]
    return tuple(f"{path.parent.name}@{path.name}" for path in alike)


def promotions(home: Path | None = None) -> tuple[Promotion, ...]:
    """Return the log of promotions, oldest first, after verifying its hash chain."""
    return read_log(_models(home))


def load_model(reference: str | Path = CHAMPION, home: Path | None = None) -> Predictor:
    """Return a trained model ready to price.

    Parameters
    ----------
    reference
        "champion", a name (its champion, else its newest version), name@version, a digest, or the folder of a bundle.
    home
        Folder of all local state; CANZHI_HOME or the platform's by default.

    Raises
    ------
    UnknownModel
        No model is registered under that reference.
    BundleTampered
        The files are not those that were signed. Of a kept model also: they were not signed here, belong to another
        version, or are not those that were promoted. A digest names its model whatever was promoted, and a version can
        be named where the log of promotions is broken.

    """
    folder = Path(reference)
    if folder.is_dir() and (folder / "manifest.json").exists():
        return Predictor(read_bundle(folder))
    models = _models(home)
    label = _resolve(models, str(reference))
    bundle = read_kept(models, label)
    if not _DIGEST.fullmatch(str(reference)):
        check_promoted(_entries(models, needed=label != reference), label, bundle.digest)
    return Predictor(bundle)


def _set_champion(action: str, reference: str | None, decision: Decision, models: Path) -> Promotion | None:
    """Log a new champion after checking its files and return the entry; None if it is the champion already."""
    with _room(), locked(models):
        entries = read_log(models)
        label = before_champion(entries) if reference is None else _resolve(models, reference)
        bundle = read_kept(models, label)
        if reference is None:
            check_promoted(entries, label, bundle.digest)
        elif entries and (entries[-1].after, entries[-1].digest) == (label, bundle.digest):
            return None
        entry = append(models, action, (label, bundle.digest), decision)
    mirror_alias(models.parent, lambda: champion(read_log(models), bundle.about.name), CHAMPION)
    return entry


def _resolve(models: Path, reference: str) -> str:
    """Return name@version of a reference of any kind."""
    if _DIGEST.fullmatch(reference):
        return _by_digest(models, reference)
    name, _, version = reference.partition("@")
    if version:
        return reference
    entries = read_log(models)
    standing = champion(entries) if reference == CHAMPION else champion(entries, name)
    if standing is not None:
        return standing
    if reference == CHAMPION:
        raise UnknownModel("model.no_champion")
    folders = [path for path in (models / name).glob("*") if path.is_dir()] if is_one_folder(name) else []
    if not folders:
        raise UnknownModel("model.unknown_name", hint=HINT, name=repr(name))
    return f"{name}@{max(folders, key=_age).name}"


def _entries(models: Path, *, needed: bool) -> tuple[Promotion, ...]:
    """Return the entries of the log; none if it is damaged and the reference names a version, which needs no log."""
    try:
        return read_log(models)
    except BundleTampered:
        if needed:
            raise
        return ()


def _by_digest(models: Path, digest: str) -> str:
    for version in list_versions(models.parent):
        if version.digest == digest:
            return f"{version.about.name}@{version.about.version}"
    raise UnknownModel("model.unknown_digest", hint=HINT, digest=digest)


@contextmanager
def _room() -> Iterator[None]:
    """Turn an error of writing to the registry into a clear one; nothing incomplete remains.

    Raises
    ------
    StoreNotReady
        If the disk is full or the folder closed.
    """
    try:
        yield
    except OSError as reason:
        raise StoreNotReady("model.folder_not_writable", reason=reason.strerror or reason) from reason


def _clear_away(folder: Path) -> None:
    """Remove incomplete files of a killed training; the caller must hold the lock."""
    for unfinished in folder.glob(".*"):
        shutil.rmtree(unfinished, ignore_errors=True)


def _next_version(folder: Path) -> str:
    taken = [int(path.name) for path in folder.glob("*") if path.name.isdigit()]
    return str(max(taken, default=0) + 1)


def _age(folder: Path) -> tuple[str, int, str]:
    number = int(folder.name) if folder.name.isdigit() else 0
    return folder.parent.name, number, folder.name


def _models(home: Path | None) -> Path:
    return (home_folder() if home is None else Path(home)) / "models"
