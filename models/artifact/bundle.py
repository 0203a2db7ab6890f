"""A trained model on disk (模型包): data only, hashed and signed, verified before it is parsed.

``manifest.json`` describes the model and holds the size and SHA-256 of ``model.json`` and ``arrays.npz``.
``signature.json`` holds the signature of the manifest. A bundle contains no pickle and no code.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from models.artifact.atomic_file import sync_folder
from models.artifact.hash_chain import digest
from models.artifact.serialization import canonical, dump_state, load_state
from models.artifact.signing import check_signature, sign
from models.inference.fitted_model import FittedRegressor
from models.inference.kernel_parity import check_model
from valuation.errors import BundleMismatch, BundleTampered

FORMAT = "canzhi-bundle"
FORMAT_VERSION = 2
MANIFEST, MODEL, ARRAYS, SIGNATURE = "manifest.json", "model.json", "arrays.npz", "signature.json"
_FILES = {MANIFEST, MODEL, ARRAYS, SIGNATURE}
_LARGEST = {MANIFEST: 4 << 20, SIGNATURE: 4 << 10, MODEL: 256 << 20, ARRAYS: 4 << 30}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HINT = "model.fetch_again"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The metadata of a model.

    Attributes
    ----------
    name, version
        Name and version, of letters, digits, dots, dashes and underscores.
    created_on, trained_through
        ISO dates: the day of training, and the day of the newest sale in the training set.
    demonstration
        Whether it was trained on a synthetic market; every answer then says so.
    summary
        Figures of the training, as JSON.
    market_calibration
        Calibrated constants of the market, by name; the structural values given to the model must use them.

    """

    name: str
    version: str
    created_on: str
    trained_through: str
    demonstration: bool = False
    summary: Mapping[str, Any] = field(default_factory=dict)
    market_calibration: Mapping[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the metadata as a manifest holds them, where ``habits`` is the key of the calibration."""
        document = asdict(self)
        document["habits"] = document.pop("market_calibration")
        return document


def read_about(document: Mapping[str, Any]) -> About:
    """Return the metadata that a manifest holds."""
    return About(**{"market_calibration" if key == "habits" else key: value for key, value in document.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A model: its fitted state, its metadata, and the digest that identifies it."""

    state: FittedRegressor
    about: About
    digest: str
    signed_by: str


def check_name(text: str) -> None:
    """Raise an error if a text cannot be the name or version of a model.

    Raises
    ------
    BundleMismatch
        It is empty, longer than 64 characters, or holds more than letters, digits, dots, dashes and underscores.

    """
    if not _NAME.fullmatch(text):
        raise BundleMismatch("model.name", field="name", value=text)


def write_bundle(folder: Path, state: FittedRegressor, about: About, key_folder: Path) -> Bundle:
    """Write a model to a new folder, completely or not at all.

    Raises
    ------
    BundleMismatch
        The folder exists, the name or version is not valid, or kernel and numpy evaluate a forest differently.

    """
    check_model(state)
    for text in (about.name, about.version):
        check_name(text)
    if folder.exists():
        raise BundleMismatch("model.exists", folder=folder)
    model, arrays = dump_state(state)
    parts = {MODEL: model, ARRAYS: arrays}
    manifest = canonical(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "features": list(state.vocabulary.names),
            "about": about.document(),
            "files": {name: {"bytes": len(part), "sha256": _sha256(part)} for name, part in parts.items()},
        }
    )
    key, signature = sign(manifest, key_folder)
    parts |= {MANIFEST: manifest, SIGNATURE: canonical({"public_key": key, "signature": signature})}
    _write_folder(folder, parts)
    return Bundle(state=state, about=about, digest=digest(manifest), signed_by=key)


