"""Summary of a pack's modules (蓄电池模块) as a few numbers per pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from valuation.battery_code.code_columns import coded_days
from valuation.battery_code.layout import NORMAL, date_from_letters
from valuation.numeric import columns
from valuation.numeric.columns import UNKNOWN, FloatArray, IntArray
from valuation.record.history import Module

MODULE_COLUMNS = (
    "module_count",
    "module_lowest_soh",
    "module_mean_soh",
    "module_soh_spread",
    "module_strong_share",
    "module_strong_soh",
    "module_repeated",
    "module_foreign",
    "module_younger",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modules:
    """Modules of many packs: their codes, "" where none is given, and their health, NaN where not known."""

    codes: Sequence[str]
    soh: FloatArray


YOUNGER_DAYS = 3
"""A module dated up to this many days after its pack is not counted as a replacement (judged). [d]"""


def describe_modules(battery_code: str | None, modules: Sequence[Module]) -> tuple[float, ...]:
    """Return the numbers named in :data:`MODULE_COLUMNS`.

    `module_strong_share` and `module_strong_soh` are the share and the mean health of the strong modules, those nearer
    to the best one than to the weakest, among the modules whose health is known. `module_repeated` counts repeated
    codes, `module_foreign` codes of another maker than the pack's (first three characters), `module_younger` codes
    dated after the pack's. All are unknown if no module is listed.

    >>> describe_modules("T01P", [Module(battery_code="T01M1", soh=0.75), Module(battery_code="T02M1", soh=0.875)])
    (2.0, 0.75, 0.8125, 0.125, 0.5, 0.875, 0.0, 1.0, 0.0)
    """
    if not modules:
        return (UNKNOWN,) * len(MODULE_COLUMNS)
    known = [module.soh for module in modules if module.soh is not None]
    codes = [module.battery_code for module in modules if module.battery_code]
    lowest, highest = min(known, default=UNKNOWN), max(known, default=UNKNOWN)
    strong = [soh for soh in known if soh >= 0.5 * (lowest + highest)]
    vendor = (battery_code or "")[:3]
    foreign = sum(1 for code in codes if vendor and code[:3] != vendor)
    return (
        float(len(modules)),
        lowest,
        _sum(known) / len(known) if known else UNKNOWN,
        highest - lowest,
        len(strong) / len(known) if known else UNKNOWN,
        _sum(strong) / len(strong) if strong else UNKNOWN,
        float(len(codes) - len(set(codes))),
        float(foreign),
        float(_younger(codes, battery_code)),
    )


def describe_many(owner: IntArray, modules: Modules, packs: Sequence[str | None]) -> dict[str, FloatArray]:
    """Return the columns of :data:`MODULE_COLUMNS` for many packs at once, equal to :func:`describe_modules`.

    Parameters
    ----------
    owner : integers of shape (modules,)
        The pack of each module, rising.
    modules : Modules
        Codes ("" where none is given) and health of the modules.
    packs : texts of length packs
        Battery codes of the packs.
    """
    rows = len(packs)
    count = np.bincount(owner, minlength=rows).astype(np.float64)
    listed = count > 0.0
    known = ~np.isnan(modules.soh)
    measured = columns.count(owner, known, rows)
    total = columns.total(owner, modules.soh, rows)
    lowest = columns.lowest(owner, modules.soh, rows)
    highest = columns.highest(owner, modules.soh, rows)
    strong_soh = np.where(modules.soh >= (0.5 * (lowest + highest))[owner], modules.soh, np.nan)
    strong = columns.count(owner, ~np.isnan(strong_soh), rows)
    strong_total = columns.total(owner, strong_soh, rows)
    codes = [code for code in modules.codes if code]
    owners = owner if len(codes) == len(owner) else owner[[bool(code) for code in modules.codes]]
    vendor = np.array([(code or "")[:3] for code in packs], dtype="U3")[owners]
    makers = np.array([code[:3] for code in codes], dtype="U3")
    made = coded_days(codes)
    pack_made = coded_days([code or "" for code in packs])[owners]
    return {
        "module_count": np.where(listed, count, np.nan),
        "module_lowest_soh": lowest,
        "module_mean_soh": np.where(measured > 0.0, total / np.where(measured > 0.0, measured, 1.0), np.nan),
        "module_soh_spread": highest - lowest,
        "module_strong_share": np.where(measured > 0.0, strong / np.where(measured > 0.0, measured, 1.0), np.nan),
        "module_strong_soh": np.where(strong > 0.0, strong_total / np.where(strong > 0.0, strong, 1.0), np.nan),
        "module_repeated": np.where(listed, _repeated(owners, codes, rows), np.nan),
        "module_foreign": np.where(listed, columns.count(owners, (vendor != "") & (makers != vendor), rows), np.nan),
        "module_younger": np.where(listed, columns.count(owners, made - pack_made > YOUNGER_DAYS, rows), np.nan),
    }


def _repeated(owners: IntArray, codes: Sequence[str], rows: int) -> FloatArray:
    """Return the number of repeated codes of each pack."""
    different: dict[str, int] = {}
    code = np.array([different.setdefault(name, len(different)) for name in codes], dtype=np.int64)
    if len(different) == len(codes):
        return np.zeros(rows)
    pairs = np.unique(owners * max(len(different), 1) + code)
    once = np.bincount(pairs // max(len(different), 1), minlength=rows)
    return (np.bincount(owners, minlength=rows) - once).astype(np.float64)


def _sum(values: Sequence[float]) -> float:
    """Return the sum in sequence: `sum` of newer interpreters compensates rounding, that of older ones does not."""
    total = 0.0
    for value in values:
        total += value
    return total


def _younger(module_codes: Sequence[str], pack_code: str | None) -> int:
    """Return how many module codes are dated after their pack's by more than :data:`YOUNGER_DAYS`."""
    pack_made = coded_day(pack_code or "")
    if pack_made is None:
        return 0
    made = [coded_day(code) for code in module_codes]
    return sum(day is not None and (day - pack_made).days > YOUNGER_DAYS for day in made)


def coded_day(code: str) -> date | None:
    """Return the production day in a 24-character code, None if it has none.

    >>> coded_day("001MB0A0000001A680000123"), coded_day("T01M1")
    (datetime.date(2020, 6, 8), None)
    """
    if len(code) != NORMAL.length:
        return None
    try:
        return date_from_letters(code[NORMAL.date])
    except ValueError:
        return None
