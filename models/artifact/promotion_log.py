"""The log of promotions: who made which model the champion (现役模型), when and why; only ever added to.

One line of JSON an entry, each holding the hash of the one before, so that a changed or removed line shows. The
champion is what the log says; aliases elsewhere are copies.
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
    """Who decides, when and why."""

    who: str
    why: str
    at: str


def read_log(folder: Path) -> tuple[Promotion, ...]:
    """Return the log's entries, oldest first; a line cut short by a crash was never an entry.

    Raises
    ------
    BundleTampered
        An entry was changed, removed or put in.

    """
    path = folder / LOG
    if not path.is_file():
        return ()
    lines = path.read_bytes().split(b"\n")[:-1]
    entries: list[Promotion] = []
    for number, line in enumerate(lines, start=1):
        previous = entries[-1].hash if entries else _START
        try:
            entry = Promotion(**json.loads(line.decode()))
            whole = entry.sequence == number and entry.previous == previous and entry.hash == _hash(asdict(entry))
        except (ValueError, TypeError, RecursionError) as error:  # ValueError: not UTF-8, or not JSON
            raise _broken(number) from error
        if not whole:
            raise _broken(number)
        entries.append(entry)
    return tuple(entries)


def log_stamp(folder: Path) -> tuple[int, int, int]:
    """Return what tells, without reading it, whether the log has changed: its size, time and file; zeros for none."""
    try:
        found = (folder / LOG).stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_size, found.st_mtime_ns, found.st_ino)


def champion(entries: tuple[Promotion, ...], name: str | None = None) -> str | None:
    """Return the champion as name@version, of one name or of all; None where nothing was promoted."""
    for entry in reversed(entries):
        if name is None or entry.after.partition("@")[0] == name:
            return entry.after
    return None


def check_promoted(entries: tuple[Promotion, ...], label: str, digest: str) -> None:
    """Compare a version read from disk with the one that was promoted; one that never was promoted is accepted.

    Raises
    ------
    BundleTampered
        Another model was promoted under this name and version.

    """
    promoted = next((entry.digest for entry in reversed(entries) if entry.after == label), digest)
    if promoted != digest:
        raise BundleTampered(
            f"{label} is not the model that was promoted: the log of promotions names {promoted}, on disk is {digest}",
            hint="restore the folder of that version from a backup, or promote the version again if it was replaced"
            " on purpose",
        )


def before_champion(entries: tuple[Promotion, ...]) -> str:
    """Return who was champion before the present one was promoted.

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
        raise UnknownModel("no champion stood before the present one", hint="promote the model you want instead")
    return standing[-2]


def append(folder: Path, action: str, after: tuple[str, str], decision: Decision) -> Promotion:
    """Add an entry and return it; the caller holds the lock.

    Parameters
    ----------
    folder
        Where the log lies.
    action
        "promote" or "rollback".
    after
        The new champion as name@version, and its digest.
    decision
        Who decides, when and why.

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
    """Keep everybody else from changing the registry for as long as the block runs."""
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
    return BundleTampered(
        f"the log of promotions is broken at entry {number}",
        hint="restore promotions.jsonl from a backup; until then name a model as name@version",
    )
