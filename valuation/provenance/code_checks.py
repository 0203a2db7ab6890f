"""Checks on the battery code (编码核验), family C."""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np

from valuation.battery_code.layout import CHEMISTRY_OF_TYPE, KINDS, LEVELS, TYPE_LETTERS
from valuation.numeric.columns import FloatArray
from valuation.provenance.check import Check
from valuation.provenance.check_context import CheckContext, found
from valuation.record.fields import CHEMISTRIES
from valuation.record.to_columns import day_number

CODING_DUTY_DAY: Final = day_number(date(2019, 8, 1))
"""From this day every new pack needs a GB/T 34014 code (2018 traceability rules: earlier models had until then)."""

# Chemistries that a type letter admits; F and Z admit any. A grade or NCA is ternary.
_TERNARY = ("NMC", "NMC111", "NMC523", "NMC622", "NMC811", "NCA")
_ADMITTED = np.array(
    [
        [
            letter not in CHEMISTRY_OF_TYPE
            or CHEMISTRY_OF_TYPE[letter] == chemistry
            or (letter == "E" and chemistry in _TERNARY)
            for chemistry in CHEMISTRIES
        ]
        for letter in TYPE_LETTERS
    ]
)


def unreadable_code(record: CheckContext) -> FloatArray:
    """Return the length of a code that claims to follow GB/T 34014 and does not. [characters]"""
    lengths = np.array([len(text or "") for text in record.cases.texts["battery_code"]], dtype=np.float64)
    reasons = ("length", "charset", "level_letter", "type_letter", "suffix", "ambiguous")
    return found(record.refused_for(*reasons), lengths)


def impossible_date(record: CheckContext) -> FloatArray:
    """Return 1 where the code's production date is none that the calendar has. [1]"""
    return found(record.refused_for("impossible_date", "date_letter"))


def made_after_valuation(record: CheckContext) -> FloatArray:
    """Return by how many days the production date lies after the valuation day; 1 where only the code says so. [d]"""
    ahead = record.cases.packs["made_day"] - record.cases.as_of_day
    return np.where(ahead > 0.0, ahead, found(record.refused_for("future_date")))


def other_chemistry(record: CheckContext) -> FloatArray:
    """Return the code's type as a number where it cannot be that of the declared chemistry. [code]"""
    letter, declared = record.code["type_code"], record.cases.packs["chemistry"]
    both = ~np.isnan(letter) & ~np.isnan(declared)
    letter_code = np.where(both, letter, 0.0).astype(np.int64)
    chemistry_code = np.where(both, declared, 0.0).astype(np.int64)
    return found(both & ~_ADMITTED[letter_code, chemistry_code], letter)


def other_level(record: CheckContext) -> FloatArray:
    """Return the code's level as a number where it is not that of a pack. [code]"""
    level = record.code["level_code"]
    return found(level > float(LEVELS.index("pack")), level)


def late_legacy_code(record: CheckContext) -> FloatArray:
    """Return how long after the coding duty began a pack with another maker's own number was made. [d]"""
    late = record.nameplate.made_day - CODING_DUTY_DAY
    return found(record.is_legacy & (late > 0.0), late)


def orphan_second_life_code(record: CheckContext) -> FloatArray:
    """Return 1 where a second-life product does not name the code it came from. [1]"""
    orphan = np.array([not parent for parent in record.cases.texts["parent_code"]], dtype=bool)
    return found(orphan & (record.code["kind_code"] == float(KINDS.index("second_life19"))))


def cleaned_up_code(record: CheckContext) -> FloatArray:
    """Return 1 where the code could be read only after cleaning up, for example joining two printed lines. [1]"""
    return found((record.code["cleaned_up"] == 1.0) & (record.code["valid"] == 1.0))


def letters_in_serial(record: CheckContext) -> FloatArray:
    """Return 1 where the serial number holds letters. [1]"""
    return found(record.code["serial_has_letters"] == 1.0)


def two_levels(record: CheckContext) -> FloatArray:
    """Return 1 where a second-life code names two levels. [1]"""
    return found(record.code["suffix_level_differs"] == 1.0)


def no_code(record: CheckContext) -> FloatArray:
    """Return 1 where the pack came without a battery code. [1]"""
    return found(~record.has_code)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="C01",
        function=unreadable_code,
        severity="warn",
        widen=1.15,
        grade="D",
        message_en="The battery code is none under GB/T 34014 ({value:.0f} characters); compare it with the label.",
        message_zh="电池编码不符合GB/T 34014（{value:.0f}位），请核对标签。",
    ),
    Check(
        id="C02",
        function=impossible_date,
        severity="warn",
        widen=1.15,
        grade="D",
        message_en="The production date in the battery code does not exist in the calendar.",
        message_zh="电池编码中的生产日期在日历中不存在。",
    ),
    Check(
        id="C03",
        function=made_after_valuation,
        severity="warn",
        widen=1.20,
        grade="D",
        message_en="The pack is dated after the valuation day (by {value:.0f} days or more).",
        message_zh="生产日期晚于评估基准日（至少{value:.0f}天）。",
    ),
    Check(
        id="C06",
        function=other_chemistry,
        severity="warn",
        widen=1.25,
        grade="D",
        message_en="The declared chemistry is not the one that the battery code names.",
        message_zh="申报的电池类型与编码中的类型不一致。",
    ),
    Check(
        id="C07",
        function=other_level,
        severity="warn",
        widen=1.10,
        grade="C",
        message_en="The code is that of a module or a cell, not of a pack.",
        message_zh="该编码为模块或单体编码，不是电池包编码。",
    ),
    Check(
        id="C08",
        function=late_legacy_code,
        severity="warn",
        widen=1.10,
        grade="C",
        message_en="A number outside GB/T 34014 on a pack made {value:.0f} days after coding became a duty.",
        message_zh="该电池在强制编码后{value:.0f}天生产，却使用非GB/T 34014编号。",
    ),
    Check(
        id="C09",
        function=orphan_second_life_code,
        severity="warn",
        widen=1.10,
        grade="C",
        message_en="A second-life code without the original code, which must be kept.",
        message_zh="梯次利用产品编码未附原电池编码（按规定须保留）。",
    ),
    Check(
        id="C10",
        function=cleaned_up_code,
        severity="info",
        message_en="The battery code was readable only after cleaning up (blanks, small letters or joined lines).",
        message_zh="电池编码经整理（去空格、转大写或拼接）后才可识别。",
    ),
    Check(
        id="C11",
        function=letters_in_serial,
        severity="info",
        message_en="The serial number in the battery code holds letters; some makers do so.",
        message_zh="电池编码序列号含字母，部分企业如此编码。",
    ),
    Check(
        id="C12",
        function=two_levels,
        severity="info",
        grade="C",
        message_en="The second-life code names two different levels.",
        message_zh="梯次利用产品编码中的两处产品类型不一致。",
    ),
    Check(
        id="C13",
        function=no_code,
        severity="info",
        widen=1.05,
        grade="C",
        message_en="No battery code: the pack's history cannot be tied to it.",
        message_zh="未提供电池编码，溯源记录无法与实物对应。",
    ),
)
