"""Files written whole or not at all (原子写入), and flushed to the disk before they take their name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: Path, mark: str = "new") -> Iterator[Path]:
    """Yield a path beside a file; what the block writes there takes the file's place when the block has ended.

    Parameters
    ----------
    path
        The file, which stays as it was if the block fails.
    mark
        Part of the other path; processes that write at the same time need different ones.
    """
    fresh = path.with_name(f".{path.name}.{mark}")
    try:
        yield fresh
        with fresh.open("rb") as stream:
            os.fsync(stream.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power cut, where the system can."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
