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
"""Day from which every new pack needs a GB/T 34014 code (2018 traceability rules, end of the transition)."""

# Chemistries that each type letter admits: F and Z admit any, E admits every ternary grade and NCA.
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


def unreadable_code(context: CheckContext) -> FloatArray:
    """Return the length of a code that claims to follow GB/T 34014 but does not. [characters]"""
    lengths = np.array([len(text or "") for text in context.cases.texts["battery_code"]], dtype=np.float64)
    reasons = ("length", "charset", "level_letter", "type_letter", "suffix", "ambiguous")
    return found(context.refused_for(*reasons), lengths)


def impossible_date(context: CheckContext) -> FloatArray:
    """Return 1 if the production date in the code does not exist. [1]"""
    return found(context.refused_for("impossible_date", "date_letter"))


def made_after_valuation(context: CheckContext) -> FloatArray:
    """Return the days from the valuation day to the production date; 1 if only the code gives that date. [d]"""
    ahead = context.cases.packs["made_day"] - context.cases.as_of_day
    return np.where(ahead > 0.0, ahead, found(context.refused_for("future_date")))


def other_chemistry(context: CheckContext) -> FloatArray:
    """Return the type in the code as a number if it contradicts the declared chemistry. [code]"""
    letter, declared = context.code["type_code"], context.cases.packs["chemistry"]
    both = ~np.isnan(letter) & ~np.isnan(declared)
    letter_code = np.where(both, letter, 0.0).astype(np.int64)
    chemistry_code = np.where(both, declared, 0.0).astype(np.int64)
    return found(both & ~_ADMITTED[letter_code, chemistry_code], letter)


def other_level(context: CheckContext) -> FloatArray:
    """Return the level in the code as a number if it is not a pack. [code]"""
    level = context.code["level_code"]
    return found(level > float(LEVELS.index("pack")), level)


def late_legacy_code(context: CheckContext) -> FloatArray:
    """Return the days from the start of mandatory coding to the production of a pack with a non-standard code. [d]"""
    late = context.nameplate.made_day - CODING_DUTY_DAY
    return found(context.is_legacy & (late > 0.0), late)


def orphan_second_life_code(context: CheckContext) -> FloatArray:
    """Return 1 if a second-life product does not name its original code. [1]"""
    orphan = np.array([not parent for parent in context.cases.texts["parent_code"]], dtype=bool)
    return found(orphan & (context.code["kind_code"] == float(KINDS.index("second_life19"))))


def cleaned_up_code(context: CheckContext) -> FloatArray:
    """Return 1 if the code could be read only after clean-up, such as joining two printed lines. [1]"""
    return found((context.code["cleaned_up"] == 1.0) & (context.code["valid"] == 1.0))


def letters_in_serial(context: CheckContext) -> FloatArray:
    """Return 1 if the serial number contains letters. [1]"""
    return found(context.code["serial_has_letters"] == 1.0)


def two_levels(context: CheckContext) -> FloatArray:
    """Return 1 if a second-life code names two levels. [1]"""
    return found(context.code["suffix_level_differs"] == 1.0)


def no_code(context: CheckContext) -> FloatArray:
    """Return 1 if the pack has no battery code. [1]"""
    return found(~context.has_code)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="C01",
        function=unreadable_code,
        severity="warn",
        widen=1.15,
        grade="D",
    ),
    Check(
        id="C02",
        function=impossible_date,
        severity="warn",
        widen=1.15,
        grade="D",
    ),
    Check(
        id="C03",
        function=made_after_valuation,
        severity="warn",
        widen=1.20,
        grade="D",
    ),
    Check(
        id="C06",
        function=other_chemistry,
        severity="warn",
        widen=1.25,
        grade="D",
    ),
    Check(
        id="C07",
        function=other_level,
        severity="warn",
        widen=1.10,
        grade="C",
    ),
    Check(
        id="C08",
        function=late_legacy_code,
        severity="warn",
        widen=1.10,
        grade="C",
    ),
    Check(
        id="C09",
        function=orphan_second_life_code,
        severity="warn",
        widen=1.10,
        grade="C",
    ),
    Check(
        id="C10",
        function=cleaned_up_code,
        severity="info",
    ),
    Check(
        id="C11",
        function=letters_in_serial,
        severity="info",
    ),
    Check(
        id="C12",
        function=two_levels,
        severity="info",
        grade="C",
    ),
    Check(
        id="C13",
        function=no_code,
        severity="info",
        widen=1.05,
        grade="C",
    ),
)
