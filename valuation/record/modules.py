"""What the list of a pack's modules (蓄电池模块) tells about the pack, as a few numbers a pack."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from valuation.battery_code.layout import NORMAL, date_from_letters
from valuation.columns import UNKNOWN
from valuation.record.history import Module

MODULE_COLUMNS = (
    "module_count",
    "module_lowest_soh",
    "module_mean_soh",
    "module_soh_spread",
    "module_repeated",
    "module_foreign",
    "module_younger",
)
YOUNGER_DAYS = 3
"""A module dated up to this long after its pack is a slip of the line, not a replacement (judged). [d]"""


def describe_modules(battery_code: str | None, modules: Sequence[Module]) -> tuple[float, ...]:
    """Return the numbers named in :data:`MODULE_COLUMNS`.

    `module_repeated` counts codes that stand more than once, `module_foreign` those of another maker than the pack's
    (first three characters of the code), `module_younger` those whose code is dated after the pack's; all three are not
    known where no module is listed.

    >>> describe_modules("T01P", [Module(battery_code="T01M1", soh=0.75), Module(battery_code="T02M1", soh=0.875)])
    (2.0, 0.75, 0.8125, 0.125, 0.0, 1.0, 0.0)
    """
    if not modules:
        return (UNKNOWN,) * len(MODULE_COLUMNS)
    known = [module.soh for module in modules if module.soh is not None]
    codes = [module.battery_code for module in modules if module.battery_code]
    lowest = min(known, default=UNKNOWN)
    vendor = (battery_code or "")[:3]
    foreign = sum(1 for code in codes if vendor and code[:3] != vendor)
    return (
        float(len(modules)),
        lowest,
        sum(known) / len(known) if known else UNKNOWN,
        max(known) - lowest if known else UNKNOWN,
        float(len(codes) - len(set(codes))),
        float(foreign),
        float(sum(1 for code in codes if _younger(code, battery_code))),
    )


def _younger(module_code: str, pack_code: str | None) -> bool:
    """Tell whether a module's code is dated well after its pack's."""
    made, pack_made = coded_day(module_code), coded_day(pack_code or "")
    return made is not None and pack_made is not None and (made - pack_made).days > YOUNGER_DAYS


def coded_day(code: str) -> date | None:
    """Return the production day that a 24-character code names, None where it names none.

    >>> coded_day("001MB0A0000001A680000123"), coded_day("T01M1")
    (datetime.date(2020, 6, 8), None)
    """
    if len(code) != NORMAL.length:
        return None
    try:
        return date_from_letters(code[NORMAL.date])
    except ValueError:
        return None
