"""Signatures of models: an Ed25519 key pair of this machine, generated on first use."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.artifact.atomic_file import atomic_file
from valuation.errors import BundleTampered

_PRIVATE = "signing.key"
_PUBLIC = "signing.pub"


def sign(message: bytes, key_folder: Path) -> tuple[str, str]:
    """Return public key and signature in hexadecimal; the key pair is generated on first use.

    Parameters
    ----------
    message
        The bytes to sign.
    key_folder
        The folder of the key pair; only its owner can read the private key.

    """
    key = Ed25519PrivateKey.from_private_bytes(_private_bytes(key_folder))
    return key.public_key().public_bytes_raw().hex(), key.sign(message).hex()


def public_key(key_folder: Path) -> str | None:
    """Return the public key in hexadecimal, None before the first signature."""
    path = key_folder / _PUBLIC
    return path.read_text(encoding="ascii").strip() if path.is_file() else None


def check_signature(message: bytes, key: str, signature: str) -> None:
    """Check that the holder of the key signed the message.

    Raises
    ------
    BundleTampered
        The signature does not match key and message.

    """
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), message)
    except (InvalidSignature, ValueError) as error:
        raise BundleTampered("model.signature") from error


def _private_bytes(key_folder: Path) -> bytes:
    key_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = key_folder / _PRIVATE
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        fresh = key_folder / f"{_PRIVATE}.{os.getpid()}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key.private_bytes_raw())
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):  # another process was first; its key stands
            os.link(fresh, path)
        fresh.unlink()
    secret = path.read_bytes()
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw().hex()
    if public_key(key_folder) != public:
        # a full disk must not remove the public key of stored models
        with atomic_file(key_folder / _PUBLIC, mark=str(os.getpid())) as fresh:
            fresh.write_text(public + "\n", encoding="ascii")
    return secret
