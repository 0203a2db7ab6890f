"""One spelling for a pack's battery code (电池编码), so that a slip of the keyboard makes no other pack of it."""

from __future__ import annotations

from valuation.battery_code.decoding import decode
from valuation.intake.notes import IntakeNote, make_note, shown
from valuation.intake.values import LAST_DAY

WITH_MARK = 25
"""Length of a code of 24 with the C of a virtual module behind it."""


def one_spelling(code: str | None) -> str | None:
    """Return the name under which a pack is known; what names no pack, or more than one, stays as it is written.

    The result is always a text that is read as itself, so that a history written and read again is the same.

    >>> one_spelling("t01pb0a0000001 a680000123"), one_spelling("-"), one_spelling(None)
    ('T01PB0A0000001A680000123', '-', None)
    """
    if code is None or (code.isascii() and code.isalnum() and code.upper() == code and len(code) != WITH_MARK):
        return code
    name = decode(code, LAST_DAY).identity
    return name if name and decode(name, LAST_DAY).identity == name else code


def respelled(code: str | None) -> IntakeNote | None:
    """Return the note that a code was read as another spelling of itself, None where it was not.

    >>> respelled("t01pb0a0000001a680000123").caution.message_en
    "battery_code: 't01pb0a0000001a680000123' is read as 'T01PB0A0000001A680000123'"
    """
    name = one_spelling(code)
    if name == code:
        return None
    return make_note(
        "I04",
        fields="battery_code",
        reason_en=f"{shown(code)} is read as {shown(name)}",
        reason_zh=f"{shown(code)} 按 {shown(name)} 读取",
    )
