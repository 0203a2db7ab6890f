"""The working folder of a job (批量任务), next to its output: finished parts with their hashes, and a lock.

A job that was interrupted continues with its finished parts if files, quotes, model and terms are the same.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from models.artifact.atomic_file import atomic_file
from service.scoring.score_batch import Scored
from valuation.errors import SettingError

LAYOUT = "3"
"""Changed when parts are cut or written differently, so that a job of another version starts again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCounts:
    """Number of packs that a part valued and rejected."""

    valued: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job's working folder and its output."""

    folder: Path
    out: Path

    @staticmethod
    def writing(out: Path) -> Job:
        """Return the job of an output; its folder is hidden and next to the output."""
        return Job(folder=out.parent / f".{out.name}.parts", out=out)

    @property
    def rejected(self) -> Path:
        """The file of the packs that are not valued."""
        return self.out.with_name(f"{self.out.stem}.rejected.parquet")

    @property
    def partitioned(self) -> Path:
        """The file that exists once packs and events are partitioned."""
        return self.folder / "partitioned"

    def begin(self, identity: str) -> bool:
        """Prepare the folder; return whether parts of another job had to be deleted."""
        mark = self.folder / "job.json"
        stated = json.dumps({"layout": LAYOUT, "identity": identity})
        known = mark.read_text("utf-8") if mark.exists() else None
        if known == stated:
            return False
        for entry in [*self.folder.iterdir()] if self.folder.is_dir() else []:
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        _write(mark, stated.encode())
        return known is not None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against a second run of the same job.

        Raises
        ------
        SettingError
            If another run has locked it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise SettingError("fleet.output_busy", field="OUT", out=self.out) from error
            yield

    def values(self, part: int) -> Path:
        """Return the file of a part's values."""
        return self.folder / f"{part:06d}.values.arrow"

    def rejected_part(self, part: int) -> Path:
        """Return the file of the packs that a part rejected."""
        return self.folder / f"{part:06d}.rejected.arrow"

    def finish(self, part: int, scored: Scored) -> PartCounts:
        """Store a part; it is finished once both its files are on the disk."""
        digests = {
            path.name: _write(path, _arrow(table))
            for path, table in ((self.values(part), scored.values), (self.rejected_part(part), scored.rejected))
        }
        counts = PartCounts(valued=scored.values.num_rows, rejected=scored.rejected.num_rows)
        _write(self._done(part), json.dumps({"sha256": digests, "tally": asdict(counts)}).encode())
        return counts

    def finished(self, part: int) -> PartCounts | None:
        """Return the tally of a part that is finished and unchanged; None if it must be valued."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            facts = json.loads(self._done(part).read_bytes())
            for name, digest in facts["sha256"].items():
                if hashlib.sha256((self.folder / name).read_bytes()).hexdigest() != digest:
                    return None
            return PartCounts(**facts["tally"])
        return None

    def close(self) -> None:
        """Delete the folder; the output is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _done(self, part: int) -> Path:
        return self.folder / f"{part:06d}.done.json"


def _arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _write(path: Path, content: bytes) -> str:
    """Write a file whole or not at all, and return its hash."""
    with atomic_file(path) as fresh:
        fresh.write_bytes(content)
    return hashlib.sha256(content).hexdigest()
