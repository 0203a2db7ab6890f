"""API keys (访问密钥): reads the file of names and key hashes, and finds the caller of a key."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path

from valuation.errors import SettingError

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_NAME_LENGTH = 80
"""Longest name of a caller, limited by the column of the store."""
_HASH_LETTERS = frozenset("0123456789abcdef")
_HASH_OF_NOTHING = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """Name of a caller and hash of the key; the key itself is not stored."""

    name: str
    sha256: str


def read_keys(path: Path | None) -> tuple[ApiKey, ...]:
    """Return the keys in a file of lines `name sha256:<hex of the key's hash>`; `#` starts a comment.

    Raises
    ------
    SettingError
        If the file cannot be read, has an invalid line, or contains no key.
    """
    if path is None:
        return ()
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as reason:
        raise SettingError("setting.keys_unreadable", field="CANZHI_API_KEYS", path=path) from reason
    keys = tuple(_key(line, number) for number, line in enumerate(lines, 1) if line.partition("#")[0].strip())
    if not keys:
        raise SettingError("setting.no_key", field="CANZHI_API_KEYS", path=path)
    return keys


def _key(line: str, number: int) -> ApiKey:
    name, _, digest = line.partition("#")[0].strip().partition(" ")
    scheme, _, letters = digest.strip().partition(":")
    if letters == _HASH_OF_NOTHING:
        raise SettingError("setting.empty_key", field="CANZHI_API_KEYS", number=number)
    if scheme != "sha256" or len(letters) != 64 or not _HASH_LETTERS.issuperset(letters):
        raise SettingError("setting.key_line", field="CANZHI_API_KEYS", number=number)
    if len(name) > MAX_NAME_LENGTH:
        raise SettingError(
            "setting.key_name", field="CANZHI_API_KEYS", number=number, count=len(name), most=MAX_NAME_LENGTH
        )
    return ApiKey(name=name, sha256=letters)


def find_caller(key: str, keys: tuple[ApiKey, ...]) -> str | None:
    """Return the name of a key's caller, None for an unknown key; compares in constant time.

    >>> known = (ApiKey(name="yard", sha256=hashlib.sha256(b"secret").hexdigest()),)
    >>> find_caller("secret", known), find_caller("Secret", known)
    ('yard', None)
    """
    offered = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    found = None
    for one in keys:
        if hmac.compare_digest(offered, one.sha256):
            found = one.name
    return found
