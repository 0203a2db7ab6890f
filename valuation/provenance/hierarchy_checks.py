"""Checks on the hierarchy of pack and modules (结构核验), family H."""

from __future__ import annotations

from typing import Final

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray, coalesce
from valuation.provenance.check import Check
from valuation.provenance.check_context import CheckContext, at_least_one, found

MIXED_SPREAD: Final = 0.03
"""Spread of module health above which a pack is uneven (EU 2023/1542, Art. 3(32): 3 %). [1]"""

WORTH_OPENING: Final = 0.10
"""Health of the strong modules above the weakest one, from which a pack may be worth opening (judged). [1]"""


def repeated_module(context: CheckContext) -> FloatArray:
    """Return the number of repeated module codes in the pack. [1]"""
    return at_least_one(context.cases.packs["module_repeated"])


def younger_module(context: CheckContext) -> FloatArray:
    """Return the number of modules made after the pack, without a recorded replacement. [1]"""
    younger = context.cases.packs["module_younger"]
    return at_least_one(np.where(_replaced(context), 0.0, younger))


def foreign_module(context: CheckContext) -> FloatArray:
    """Return the number of modules from another maker. [1]"""
    return at_least_one(context.cases.packs["module_foreign"])


def unexplained_module(context: CheckContext) -> FloatArray:
    """Return the number of modules from another maker, without a recorded replacement. [1]"""
    return at_least_one(np.where(_replaced(context), 0.0, context.cases.packs["module_foreign"]))


def uneven_modules(context: CheckContext) -> FloatArray:
    """Return the spread of health between modules or cells if the pack is uneven. [%]"""
    spread = coalesce(context.cases.packs["module_soh_spread"], context.cases.last("cell_soh_spread"))
    return found(spread > MIXED_SPREAD, spread * 100.0)


def weak_modules(context: CheckContext) -> FloatArray:
    """Return the number of modules that are much weaker than the others, so that the pack may be opened. [1]"""
    packs = context.cases.packs
    gap = packs["module_strong_soh"] - packs["module_lowest_soh"]
    return found(gap > WORTH_OPENING, (1.0 - packs["module_strong_share"]) * packs["module_count"])


def no_module_list(context: CheckContext) -> FloatArray:
    """Return 1 if no modules are listed. [1]"""
    return found(np.isnan(context.cases.packs["module_count"]))


def _replaced(context: CheckContext) -> BoolArray:
    """Return the packs with a recorded replacement of modules or cells."""
    cases = context.cases
    work = cases.is_type("maintained") & cases.is_choice("work", "module_replaced", "cell_replaced")
    return cases.count(work) > 0.0


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="H01",
        function=repeated_module,
        severity="warn",
        widen=1.20,
        grade="D",
    ),
    Check(
        id="H03",
        function=younger_module,
        severity="warn",
        widen=1.20,
        grade="D",
    ),
    Check(
        id="H04",
        function=foreign_module,
        severity="info",
        widen=1.05,
        grade="B",
    ),
    Check(
        id="H06",
        function=unexplained_module,
        severity="warn",
        widen=1.20,
        haircut={"reuse": 0.15, "second_life": 0.05},
        grade="D",
    ),
    Check(
        id="H07",
        function=uneven_modules,
        severity="warn",
        widen=1.05,
        grade="B",
    ),
    Check(
        id="H09",
        function=weak_modules,
        severity="info",
    ),
    Check(
        id="H08",
        function=no_module_list,
        severity="info",
        widen=1.02,
        grade="B",
    ),
)
