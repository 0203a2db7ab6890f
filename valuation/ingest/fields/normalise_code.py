"""One spelling of each battery code (电池编码), so that a typing variant does not become another pack."""

from __future__ import annotations

from valuation.battery_code.decoding import decode
from valuation.ingest.fields.days import LAST_DAY
from valuation.ingest.notes import IntakeNote, make_note
from valuation.messages import Message, shown_value

WITH_MARK = 25
"""Length of a 24-character code followed by the C of a virtual module."""


def normalise_code(code: str | None) -> str | None:
    """Return the normalised spelling of a code; a placeholder or ambiguous text is returned unchanged.

    Normalising the result again changes nothing, so a history that is written and read again is equal.

    >>> normalise_code("t01pb0a0000001 a680000123"), normalise_code("-"), normalise_code(None)
    ('T01PB0A0000001A680000123', '-', None)
    """
    if code is None or (code.isascii() and code.isalnum() and code.upper() == code and len(code) != WITH_MARK):
        return code
    name = decode(code, LAST_DAY).identity
    return name if name and decode(name, LAST_DAY).identity == name else code


def normalisation_note(code: str | None) -> IntakeNote | None:
    """Return the note that a code was normalised, None if its spelling is unchanged.

    >>> normalisation_note("t01pb0a0000001a680000123").caution.message_en
    "battery_code: 't01pb0a0000001a680000123' is read as 'T01PB0A0000001A680000123'"
    """
    name = normalise_code(code)
    if name == code:
        return None
    reason = Message("record.read_as", spelled=shown_value(code), name=shown_value(name))
    return make_note("I04", field="battery_code", reason=reason)
