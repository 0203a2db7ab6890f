"""The files a model is trained from, and the note of where they lay, for who judges the model later (来源)."""

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
    """The files a model is trained from: the ledger, the folder of traces, the quotes.

    `vat` says what prices are where the ledger itself does not say.
    """

    ledger: Path
    traces: Path
    market: Path
    vat: VatBasis | None = None

    def files(self) -> dict[str, Path]:
        """Return every file read, by what it holds."""
        return {"ledger": self.ledger, "market": self.market, **trace_files(self.traces)}

    def digests(self) -> dict[str, str]:
        """Return a hash of every file read."""
        return {name: digest_of(path) for name, path in self.files().items()}


def digest_of(path: Path) -> str:
    """Return the SHA-256 name of a file's bytes."""
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def remember_sources(home: Path, version: Version, sources: Sources) -> None:
    """Note where the files lie from which a version was trained, for who judges it later on this machine."""
    note = home / "sources" / f"{version.about.name}@{version.about.version}.json"
    note.parent.mkdir(parents=True, exist_ok=True)
    paths = {name: str(getattr(sources, name).resolve()) for name in _PATHS}
    told = {**paths, "vat": sources.vat, "digests": sources.digests()}
    note.write_text(json.dumps(told), encoding="utf-8")


def remembered_sources(home: Path, label: str) -> Sources | None:
    """Return the files a version (name@version) was trained from; None where they are gone or have changed."""
    try:
        told = json.loads((home / "sources" / f"{label}.json").read_text(encoding="utf-8"))
        sources = Sources(**{name: Path(told[name]) for name in _PATHS}, vat=told["vat"])
        return sources if sources.digests() == told["digests"] else None
    except (OSError, ValueError, TypeError, KeyError, UnreadableRecord):
        return None


def sources_for(home: Path, about: About, ledger: Path | None, traces: Path | None, market: Path | None) -> Sources:
    """Return the files that were named, else those the model was trained from.

    Raises
    ------
    TooFewSales
        If none are named, and those it was trained from are gone or have changed.
    """
    if ledger is not None and traces is not None and market is not None:
        return Sources(ledger=ledger, traces=traces, market=market)
    label = f"{about.name}@{about.version}"
    known = remembered_sources(home, label)
    if known is None or any(path is not None for path in (ledger, traces, market)):
        raise TooFewSales(
            f"there are no sales to judge {label} on: the files it was trained from are gone or have changed",
            hint="name all three: --ledger LEDGER --traces FOLDER --market QUOTES",
            field="ledger",
        )
    return known
