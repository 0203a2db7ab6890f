"""A battery code explained part by part, in English and Chinese, for the page and the command line."""

from __future__ import annotations

from typing import NamedTuple

from valuation.battery_code.decoding import BatteryCode
from valuation.battery_code.wording import CLEAN_UPS, KINDS, LEVELS, REFUSALS, TYPES, VENDORS, WARNINGS, Wording


class Explanation(NamedTuple):
    """One part of a code in both languages; `part` is a name of `PARTS`."""

    part: str
    text_en: str
    text_zh: str


# The parts in the order of the explanation; parts that a code does not have are left out.
PARTS = {
    "kind": Wording("kind", "编码种类"),
    "vendor": Wording("maker", "厂商代码"),
    "level": Wording("level", "产品类型"),
    "battery_type": Wording("battery type", "电池类型"),
    "spec": Wording("spec code", "规格代码"),
    "trace": Wording("trace code", "追溯信息代码"),
    "made_on": Wording("made on", "生产日期"),
    "serial": Wording("serial number", "序列号"),
    "clean_up": Wording("clean-up", "录入整理"),
    "warning": Wording("remark", "提示"),
    "reason": Wording("refused because", "无效原因"),
    "way_out": Wording("what to do", "处理建议"),
    "suggestion": Wording("perhaps", "可能的编码"),
}

_BACK_FILLED = Wording(
    "made before the standard came into force (2018-02-01), so the code was assigned afterwards",
    "生产日期早于标准实施日（2018-02-01），属补编码",
)


def explain(code: BatteryCode) -> list[Explanation]:
    """Return the explanation of a code's parts; for a refused code the reason and a hint (编码解读).

    >>> import datetime
    >>> from valuation.battery_code.decoding import decode
    >>> for line in explain(decode("T01PH010000001B150000123", datetime.date(2026, 1, 1)))[1:]:
    ...     print(line.part, "|", line.text_en, "|", line.text_zh)
    reason | position 5 is not one of A to G or Z | 第5位不是A至G或Z
    way_out | scan the label again or compare it character by character | 请重新扫码或逐位核对标签
    """
    lines = [_line("kind", KINDS[code.kind])]
    lines += _parts(code)
    lines += [_line("clean_up", CLEAN_UPS[step]) for step in code.clean_up]
    lines += [_line("warning", WARNINGS[remark]) for remark in code.warnings]
    if code.back_filled:
        lines.append(_line("warning", _BACK_FILLED))
    if code.reason is not None:
        refusal = REFUSALS[code.reason]
        lines += [_line("reason", refusal.why), _line("way_out", refusal.way_out)]
    lines += [Explanation("suggestion", suggested, suggested) for suggested in code.suggestions]
    return lines


def _parts(code: BatteryCode) -> list[Explanation]:
    """Return the parts of a valid code."""
    if code.vendor is None or code.level is None or code.battery_type is None:
        return []
    maker = VENDORS.get(code.vendor, Wording("not in the public list of makers", "未列入公开厂商名单"))
    spec = Wording("set and filed by the maker", "由企业自定并备案")
    lines = [
        _line("vendor", Wording(f"{code.vendor}, {maker.en}", f"{code.vendor}，{maker.zh}")),
        _line("level", LEVELS[code.level]),
        _line("battery_type", TYPES[code.battery_type]),
        _line("spec", Wording(f"{code.spec}, {spec.en}", f"{code.spec}，{spec.zh}")),
    ]
    if code.trace is not None:
        lines.append(_line("trace", Wording(f"{code.trace}, {spec.en}", f"{code.trace}，{spec.zh}")))
    made_on, serial = str(code.made_on), str(code.serial)
    lines.append(_line("made_on", Wording(made_on, made_on)))
    lines.append(_line("serial", Wording(f"{serial}, counted within the day", f"{serial}，当日生产顺序号")))
    return lines


def _line(part: str, wording: Wording) -> Explanation:
    return Explanation(part, wording.en, wording.zh)
