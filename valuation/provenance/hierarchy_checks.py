"""Checks on the tree of pack and modules (结构核验), family H."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from valuation.numeric.columns import BoolArray, FloatArray, coalesce
from valuation.provenance.check import Check
from valuation.provenance.check_context import CheckContext, at_least_one, found
from valuation.result import Caution

MIXED_SPREAD: Final = 0.03
"""Spread of module health beyond which a pack is no longer even (EU 2023/1542, Art. 3(32): 3 %)."""


def repeated_module(record: CheckContext) -> FloatArray:
    """Return how many module codes stand more than once in the pack. [1]"""
    return at_least_one(record.cases.packs["module_repeated"])


def younger_module(record: CheckContext) -> FloatArray:
    """Return how many modules were made after the pack, no replacement being on record. [1]"""
    younger = record.cases.packs["module_younger"]
    return at_least_one(np.where(_replaced(record), 0.0, younger))


def foreign_module(record: CheckContext) -> FloatArray:
    """Return how many modules are of another maker than the pack. [1]"""
    return at_least_one(record.cases.packs["module_foreign"])


def unexplained_module(record: CheckContext) -> FloatArray:
    """Return how many modules of another maker sit in the pack without a replacement on record. [1]"""
    return at_least_one(np.where(_replaced(record), 0.0, record.cases.packs["module_foreign"]))


def uneven_modules(record: CheckContext) -> FloatArray:
    """Return the spread of health between modules or cells where the pack counts as uneven. [1]"""
    spread = coalesce(record.cases.packs["module_soh_spread"], record.cases.last("cell_soh_spread"))
    return found(spread > MIXED_SPREAD, spread * 100.0)


def no_tree(record: CheckContext) -> FloatArray:
    """Return 1 where no module of the pack is listed. [1]"""
    return found(np.isnan(record.cases.packs["module_count"]))


def repeated_packs(battery_codes: Sequence[str | None]) -> BoolArray:
    """Return which packs of a batch carry a code that another one carries too (一码多包).

    This is the one check that looks beyond a pack's own record; the doors ask it of a batch before it is valued.

    >>> repeated_packs(["A", "B", "A", None, None]).tolist()
    [True, False, True, False, False]
    """
    seen: dict[str, int] = {}
    for code in battery_codes:
        if code:
            seen[code] = seen.get(code, 0) + 1
    return np.array([seen.get(code or "", 0) > 1 for code in battery_codes], dtype=np.bool_)


REPEATED_PACK: Final = Caution(
    id="H02",
    severity="block",
    message_en="Two packs in this batch carry the same battery code; neither is valued.",
    message_zh="本批次中有两个电池包使用同一编码，均不予评估。",
    effect="find out which pack the code belongs to, and value it alone",
)
"""Refusal of packs that share a code."""


def _replaced(record: CheckContext) -> BoolArray:
    """Return which packs have the replacement of modules or cells on record."""
    cases = record.cases
    work = cases.is_type("maintained") & cases.is_choice("work", "module_replaced", "cell_replaced")
    return cases.count(work) > 0.0


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="H01",
        function=repeated_module,
        severity="warn",
        widen=1.20,
        grade="D",
        message_en="{value:.0f} module code(s) stand more than once in the pack.",
        message_zh="电池包内有{value:.0f}个模块编码重复。",
    ),
    Check(
        id="H03",
        function=younger_module,
        severity="warn",
        widen=1.20,
        grade="D",
        message_en="{value:.0f} module(s) were made after the pack, and no replacement is on record.",
        message_zh="有{value:.0f}个模块的生产日期晚于电池包，且无更换记录。",
    ),
    Check(
        id="H04",
        function=foreign_module,
        severity="info",
        widen=1.05,
        grade="B",
        message_en="{value:.0f} module(s) are of another maker than the pack.",
        message_zh="有{value:.0f}个模块的厂商与电池包不同。",
    ),
    Check(
        id="H06",
        function=unexplained_module,
        severity="warn",
        widen=1.20,
        haircut={"reuse": 0.15, "second_life": 0.05},
        grade="D",
        message_en="{value:.0f} module(s) of another maker without a replacement on record: swapped, nobody says why.",
        message_zh="有{value:.0f}个其他厂商的模块，且无更换记录，来源不明。",
    ),
    Check(
        id="H07",
        function=uneven_modules,
        severity="warn",
        widen=1.05,
        grade="B",
        message_en="Modules or cells differ by {value:.1f} points of health; the weakest rules the pack.",
        message_zh="模块或单体健康状态相差{value:.1f}个百分点，以最弱者为准。",
    ),
    Check(
        id="H08",
        function=no_tree,
        severity="info",
        widen=1.02,
        grade="B",
        message_en="No modules are listed: a swapped module could not be seen.",
        message_zh="无模块清单，无法识别模块是否被更换。",
    ),
)
