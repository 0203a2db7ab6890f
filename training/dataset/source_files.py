"""Source files of a training (数据来源): ledger, traces and quotes, and a note of their paths for later evaluation."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from models.artifact.bundle import About
from models.artifact.registry import Version
from training.dataset.traces import trace_files
from training.sales_ledger import VatBasis
from valuation.errors import TooFewSales, UnreadableRecord

_PATHS = ("ledger", "traces", "market")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Source files: the ledger, the folder of traces and the quotes.

    `vat` is the tax basis of the prices if the ledger does not state it.
    """

    ledger: Path
    traces: Path
    market: Path
    vat: VatBasis | None = None

    def files(self) -> dict[str, Path]:
        """Return all files by content."""
        return {"ledger": self.ledger, "market": self.market, **trace_files(self.traces)}

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 digest of all files by content."""
        return {name: digest_of(path) for name, path in self.files().items()}


def digest_of(path: Path) -> str:
    """Return the SHA-256 digest of a file."""
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def remember_sources(home: Path, version: Version, sources: Sources) -> None:
    """Store the paths of the source files of a version, for later evaluation on this machine."""
    path = home / "sources" / f"{version.about.name}@{version.about.version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    paths = {name: str(getattr(sources, name).resolve()) for name in _PATHS}
    note = {**paths, "vat": sources.vat, "digests": sources.digests()}
    path.write_text(json.dumps(note), encoding="utf-8")


def remembered_sources(home: Path, label: str) -> Sources | None:
    """Return the source files of a version (name@version), or None if they are missing or have changed."""
    try:
        note = json.loads((home / "sources" / f"{label}.json").read_text(encoding="utf-8"))
        sources = Sources(**{name: Path(note[name]) for name in _PATHS}, vat=note["vat"])
        return sources if sources.digests() == note["digests"] else None
    except (OSError, ValueError, TypeError, KeyError, UnreadableRecord):
        return None


def sources_for(home: Path, about: About, ledger: Path | None, traces: Path | None, market: Path | None) -> Sources:
    """Return the given files, else the source files of the model.

    Raises
    ------
    TooFewSales
        If no files are given, and the source files are missing or have changed.
    """
    if ledger is not None and traces is not None and market is not None:
        return Sources(ledger=ledger, traces=traces, market=market)
    label = f"{about.name}@{about.version}"
    known = remembered_sources(home, label)
    if known is None or any(path is not None for path in (ledger, traces, market)):
        raise TooFewSales("training.no_sources", field="ledger", model=label)
    return known
