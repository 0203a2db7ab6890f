"""The append-only log of promotions: who made which model the champion (现役模型), when and why.

Each line is one JSON entry with the hash of the entry before, so that changed or removed lines are detected. The log
determines the champion; aliases elsewhere are copies.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from models.artifact.hash_chain import Link, broken_links
from models.artifact.serialization import canonical
from valuation.errors import BundleTampered, UnknownModel

LOG = "promotions.jsonl"
_LOCK = ".lock"
_START = "0" * 64
PROMOTE, ROLLBACK = "promote", "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """One entry of the log.

    Attributes
    ----------
    sequence
        1, 2, 3...
    action
        "promote" or "rollback".
    at, who, why
        ISO time, person and reason.
    before, after
        Champion before ("" for none) and after, as name@version.
    digest
        Digest of the new champion.
    previous, hash
        Hash of the entry before, and of this one.

    """

    sequence: int
    action: str
    at: str
    who: str
    why: str
    before: str
    after: str
    digest: str
    previous: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The person who decides, the time and the reason."""

    who: str
    why: str
    at: str


def read_log(folder: Path) -> tuple[Promotion, ...]:
    """Return the entries of the log, oldest first; an incomplete last line of a crash is ignored.

    Raises
    ------
    BundleTampered
        An entry was changed, removed or inserted.

    """
    path = folder / LOG
    if not path.is_file():
        return ()
    lines = path.read_bytes().split(b"\n")[:-1]
    entries: list[Promotion] = []
    for _ in broken_links(_links(lines, entries), _START):
        raise _broken(len(entries))
    return tuple(entries)


def _links(lines: list[bytes], entries: list[Promotion]) -> Iterator[Link]:
    """Yield the link of each entry, which is added to the entries."""
    for number, line in enumerate(lines, start=1):
        try:
            entry = Promotion(**json.loads(line.decode()))
            expected = _hash(asdict(entry))
        except (ValueError, TypeError, RecursionError) as error:  # ValueError: not UTF-8, or not JSON
            raise _broken(number) from error
        entries.append(entry)
        yield Link(entry.sequence, entry.previous, entry.hash, expected)


def log_stamp(folder: Path) -> tuple[int, int, int]:
    """Return size, modification time and inode of the log, by which a change is noticed; zeros without a log."""
    try:
        found = (folder / LOG).stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def champion(entries: tuple[Promotion, ...], name: str | None = None) -> str | None:
    """Return the champion as name@version, of one model name or of all; None before any promotion."""
    for entry in reversed(entries):
        if name is None or entry.after.partition("@")[0] == name:
            return entry.after
    return None


def check_promoted(entries: tuple[Promotion, ...], label: str, digest: str) -> None:
    """Check that a version on disk is the one that was promoted; versions never promoted are accepted.

    Raises
    ------
    BundleTampered
        Another model was promoted under this name and version.

    """
    promoted = next((entry.digest for entry in reversed(entries) if entry.after == label), digest)
    if promoted != digest:
        raise BundleTampered("model.not_promoted", model=label, promoted=promoted, digest=digest)


def before_champion(entries: tuple[Promotion, ...]) -> str:
    """Return the champion before the present one.

    Raises
    ------
    UnknownModel
        There was none.

    """
    standing: list[str] = []
    for entry in entries:
        while entry.action == ROLLBACK and standing and standing[-1] != entry.after:
            standing.pop()
        if not standing or standing[-1] != entry.after:  # who is promoted twice in a row stands there once
            standing.append(entry.after)
    if len(standing) < 2:
        raise UnknownModel("model.no_previous_champion")
    return standing[-2]


def append(folder: Path, action: str, after: tuple[str, str], decision: Decision) -> Promotion:
    """Append an entry and return it; the caller must hold the lock.

    Parameters
    ----------
    folder
        The folder of the log.
    action
        "promote" or "rollback".
    after
        The new champion as name@version, and its digest.
    decision
        The person, the time and the reason.

    """
    entries = read_log(folder)
    fields: dict[str, object] = {
        "sequence": len(entries) + 1,
        "action": action,
        "at": decision.at,
        "who": decision.who,
        "why": decision.why,
        "before": champion(entries) or "",
        "after": after[0],
        "digest": after[1],
        "previous": entries[-1].hash if entries else _START,
    }
    entry = Promotion(**fields, hash=_hash(fields))  # type: ignore[arg-type]  # the fields stand above
    _write_line(folder / LOG, canonical(asdict(entry)))
    return entry


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock on the registry while the block runs."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write_line(path: Path, line: bytes) -> None:
    with path.open("ab") as stream:
        whole = path.read_bytes().rfind(b"\n") + 1
        stream.truncate(whole)  # what a crash left of a line that was never an entry
        stream.write(line + b"\n")
        stream.flush()
        os.fsync(stream.fileno())


def _hash(fields: dict[str, object]) -> str:
    content = {name: value for name, value in fields.items() if name != "hash"}
    return hashlib.sha256(canonical(content)).hexdigest()


def _broken(number: int) -> BundleTampered:
    return BundleTampered("model.log_broken", number=number)
