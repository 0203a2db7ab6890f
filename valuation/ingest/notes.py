"""Notes on accepted records (the cautions I01 to I25), and the problems of rejected ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Final

from valuation.errors import CanzhiError, RefusedPack
from valuation.messages import fixed, shown_value
from valuation.result import Caution, Severity, make_caution

_INFO: Final = frozenset({"I01", "I02", "I04", "I05", "I12", "I14", "I16", "I18", "I22", "I24"})
"""The notes that only inform; the others warn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeNote:
    """A caution about how a record was read; a note about an event counts once the event is known.

    Parameters
    ----------
    caution : Caution
        The caution that is shown with a valuation.
    known_from : date, optional
        The day from which its event was known; None for a note about the pack itself.
    """

    caution: Caution
    known_from: date | None = None

    def since(self, day: date | None) -> IntakeNote:
        """Return the same note, known only from that day."""
        return IntakeNote(caution=self.caution, known_from=day)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordProblem:
    """A rejected record or row, its place and the reason; `row` is its row in the table of packs, if any."""

    where: str
    battery_code: str | None
    error: CanzhiError
    row: int | None = None


def repeated_code(where: str, code: str) -> RecordProblem:
    """Return the refusal of a pack whose code another pack has too."""
    error = RefusedPack("record.two_packs_one_code", field="battery_code", value=code)
    return RecordProblem(where=where, battery_code=code, error=error)


def make_note(identity: str, **parameters: object) -> IntakeNote:
    """Return the note with this id and these parameters of its sentence.

    >>> make_note("I02", field="maker", value="'-'").caution.message_en
    "maker: '-' is read as not known"
    """
    severity: Severity = "info" if identity in _INFO else "warn"
    return IntakeNote(caution=make_caution(identity, severity, effect=fixed("effect.info"), **parameters))


@lru_cache(maxsize=8192)
def unknown_fields(names: str) -> IntakeNote:
    """Return the note that fields are kept but not used."""
    return make_note("I01", fields=names)


def printable(value: object) -> object:
    """Return a refused value for an error: a short text or a number that JSON can hold.

    >>> printable(88), printable(10**400), printable({"a": 1})
    (88, 'a whole number above 10^18', 'an object')
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 10**18:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return value if isinstance(value, str) and len(value) <= 60 and value.isprintable() else str(shown_value(value))
