"""The imported catalogue of vehicles (车型目录): one CSV file in the home folder, asked before the built-in table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, fields
from pathlib import Path

from valuation.vehicle.catalogue import Variant, install, read_variants

FILE = "vehicles.csv"
_NAMES = tuple(field.name for field in fields(Variant))


class CatalogueWatch:
    """The imported catalogue of a home folder; read again by a running service when it was imported again."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._stamp = self._current_stamp()

    def _current_stamp(self) -> tuple[int, int]:
        try:
            found = (self._home / FILE).stat()
        except FileNotFoundError:
            return (0, 0)
        return found.st_mtime_ns, found.st_ino

    def refresh(self) -> None:
        """Use the catalogue of the folder if it changed since the last look."""
        stamp = self._current_stamp()
        if stamp != self._stamp:
            install_catalogue(kept_catalogue(self._home))
            self._stamp = stamp


def kept_catalogue(home: Path) -> bytes:
    """Return the imported catalogue of a home folder; empty if nothing was imported."""
    try:
        return (home / FILE).read_bytes()
    except FileNotFoundError:
        return b""


def keep_catalogue(home: Path, variants: Iterable[Variant]) -> Path:
    """Write the variants in place of the catalogue that was imported before, and return the file."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_NAMES)
    for one in variants:
        writer.writerow(["|".join(value) if isinstance(value, tuple) else value for value in astuple(one)])
    home.mkdir(parents=True, exist_ok=True)
    draft = home / f"{FILE}.new"
    draft.write_text(lines.getvalue(), encoding="utf-8")
    return draft.replace(home / FILE)


def install_catalogue(content: bytes) -> None:
    """Use an imported catalogue in this process."""
    install(read_variants(csv.DictReader(io.StringIO(content.decode()))) if content else ())
