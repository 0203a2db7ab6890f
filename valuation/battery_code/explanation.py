"""A battery code explained part by part, in English and Chinese, for the page and the command line."""

from __future__ import annotations

from typing import NamedTuple

from valuation.battery_code.decoding import BatteryCode
from valuation.messages import Message, both, find


class Explanation(NamedTuple):
    """One part of a code in both languages; `part` is the name under `code.part` in the catalogue."""

    part: str
    text_en: str
    text_zh: str


def explain(code: BatteryCode) -> list[Explanation]:
    """Return the explanation of a code's parts; for a refused code the reason and a hint (编码解读).

    >>> import datetime
    >>> from valuation.battery_code.decoding import decode
    >>> for line in explain(decode("T01PH010000001B150000123", datetime.date(2026, 1, 1)))[1:]:
    ...     print(line.part, "|", line.text_en, "|", line.text_zh)
    reason | position 5 is not one of A to G or Z | 第5位不是A至G或Z
    way_out | scan the label again or compare it character by character | 请重新扫码或逐位核对标签
    """
    lines = [_line("kind", f"code.kind.{code.kind}"), *_parts(code)]
    lines += [_line("clean_up", f"code.clean_up.{step}") for step in code.clean_up]
    remarks = (*code.warnings, "back_filled") if code.back_filled else code.warnings
    lines += [_line("warning", f"code.warning.{remark}") for remark in remarks]
    if code.reason is not None:
        reason = f"code.reason.{code.reason}"
        lines += [_line("reason", reason), _line("way_out", f"{reason}.hint")]
    lines += [Explanation("suggestion", suggested, suggested) for suggested in code.suggestions]
    return lines


def vendor_id(vendor: str) -> str:
    """Return the message id of the maker's name for a vendor code; that of `unknown` if the maker is not public.

    >>> vendor_id("04Q"), vendor_id("ZZZ")
    ('code.vendor.04Q', 'code.vendor.unknown')
    """
    identity = f"code.vendor.{vendor}"
    return "code.vendor.unknown" if find(identity) is None else identity


def _parts(code: BatteryCode) -> list[Explanation]:
    """Return the parts of a valid code."""
    if code.vendor is None or code.level is None or code.battery_type is None:
        return []
    lines = [
        _line("vendor", "code.named", code=code.vendor, name=Message(vendor_id(code.vendor))),
        _line("level", f"code.level.{code.level}"),
        _line("battery_type", f"code.type.{code.battery_type}"),
        _line("spec", "code.specification", code=code.spec),
    ]
    if code.trace is not None:
        lines.append(_line("trace", "code.specification", code=code.trace))
    lines.append(Explanation("made_on", str(code.made_on), str(code.made_on)))
    lines.append(_line("serial", "code.serial", code=code.serial))
    return lines


def _line(part: str, identity: str, **parameters: object) -> Explanation:
    return Explanation(part, *both(identity, **parameters))
