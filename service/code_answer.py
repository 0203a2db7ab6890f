"""What a battery code tells (编码解读), as the contract names its fields; `canzhi code --json` prints the same."""

from __future__ import annotations

from datetime import date

import msgspec

from valuation.battery_code.decoding import decode


class CodeAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """A battery code part by part; an invalid one carries the reason and what it may have been."""

    code: str
    valid: bool
    kind: str
    level: str | None
    battery_type: str | None
    vendor: str | None
    spec: str | None
    trace: str | None
    made_on: date | None
    serial: str | None
    warnings: tuple[str, ...]
    reason: str | None
    suggestions: tuple[str, ...]
    clean_up: tuple[str, ...]
    text: str


def code_answer(text: str, on: date) -> CodeAnswer:
    """Return what a text tells as a battery code on a day.

    >>> code_answer("04QCB76836300JBC40000903", date(2026, 1, 1)).level
    'cell'
    """
    decoded = decode(text, on)
    return CodeAnswer(**{name: getattr(decoded, name) for name in CodeAnswer.__struct_fields__})
