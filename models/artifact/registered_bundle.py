"""Reads a registered version (已登记版本) and checks that its name and version match its folder."""

from __future__ import annotations

from pathlib import Path

from models.artifact.bundle import Bundle, read_bundle
from models.artifact.signing import public_key
from valuation.errors import BundleTampered, UnknownModel

HINT = "model.list_models"


def read_kept(models: Path, label: str) -> Bundle:
    """Return a registered version after checking its files, its signature and its name.

    Parameters
    ----------
    models
        The registry's folder.
    label
        name@version.

    Raises
    ------
    UnknownModel
        No model is registered under that name and version.
    BundleTampered
        The files are not those that were signed, not signed here, or those of another version.

    """
    name, _, version = label.partition("@")
    folder = models / name / version
    if not is_one_folder(name) or not is_one_folder(version) or not folder.is_dir():
        raise UnknownModel("model.unknown_version", hint=HINT, label=label)
    bundle = read_bundle(folder, public_key(keys_folder(models)))
    signed = f"{bundle.about.name}@{bundle.about.version}"
    if signed != label:
        raise BundleTampered("model.other_version_in_folder", label=label, signed=signed)
    return bundle


def keys_folder(models: Path) -> Path:
    """Return the folder of the keys that sign the models of a registry."""
    return models.parent / "keys"


def is_one_folder(part: str) -> bool:
    """Return whether a text is the name of a visible folder and not a path."""
    return bool(part) and not part.startswith(".") and Path(part).name == part
