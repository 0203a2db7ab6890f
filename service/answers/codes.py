"""A decoded battery code (编码解读) with the field names of the contract, for HTTP and `canzhi code --json`."""

from __future__ import annotations

from datetime import date

import msgspec

from valuation.battery_code.decoding import BatteryCode


class CodeAnswer(msgspec.Struct, kw_only=True, frozen=True):
    """The parts of a battery code; an invalid code has a reason and suggestions."""

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


def code_answer(decoded: BatteryCode) -> CodeAnswer:
    """Return a decoded battery code as it is answered.

    >>> from valuation.battery_code.decoding import decode
    >>> code_answer(decode("04QCB76836300JBC40000903", date(2026, 1, 1))).level
    'cell'
    """
    return CodeAnswer(**{name: getattr(decoded, name) for name in CodeAnswer.__struct_fields__})
