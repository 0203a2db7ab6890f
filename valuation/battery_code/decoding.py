"""Battery codes (动力蓄电池编码) under GB/T 34014-2017: read, check, clean up.

A code holds the maker, the level, the coarse chemistry and the production day. It does not hold capacity, voltage, mass
or metals. It has no check digit, so a valid code can still be a mistyped one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from valuation.battery_code.clean_up import Cleaned, clean, look_alike, suggestions
from valuation.battery_code.code_columns import CODE_COLUMNS, read_columns
from valuation.battery_code.encoding import CodeParts
from valuation.battery_code.layout import (
    CHEMISTRY_OF_TYPE,
    KINDS,
    LEVEL_LETTERS,
    LEVELS,
    REASONS,
    STANDARD_IN_FORCE,
    TYPE_LETTERS,
    Layout,
)
from valuation.errors import FieldError
from valuation.numeric.columns import FloatArray, unknown

_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryCode:
    """The result of decoding a text as a battery code; a refused text has a kind and a reason only.

    `text` is the text as received, `code` the same after clean-up; `kind` is one of normal24, second_life19, legacy;
    the parts are None if the code is refused (and `trace` in every second-life code).
    """

    text: str
    code: str
    valid: bool
    kind: str
    level: str | None = None
    battery_type: str | None = None
    vendor: str | None = None
    spec: str | None = None
    trace: str | None = None
    made_on: dt.date | None = None
    serial: str | None = None
    warnings: tuple[str, ...] = ()
    reason: str | None = None
    suggestions: tuple[str, ...] = ()
    clean_up: tuple[str, ...] = ()

    @property
    def identity(self) -> str | None:
        """The name that identifies a pack: also a legacy or mistyped code, but not a placeholder."""
        return None if self.reason in ("placeholder", "ambiguous") else self.code

    @property
    def chemistry(self) -> str | None:
        """The coarse chemistry of the type letter; None if the letter has none (F, Z) or the code is refused."""
        return None if self.battery_type is None else CHEMISTRY_OF_TYPE.get(self.battery_type)

    @property
    def back_filled(self) -> bool:
        """Whether the product is older than the standard, so that its code was assigned afterwards (补编码)."""
        return self.made_on is not None and self.made_on < STANDARD_IN_FORCE

    @property
    def parts(self) -> CodeParts | None:
        """The parts from which the code can be encoded again; None if the code is refused."""
        if not (self.vendor and self.level and self.battery_type and self.spec and self.made_on and self.serial):
            return None
        return CodeParts(
            vendor=self.vendor,
            level=self.level,
            battery_type=self.battery_type,
            spec=self.spec,
            made_on=self.made_on,
            serial=self.serial,
            trace=self.trace,
        )


def decode(text: str, on: dt.date) -> BatteryCode:
    """Decode a text as a battery code; an invalid text is returned with its reason, never raised.

    Parameters
    ----------
    text
        The text as received, with blanks.
    on
        The day of the check; a code made more than one day later is refused.

    >>> code = decode("04qcb76836300j bc40000903", dt.date(2026, 1, 1))
    >>> code.valid, code.vendor, code.level, code.battery_type, str(code.made_on), code.clean_up
    (True, '04Q', 'cell', 'B', '2021-12-04', ('upper', 'join'))
    >>> decode("T01PE010000001B2X0000123", dt.date(2026, 1, 1)).reason  # 29 February 2021
    'impossible_date'
    """
    code = _decode(text, on)
    if not code.valid:
        return replace(code, suggestions=suggestions(text, on))
    meant = look_alike(code.code, on)  # valid too, with digits for the letters O and I
    return code if meant is None else replace(code, suggestions=(meant,))


def _decode(text: str, on: dt.date) -> BatteryCode:
    """Decode a text as a battery code, without suggestions for an invalid one."""
    cleaned = clean(text, on)
    reading = cleaned.reading
    if reading.layout is None or reading.made_on is None:
        return BatteryCode(
            text=text,
            code=cleaned.code,
            valid=False,
            kind=reading.layout.kind if reading.layout else "legacy",
            reason=reading.reason,
            clean_up=cleaned.steps,
        )
    return _accepted(text, cleaned, reading.layout, reading.made_on)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeColumns:
    """Many codes as columns, one row per code, with the parts that are texts (empty if refused).

    `columns` holds `kind_code` (index into KINDS), `valid` (1 or 0), `reason_code` (index into REASONS), `made_day`
    (days since 1970-01-01), `level_code` (index into LEVELS), `type_code` (index into TYPE_LETTERS) and, as 1 or 0,
    `serial_has_letters`, `suffix_level_differs`, `back_filled`, `cleaned_up`. Parts of a refused code are NaN.
    """

    columns: dict[str, FloatArray]
    vendor: NDArray[np.str_]
    spec: NDArray[np.str_]


def decode_many(codes: Sequence[str | None], on_day: FloatArray) -> CodeColumns:
    """Decode many texts as battery codes, a million in about a second; each row equals :func:`decode`.

    Parameters
    ----------
    codes
        One text per row; None is a missing code.
    on_day
        The day of the check, one per row or one for all [days since 1970-01-01].

    Raises
    ------
    FieldError
        When a day of the check is not known.

    >>> many = decode_many(["T01PE010000001A170000123", "-"], np.array([20000.0, 20000.0]))
    >>> many.columns["valid"].tolist(), many.columns["made_day"].tolist(), many.vendor.tolist()
    ([1.0, 0.0], [18268.0, nan], ['T01', ''])
    """
    rows = len(codes)
    on_days = np.floor(np.broadcast_to(np.asarray(on_day, dtype=np.float64), (rows,)))
    if np.isnan(on_days).any():
        raise FieldError("code.no_day", field="on_day")
    texts = [code or "" for code in codes]
    columns = {name: unknown(rows) for name in CODE_COLUMNS}
    vendor, spec = np.zeros(rows, dtype="U3"), np.zeros(rows, dtype="U2")
    read_columns(texts, on_days, columns, vendor, spec)
    for row in np.flatnonzero(np.isnan(columns["valid"])).tolist():
        values, vendor[row], spec[row] = _read_apart(texts[row], float(on_days[row]))
        for name, value in values:
            columns[name][row] = value
    return CodeColumns(columns=columns, vendor=vendor, spec=spec)


def _accepted(text: str, cleaned: Cleaned, layout: Layout, made_on: dt.date) -> BatteryCode:
    """Return the parts of a valid code."""
    code = cleaned.code
    return BatteryCode(
        text=text,
        code=code,
        valid=True,
        kind=layout.kind,
        level=LEVELS[LEVEL_LETTERS.index(code[3])],
        battery_type=code[4],
        vendor=code[:3],
        spec=code[5:7],
        trace=code[layout.trace] if layout.trace else None,
        made_on=made_on,
        serial=code[layout.serial],
        warnings=_warnings(code, layout),
        clean_up=cleaned.steps,
    )


@lru_cache(maxsize=1 << 15)  # nameplate and checks both decode a batch
def _read_apart(text: str, on_day: float) -> tuple[tuple[tuple[str, float], ...], str, str]:
    """Return the columns of one text that needs clean-up or is refused, with its vendor and spec."""
    code = _decode(text, _EPOCH + dt.timedelta(days=on_day))
    return tuple(_row(code).items()), code.vendor or "", code.spec or ""


def _row(code: BatteryCode) -> dict[str, float]:
    """Return the columns of one code."""
    columns = {"kind_code": float(KINDS.index(code.kind)), "valid": float(code.valid)}
    columns["cleaned_up"] = float(bool(code.clean_up))
    if code.level is None or code.battery_type is None or code.made_on is None:
        return columns if code.reason is None else {**columns, "reason_code": float(REASONS.index(code.reason))}
    return columns | {
        "made_day": float((code.made_on - _EPOCH).days),
        "level_code": float(LEVELS.index(code.level)),
        "type_code": float(TYPE_LETTERS.index(code.battery_type)),
        "serial_has_letters": float("serial_has_letters" in code.warnings),
        "suffix_level_differs": float("suffix_level_differs" in code.warnings),
        "back_filled": float(code.back_filled),
    }


def _warnings(code: str, layout: Layout) -> tuple[str, ...]:
    """Return the warnings about a valid code."""
    remarks: tuple[str, ...] = ()
    if not code[layout.serial].isdigit():
        remarks += ("serial_has_letters",)
    if layout.suffix and code[-1] != code[3]:
        remarks += ("suffix_level_differs",)
    return remarks