def read_bundle(folder: Path, public_key: str | None = None) -> Bundle:
    """Return the model in a folder after verifying sizes, hashes and signature.

    Parameters
    ----------
    folder
        The folder of the bundle.
    public_key
        The key that must have signed it, hexadecimal. None accepts any signer: the model is then known to be whole,
        not to be from anybody in particular.

    Raises
    ------
    BundleTampered
        A file is missing, added, a link, cut or changed, or signed by somebody else.
    BundleMismatch
        The model is complete, but this version does not read its format.

    """
    _check_names(folder)
    manifest, seal = _read(folder / MANIFEST), _seal(_read(folder / SIGNATURE))
    signer = seal["public_key"]
    if public_key is not None and signer != public_key:
        raise BundleTampered("model.other_key", folder="/".join(folder.parts[-2:]))
    check_signature(manifest, signer, seal["signature"])
    facts = _json(manifest, MANIFEST)
    if facts.get("format") != FORMAT or facts.get("format_version") != FORMAT_VERSION:
        found, expected = f"{facts.get('format')} {facts.get('format_version')}", f"{FORMAT} {FORMAT_VERSION}"
        raise BundleMismatch("model.format", model=_label(facts, folder), found=found, expected=expected)
    parts = {name: _checked(folder / name, facts["files"][name]) for name in (MODEL, ARRAYS)}
    state = load_state(FittedRegressor, parts[MODEL], parts[ARRAYS])
    if list(state.vocabulary.names) != facts["features"]:
        raise BundleMismatch("model.manifest_features", hint=_HINT)
    return Bundle(state=state, about=read_about(facts["about"]), digest=digest(manifest), signed_by=signer)


def files_of(folder: Path) -> Mapping[str, Any]:
    """Return size and hash of each file from the manifest of a bundle, not verified; empty if it has none."""
    try:
        files = json.loads(_read(folder / MANIFEST)).get("files", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return files if isinstance(files, dict) else {}


def _label(facts: Mapping[str, Any], folder: Path) -> str:
    """Return name@version of a model of another format; the name of the folder if its manifest has none."""
    about = facts.get("about")
    named = about if isinstance(about, dict) else {}
    return f"{named['name']}@{named['version']}" if {"name", "version"} <= set(named) else folder.name


def _check_names(folder: Path) -> None:
    if not folder.is_dir():
        raise BundleTampered("model.not_folder", folder=folder)
    found = {entry.name: entry for entry in folder.iterdir()}
    for name in sorted(_FILES - set(found)):
        raise BundleTampered("model.file_missing", hint=_HINT, field=name, name=name)
    for name, entry in sorted(found.items()):
        if name not in _FILES or entry.is_symlink() or not entry.is_file():
            raise BundleTampered("model.foreign_file", hint=_HINT, field=name, name=name)
        if entry.stat().st_size > _LARGEST[name]:
            raise BundleTampered("model.file_too_large", hint=_HINT, field=name, name=name)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(descriptor, "rb") as stream:
        return stream.read(_LARGEST[path.name] + 1)


def _checked(path: Path, expected: Mapping[str, Any]) -> bytes:
    content = _read(path)
    if len(content) != expected["bytes"] or _sha256(content) != expected["sha256"]:
        raise BundleTampered("model.file_changed", hint=_HINT, field=path.name, name=path.name)
    return content


def _seal(content: bytes) -> dict[str, str]:
    """Return public key and signature; any byte that differs from the canonical form counts as damage."""
    found = _json(content, SIGNATURE)
    seal = {name: str(found.get(name)).lower() for name in ("public_key", "signature")}
    if content != canonical(seal):
        raise BundleTampered("model.file_damaged", hint=_HINT, field=SIGNATURE, name=SIGNATURE)
    return seal


def _json(content: bytes, name: str) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise BundleTampered("model.file_damaged", hint=_HINT, field=name, name=name) from error
    if not isinstance(document, dict):
        raise BundleTampered("model.file_damaged", hint=_HINT, field=name, name=name)
    return document


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_folder(folder: Path, parts: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, part in parts.items():
            with (fresh / name).open("wb") as stream:
                stream.write(part)
                stream.flush()
                os.fsync(stream.fileno())
        fresh.chmod(0o755)
        fresh.rename(folder)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    sync_folder(folder.parent)
