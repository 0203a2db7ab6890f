"""Notes on accepted records: one table of the cautions I01 to I14 in both languages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from valuation.errors import CanzhiError, RefusedPack
from valuation.result import Caution, Severity


class _Wording(NamedTuple):
    severity: Severity
    en: str
    zh: str


NOTES: dict[str, _Wording] = {
    "I01": _Wording("info", "fields unknown here are kept but not used: {fields}",
                    "未识别字段已保留但未使用：{fields}"),
    "I02": _Wording("info", "{fields}: {value} is read as not known", "{fields}：{value} 视为未知"),
    "I03": _Wording("warn", "{fields} is {value}: {reason_en}; not used", "{fields} 为 {value}：{reason_zh}；未采用"),
    "I04": _Wording("info", "{fields}: {reason_en}", "{fields}：{reason_zh}"),
    "I05": _Wording("info", "chemistry {value} is read as {reason_en}", "电池类型 {value} 按 {reason_zh} 处理"),
    "I06": _Wording(
        "warn",
        "the capacity test names no method: taken as the weakest, a BMS reading",
        "余能检测未注明方法：按最弱证据（BMS 读数）处理",
    ),
    "I07": _Wording("warn", "{fields} has no date and is not used", "{fields} 无日期，未采用"),
    "I08": _Wording(
        "warn",
        "negative events that only a person can read: {value} ({fields})",
        "异常事件需人工核查：{value}（{fields}）",
    ),
    "I09": _Wording("warn", "the passport is only a draft", "电池护照仅为草稿"),
    "I10": _Wording(
        "warn",
        "readings of the same battery contradict each other: {fields}; {reason_en}",
        "同一电池的读数互相矛盾：{fields}；{reason_zh}",
    ),
    "I11": _Wording(
        "warn",
        "battery category is {value}, not an EV traction battery",
        "电池类别为 {value}，非电动汽车动力电池",
    ),
    "I12": _Wording(
        "info",
        "no GB/T 34014 code in the passport; identified by {value}",
        "护照中无国标电池编码；标识为 {value}",
    ),
    "I13": _Wording("warn", "the passport gives the status {value} without a date", "护照状态为 {value}，无日期"),
    "I14": _Wording("info", "{value} further fields of the passport are not used, such as {fields}",
                    "护照另有 {value} 个字段未使用，例如 {fields}"),
}  # fmt: skip
"""Severity and wording of every note, by id."""


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
class Problem:
    """A rejected record or row, its place and the reason; `row` is its row in the table of packs, if any."""

    where: str
    battery_code: str | None
    error: CanzhiError
    row: int | None = None


def repeated_code(where: str, code: str) -> Problem:
    """Return the refusal of a pack whose code another pack has too."""
    error = RefusedPack(
        f"two packs carry the code {code!r}",
        hint="a code belongs to one pack: find out which label is wrong, or give all events in one record",
        field="battery_code",
        value=code,
    )
    return Problem(where=where, battery_code=code, error=error)


def make_note(  # noqa: PLR0913 - the words of a sentence, each by its name
    identity: str,
    *,
    fields: str = "",
    value: object = "",
    reason_en: str = "",
    reason_zh: str = "",
    effect: str = "info",
) -> IntakeNote:
    """Return the note with this id and these values.

    >>> make_note("I02", fields="maker", value="'-'").caution.message_en
    "maker: '-' is read as not known"
    """
    wording = NOTES[identity]
    words = {"fields": fields, "value": value, "reason_en": reason_en, "reason_zh": reason_zh or reason_en}
    return IntakeNote(
        caution=Caution(
            id=identity,
            severity=wording.severity,
            message_en=wording.en.format(**words),
            message_zh=wording.zh.format(**words),
            effect=effect,
        )
    )


def truncated_repr(value: object, longest: int = 60) -> str:
    """Return a value for a message: on one line, truncated.

    >>> truncated_repr("a" * 100)[-4:], truncated_repr(True), truncated_repr(-1.7976931348623157e308)
    ("...'", 'true', '-1.7976931348623157e+308')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and abs(value) >= 10**18:
        return f"{'-' if value < 0 else ''}a whole number above 10^18"
    if isinstance(value, str):
        cut = value if len(value) <= longest else value[: longest - 3] + "..."
        return repr(cut)
    return repr(value)[:longest]


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
    return value if isinstance(value, str) and len(value) <= 60 and value.isprintable() else truncated_repr(value)
