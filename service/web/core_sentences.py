"""The core's commonest refusals in Chinese: the core speaks English, a recycler's yard does not always.

A sentence is recognised by its shape and told again with the same words in it; what is not recognised stays English
and is marked so. Tests hold every shape against the core's real sentence.
"""

from __future__ import annotations

import re
from typing import Final

_SHAPES: Final = tuple(
    (re.compile(shape, re.DOTALL), chinese)
    for shape, chinese in (
        (r"two packs carry the code (.+)", "有两个电池包使用同一编码 {0}，均不予评估"),
        (
            r"this (.+?) passport cannot be valued: (.+?) cannot be told from it(?:; not usable: .*)?",
            "该 {0} 电池护照无法评估：其中无法得知{1}",
        ),
        (r"battery_code is missing, and (.+?) (?:is|are) not given", "缺少电池编码，且未给出{0}"),
        (
            r"battery_code (.+?) is no GB/T 34014 code, and (.+?) (?:is|are) not given",
            "电池编码 {0} 不符合 GB/T 34014，且未给出{1}",
        ),
        (r"(\S+) is (.+?), above the highest possible (\S+)", "{0} 为 {1}，超过可能的最大值 {2}"),
        (r"(\S+) is (.+?), below the lowest possible (\S+)", "{0} 为 {1}，低于可能的最小值 {2}"),
        (r"(\S+) is the text (.+?), not a number", "{0} 为文本 {1}，不是数字"),
        (r"(\S+) is (.+?), not a number", "{0} 为 {1}，不是数字"),
        (r"(\S+) is (.+?), no (?:ISO date|day in ISO 8601)", "{0} 为 {1}，不是 ISO 日期（如 2026-11-20）"),
        (r"(\S+) is (.+?), a day that no calendar has", "{0} 为 {1}，日历上无此日"),
        (r"(\S+) is (\S+), outside (\S+) to (\S+)", "{0} 为 {1}，应在 {2} 至 {3} 之间"),
        (r"(\S+) is (.+?), none of (.+)", "{0} 为 {1}，应为以下之一：{2}"),
        (r"(.+?) is not quoted on or before (\S+)", "{0} 在 {1} 及之前无报价"),
        (r"(\S+) is missing", "缺少 {0}"),
        (
            r"no nameplate of (.+) was recorded by (\S+) \(the first was on (\S+)\), and the code names no chemistry",
            "截至 {1}，电池 {0} 尚无铭牌信息（最早登记于 {2}），且编码不含电池类型",
        ),
        (r"(.+?) is no JSON: .*", "{0} 不是有效的 JSON"),
        (r"(.+?) is no text in UTF-8.*", "{0} 不是 UTF-8 文本"),
        (r"(.+?) is a zip archive or Excel workbook", "{0} 是压缩包或 Excel 文件，请另存为 CSV（UTF-8）"),
    )
)
"""Shapes of sentences, the first that fits counts; what stands in brackets fills the places of the Chinese."""

_WORDS: Final = (
    ("the cell chemistry", "电池类型"),
    ("the rated energy in kWh", "额定能量"),
    ("rated_energy_kwh", "额定能量"),
    ("chemistry", "电池类型"),
    (" and ", "和"),
)
_LACKING: Final = frozenset({"无法得知", "未给出"})

HINTS: Final[dict[str, str]] = {
    "give the other documents of the same battery together with this one, or its battery code, or a trace record with "
    "chemistry and rated_energy_kwh from the nameplate": (
        "请一并上传同一电池的其他护照文件，或填写电池编码，或按铭牌补充电池类型与额定能量"
    ),
    "give the 24-character battery code, or chemistry and rated_energy_kwh from the nameplate": (
        "请填写 24 位电池编码，或按铭牌补充电池类型与额定能量"
    ),
    "a code belongs to one pack: find out which label is wrong, or give all events in one record": (
        "一码只对应一个电池包：请查清哪张标签有误，或将全部记录合并为一条"
    ),
    "choose the day on which the nameplate was recorded, or a later one, as the valuation day": (
        "请将评估基准日改为铭牌登记当日或之后"
    ),
    "write 2026-11-20": "请写成 2026-11-20 的形式",
    "save the sheet as CSV (UTF-8)": "请将表格另存为 CSV（UTF-8）",
    "save the file as UTF-8": "请将文件另存为 UTF-8",
}
"""Ways out of the core in Chinese, by the core's own sentence."""


def in_chinese(message: str) -> str | None:
    """Return a refusal of the core in Chinese, None where its shape is not known.

    >>> in_chinese("events[0].soh is 88, above the highest possible 1.2")
    'events[0].soh 为 88，超过可能的最大值 1.2。'
    """
    told = [_told(part) for part in message.split("; also ")]
    if any(part is None for part in told):
        return None
    return "；".join(part for part in told if part is not None) + "。"


def _told(sentence: str) -> str | None:
    """Return one sentence in Chinese, without its full stop."""
    for shape, chinese in _SHAPES:
        found = shape.fullmatch(sentence)
        if found is not None:
            names = any(word in chinese for word in _LACKING)
            return chinese.format(*(_named(part) if names else part for part in found.groups()))
    return None


def _named(part: str) -> str:
    """Return the names of what is lacking in Chinese."""
    for english, chinese in _WORDS:
        part = part.replace(english, chinese)
    return part
