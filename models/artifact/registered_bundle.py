"""Reads a registered version (已登记版本) and checks that its name and version match its folder."""

from __future__ import annotations

from pathlib import Path

from models.artifact.bundle import Bundle, read_bundle
from models.artifact.signing import public_key
from valuation.errors import BundleTampered, UnknownModel

HINT = "`canzhi models` lists what is there; `canzhi train` makes a model"


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
        raise UnknownModel(f"no model {label} is kept", hint=HINT)
    bundle = read_bundle(folder, public_key(keys_folder(models)))
    signed = f"{bundle.about.name}@{bundle.about.version}"
    if signed != label:
        raise BundleTampered(
            f"the folder of {label} holds the signed files of {signed}",
            hint="move each version back to the folder of its own name, or restore it from a backup",
        )
    return bundle


def keys_folder(models: Path) -> Path:
    """Return the folder of the keys that sign the models of a registry."""
    return models.parent / "keys"


def is_one_folder(part: str) -> bool:
    """Return whether a text is the name of a visible folder and not a path."""
    return bool(part) and not part.startswith(".") and Path(part).name == part
