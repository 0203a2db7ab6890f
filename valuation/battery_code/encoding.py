"""Encoding of battery codes from their parts (编码生成)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from valuation.battery_code.layout import ALPHABET, DIGITS, LEVEL_LETTERS, LEVELS, TYPE_LETTERS, date_letters
from valuation.errors import BatteryCodeError
from valuation.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeParts:
    """The parts of a code; without a trace part it is a second-life code (梯次利用)."""

    vendor: str
    level: str
    battery_type: str
    spec: str
    made_on: dt.date
    serial: str
    trace: str | None = None


def encode(parts: CodeParts) -> str:
    """Return the code of a product from its parts.

    Raises
    ------
    BatteryCodeError
        When a part does not fit its place, or the day has no letters (before 2011, after 2036).

    >>> made_on = dt.date(2024, 5, 25)
    >>> encode(CodeParts(vendor="T03", level="pack", battery_type="B", spec="07", made_on=made_on, serial="0000042"))
    'T03PB07E5S0000042RP'
    """
    second_life = parts.trace is None
    _check("vendor", parts.vendor, 3, ALPHABET)
    _check("battery_type", parts.battery_type, 1, TYPE_LETTERS)
    _check("spec", parts.spec, 2, ALPHABET)
    if parts.trace is not None:
        _check("trace", parts.trace, 7, ALPHABET)
    _check("serial", parts.serial, 7, DIGITS if second_life else ALPHABET)
    if parts.level not in LEVELS:
        raise _misfit("level", parts.level, Message("code.wanted.one_of", choices=LEVELS))
    date = date_letters(parts.made_on)
    if date is None:
        raise _misfit("made_on", parts.made_on, Message("code.wanted.day"))
    level = LEVEL_LETTERS[LEVELS.index(parts.level)]
    head = parts.vendor + level + parts.battery_type + parts.spec + (parts.trace or "")
    return head + date + parts.serial + ("R" + level if second_life else "")


def _check(name: str, value: str, length: int, letters: str) -> None:
    if len(value) != length or not set(value) <= set(letters):
        kind = "digits" if letters == DIGITS else "letters" if len(letters) < 10 else "digits_or_capitals"
        raise _misfit(name, value, Message(f"code.wanted.{kind}", length=length, letters=letters))


def _misfit(name: str, value: object, wanted: Message) -> BatteryCodeError:
    return BatteryCodeError("code.misfit", field=name, value=value, wanted=wanted)
