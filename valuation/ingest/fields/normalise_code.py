"""One spelling of each battery code (电池编码), so that a typing variant does not become another pack."""

from __future__ import annotations

from collections.abc import Iterable

from valuation.battery_code.clean_up import look_alike
from valuation.battery_code.decoding import decode
from valuation.ingest.fields.days import LAST_DAY
from valuation.ingest.notes import IntakeNote, make_note
from valuation.messages import Message, shown_value

_LONGEST_PLAIN = 24
"""Longer texts of capitals and digits may hold a code after a prefix, or before the C of a virtual module."""


def normalise_code(code: str | None) -> str | None:
    """Return the normalised spelling of a code; a placeholder or ambiguous text is returned unchanged.

    Normalising the result again changes nothing, so a history that is written and read again is equal.

    >>> normalise_code("t01pb0a0000001 a680000123"), normalise_code("-"), normalise_code(None)
    ('T01PB0A0000001A680000123', '-', None)
    >>> normalise_code("https://q.example.cn/?c=T01PB0A0000001A680000123")
    'T01PB0A0000001A680000123'
    """
    if code is None or (len(code) <= _LONGEST_PLAIN and code.isascii() and code.isalnum() and code.upper() == code):
        return code
    name = decode(code, LAST_DAY).identity
    return name if name and decode(name, LAST_DAY).identity == name else code


def code_notes(code: str | None) -> tuple[IntakeNote, ...]:
    """Return the notes on how a code was read: its spelling normalised, letters that look like digits.

    >>> code_notes("t01pb0a0000001a680000123")[0].caution.message_en
    "battery_code: 't01pb0a0000001a680000123' is read as 'T01PB0A0000001A680000123'"
    >>> code_notes("TO1PB0A0000001A680000123")[0].caution.message_en
    "battery_code 'TO1PB0A0000001A680000123' has a letter that looks like a digit; it may be 'T01PB0A0000001A680000123'"
    """
    name = normalise_code(code)
    notes: list[IntakeNote] = []
    if name != code:
        reason = Message("record.read_as", spelled=shown_value(code), name=shown_value(name))
        notes.append(make_note("I04", field="battery_code", reason=reason))
    meant = None if name is None or not has_look_alikes(name) else look_alike(name, LAST_DAY)
    if meant is not None:
        notes.append(make_note("I20", value=shown_value(name), suggestion=shown_value(meant)))
    return tuple(notes)


def has_look_alikes(code: str) -> bool:
    """Return whether a code, or many joined, has a letter that is easily taken for a digit."""
    return "O" in code or "I" in code


def are_plain(codes: Iterable[str]) -> bool:
    """Return whether all codes are normalised and free of look-alike letters, without reading one of them.

    >>> are_plain(["T01PB0A0000001A680000123"]), are_plain(["T01PB0A-0000001-A68-0000123"])
    (True, False)
    """
    codes = list(codes)
    letters = "".join(codes)
    plain = letters.isascii() and letters.isalnum() and letters.upper() == letters and not has_look_alikes(letters)
    return plain and min(map(len, codes)) > 0 and max(map(len, codes)) <= _LONGEST_PLAIN
